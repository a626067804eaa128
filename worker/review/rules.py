"""What may be done with a document, and by whom. Pure: a case and an actor in, a refusal out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from archive.records import State
from extractors.errors import YanpiaoError
from verifiers.policy import Review
from worker.review.errors import (
    NotAcceptable,
    NothingToUndo,
    NotInCharge,
    NotNow,
    OwnUpload,
    SecondPersonNeeded,
    UnderWay,
)


class Action(StrEnum):
    """What a person may do at the desk."""

    CONFIRM = "confirm"  # what was read is right, or right as corrected
    ACCEPT = "accept"  # a difference stays, with a reason
    REJECT = "reject"
    PICTURE = "picture"  # ask the submitter for a better one
    REREAD = "reread"
    REVERIFY = "reverify"
    LINK = "link"  # to another voucher
    ASSIGN = "assign"
    NOTE = "note"
    SECOND = "second"  # carry out what another reviewer proposed
    UNDO = "undo"


_OPEN = frozenset({State.IN_REVIEW, State.FAILED, State.WAITING})

#: From which states each is possible. UNDO depends on the deed that it takes back.
FROM: Mapping[Action, frozenset[State]] = {
    Action.CONFIRM: frozenset({State.IN_REVIEW}),
    Action.ACCEPT: frozenset({State.IN_REVIEW}),
    Action.REJECT: _OPEN,
    Action.PICTURE: frozenset({State.IN_REVIEW, State.FAILED}),
    Action.REREAD: frozenset({State.IN_REVIEW, State.FAILED}),
    Action.REVERIFY: frozenset({State.IN_REVIEW, State.WAITING}),
    Action.LINK: _OPEN | {State.PASSED},
    Action.ASSIGN: _OPEN,
    Action.NOTE: frozenset(State),
    Action.SECOND: frozenset({State.IN_REVIEW}),
    Action.UNDO: frozenset(State) - {State.ARCHIVED},
}

#: They change nothing of the document: no other reviewer's screen becomes out of date.
ASIDE = frozenset({Action.ASSIGN, Action.NOTE})
#: What lets a document pass on a person's word, and so may need a second person.
PASSING = frozenset({Action.CONFIRM, Action.ACCEPT})
#: What may be done to many at once.
BULK = frozenset(
    {Action.ACCEPT, Action.REJECT, Action.PICTURE, Action.REREAD, Action.REVERIFY, Action.ASSIGN}
)


@dataclass(frozen=True, slots=True)
class Case:
    """What the rules look at. `causes` are the codes of everything that speaks against the
    document; `own`: this actor handed it in; `in_charge`: the actor reviews its campus; `busy`: a
    worker has it, or its voucher, in hand; `proposed_by`: whose proposal waits; `undoable`: a deed
    can be taken back."""

    state: State
    causes: frozenset[str] = frozenset()
    amount: Decimal | None = None
    own: bool = False
    in_charge: bool = True
    busy: bool = False
    proposed_by: str | None = None
    undoable: bool = False


def refusal(case: Case, action: Action, actor: str, policy: Review) -> YanpiaoError | None:
    """Why the actor may not do this now; None where they may."""
    if not case.in_charge:
        return NotInCharge()
    if case.own and action is not Action.NOTE:
        return OwnUpload()
    if case.state not in FROM[action]:
        return NotNow(action=action, state=case.state)
    if case.busy and action not in ASIDE:
        return UnderWay()
    return _particular(case, action, actor, policy)


def _particular(case: Case, action: Action, actor: str, policy: Review) -> YanpiaoError | None:
    if action is Action.ACCEPT and (never := case.causes & set(policy.never_accept)):
        return NotAcceptable(cause=min(never))
    if action is Action.SECOND:
        if case.proposed_by is None:
            return NotNow(action=action, state=case.state)
        if case.proposed_by == actor:
            return SecondPersonNeeded()
    if action is Action.UNDO and not case.undoable:
        return NothingToUndo()
    return None


def possible(case: Case, actor: str, policy: Review) -> frozenset[Action]:
    """Everything that the actor may do now."""
    return frozenset(each for each in Action if refusal(case, each, actor, policy) is None)


def needs_second(action: Action, amounts: tuple[Decimal | None, ...], policy: Review) -> bool:
    """Must another reviewer confirm this? An amount that nobody knows counts as a large one."""
    limit = policy.second_person_above
    if action not in PASSING or limit is None:
        return False
    known = [abs(amount) for amount in amounts if amount is not None]
    return not known or max(known) > limit
