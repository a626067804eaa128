"""Who sees what. Every query for documents, batches, evidence or vouchers on somebody's behalf
carries one of these conditions; what they leave out does not exist for that person.

A submitter sees what they handed in themselves. Every other role sees the whole of the campuses in
which it is held.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute

from archive.actors import EVERYWHERE, SYSTEM, Actor, Role
from archive.records import Batch, Document, EvidenceRow, VerificationRow, Voucher

#: Roles that see a campus, not only their own.
SEEING = (Role.REVIEWER, Role.ARCHIVIST, Role.AUDITOR, Role.ADMIN)


def seen_campuses(actor: Actor, roles: tuple[Role, ...] = SEEING) -> frozenset[str] | None:
    """The campuses of which the actor sees everything; None for all, empty for none."""
    if actor is SYSTEM:
        return None
    seen: set[str] = set()
    for role in roles:
        held = actor.campuses(role)
        if held is None:
            return None
        seen |= held
    return frozenset(seen)


@dataclass(frozen=True, slots=True)
class Seen:
    """What `visible` says, to look at one document with: all of these campuses, and what bears
    this submitter's id ("" for nobody's)."""

    campuses: frozenset[str]
    own: str = ""

    def sees(self, document: Document) -> bool:
        return document.campus in self.campuses or (
            self.own != "" and document.submitter == self.own
        )

    def condition(self, document: Any = Document) -> ColumnElement[bool]:
        """The same of documents, or of an alias of them, in a query."""
        kinds: list[ColumnElement[bool]] = []
        if self.campuses:
            kinds.append(document.campus.in_(sorted(self.campuses)))
        if self.own:
            kinds.append(document.submitter == self.own)
        return or_(*kinds) if kinds else false()


def seen_by(actor: Actor) -> Seen | None:
    """None when the actor sees everything."""
    campuses = seen_campuses(actor)
    if campuses is None:
        return None
    submits = Role.SUBMITTER in {role for role, _ in actor.grants}
    return Seen(campuses, actor.id if submits else "")


def _theirs(
    actor: Actor,
    submitter: InstrumentedAttribute[str],
    campus: InstrumentedAttribute[str],
    roles: tuple[Role, ...],
) -> ColumnElement[bool]:
    campuses = seen_campuses(actor, roles)
    if campuses is None:
        return true()
    kinds: list[ColumnElement[bool]] = [campus.in_(sorted(campuses))] if campuses else []
    if Role.SUBMITTER in {role for role, _ in actor.grants}:
        kinds.append(and_(submitter == actor.id, submitter != ""))
    return or_(*kinds) if kinds else false()


def visible(actor: Actor) -> ColumnElement[bool]:
    """Condition on `Document`: what this actor may see at all."""
    return _theirs(actor, Document.submitter, Document.campus, SEEING)


def in_charge(actor: Actor, *roles: Role) -> ColumnElement[bool]:
    """Condition on `Document`: those of campuses in which the actor holds one of these roles. A
    decision needs this; seeing a document is not enough."""
    campuses = seen_campuses(actor, roles)
    return true() if campuses is None else Document.campus.in_(sorted(campuses))


def visible_batches(actor: Actor) -> ColumnElement[bool]:
    """Condition on `Batch`."""
    return _theirs(actor, Batch.submitter, Batch.campus, SEEING)


def visible_evidence(actor: Actor) -> ColumnElement[bool]:
    """Condition on `EvidenceRow`: the proofs of visible documents."""
    return EvidenceRow.verification_id.in_(
        select(VerificationRow.id).join(VerificationRow.document).where(visible(actor))
    )


def visible_vouchers(actor: Actor) -> ColumnElement[bool]:
    """Condition on `Voucher`: those with a visible document or batch; all of them for whoever
    sees every campus."""
    if seen_campuses(actor) is None:
        return true()
    return or_(
        exists().where(Document.voucher_no == Voucher.voucher_no, visible(actor)),
        exists().where(Batch.voucher_no == Voucher.voucher_no, visible_batches(actor)),
    )


def campuses_to_submit(actor: Actor) -> frozenset[str] | None:
    """Where the actor may hand in; None for anywhere."""
    return actor.campuses(Role.SUBMITTER)


def campus_to_submit(actor: Actor, wish: str = "") -> str | None:
    """The campus that a hand-in belongs to: the wish where it is allowed, the only one where
    nothing was wished; None when the actor must choose, or may not."""
    campuses = campuses_to_submit(actor)
    if campuses is None or wish in campuses:
        return wish
    if wish == EVERYWHERE and len(campuses) == 1:
        return next(iter(campuses))
    return None
