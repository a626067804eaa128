"""The desk: one wish of one person becomes one deed, or a refusal that says why.

Everything of a deed happens in one transaction: the guard that nobody was first, what it changes,
its row, and its line in the audit trail.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import CursorResult, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from archive import audit, vouchers
from archive.actors import Actor
from archive.records import Document, State, new_id, now
from archive.reviewing import (
    DeedStatus,
    ReviewCase,
    ReviewDeed,
    case_of,
    deed_by_token,
)
from extractors.errors import YanpiaoError
from verifiers.policy import Review
from worker.errors import UnknownDocument
from worker.log import logger
from worker.queues import Stage, enqueue
from worker.review.cases import case_for, undoable
from worker.review.correcting import typed
from worker.review.effects import EFFECTS, Scene, confirmed, restore, snapshot
from worker.review.errors import CaseChanged, NothingToUndo, NotNow, TokenReused
from worker.review.reasons import check_reason
from worker.review.rules import ASIDE, BULK, Action, needs_second, refusal
from worker.review.wishes import Done, Wish, moment_of
from worker.services import Services

log = logger("review")

#: A version that no document has.
NEVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class ReviewDesk:
    """Deeds on the documents of one installation."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @property
    def _policy(self) -> Review:
        return self._services.policy.review

    def act(self, actor: Actor, wish: Wish) -> Done:
        """Do what is asked. Raises the errors of `worker.review.errors`, `UnknownDocument`,
        `BadVoucherNumber`."""
        try:
            with self._services.database.write() as session:
                done = self._act(session, actor, wish)
        except IntegrityError:
            # The same click came twice at once: the other one did it.
            with self._services.database.read() as session:
                known = self._known(session, actor, wish)
            if known is None:
                raise
            done = known
        if not done.repeated:
            self._go_on(done)
        return done

    def act_on_all(
        self, actor: Actor, wishes: Sequence[Wish]
    ) -> list[tuple[Wish, Done | YanpiaoError]]:
        """The same action for several documents that wait for the same reason, each judged on its
        own: one that is refused does not hold up the others. Raises `NotNow` for an action that is
        not for many, or where the reasons differ."""
        if any(wish.action not in BULK for wish in wishes) or len({w.action for w in wishes}) > 1:
            raise NotNow(action=wishes[0].action, state="")
        ids = [wish.document_id for wish in wishes]
        with self._services.database.read() as session:
            query = select(Document.reason).where(Document.id.in_(ids)).distinct()
            if len(session.scalars(query).all()) > 1:
                raise NotNow(action=wishes[0].action, state="")
        results: list[tuple[Wish, Done | YanpiaoError]] = []
        for wish in wishes:
            try:
                results.append((wish, self.act(actor, wish)))
            except YanpiaoError as error:
                results.append((wish, error))
        return results

    # -- one deed ------------------------------------------------------------------------

    def _known(self, session: Session, actor: Actor, wish: Wish) -> Done | None:
        """The deed of this very click, if it was done before. Raises `TokenReused`."""
        deed = deed_by_token(session, wish.token)
        if deed is None:
            return None
        asked = (deed.actor, deed.document_id, deed.action)
        if asked != (actor.id, wish.document_id, wish.action):
            raise TokenReused
        state = session.get_one(Document, wish.document_id).state
        return Done(deed.id, wish.document_id, wish.action, deed.status, state, repeated=True)

    def _act(self, session: Session, actor: Actor, wish: Wish) -> Done:
        if (known := self._known(session, actor, wish)) is not None:
            return known
        document = session.get(Document, wish.document_id)
        if document is None:
            raise UnknownDocument(id=wish.document_id)
        if wish.action not in ASIDE:
            self._first(session, document, wish)
        case = case_for(session, document, actor)
        if (why := refusal(case, wish.action, actor.id, self._policy)) is not None:
            raise why
        check_reason(wish.action, wish.reason, wish.text)
        deed = self._deed(document, actor, wish)
        scene = Scene(session, self._services, document, actor, wish)
        self._carry_out(scene, deed)
        if wish.action not in ASIDE:
            document.updated_at = deed.left_at = now()
        session.add(deed)
        audit.record(
            session,
            f"review_{wish.action}",
            actor=actor.id,
            document_id=document.id,
            voucher_no=document.voucher_no,
            detail=_detail(deed, document),
        )
        session.flush()
        return Done(deed.id, document.id, wish.action, deed.status, document.state)

    def _first(self, session: Session, document: Document, wish: Wish) -> None:
        """Hold the document as it was on the screen, or tell who was first. The update changes
        nothing, but of two at once the second waits for it, and then finds another version.
        Raises `CaseChanged`."""
        conditions = [Document.id == document.id]
        if wish.seen is not None:
            conditions.append(Document.updated_at == (moment_of(wish.seen) or NEVER))
        held = session.execute(
            update(Document)
            .where(*conditions)
            .values(updated_at=Document.updated_at)
            .execution_options(synchronize_session=False)
        )
        session.refresh(document)
        if not isinstance(held, CursorResult) or held.rowcount != 1:
            raise _changed(session, document)

    def _deed(self, document: Document, actor: Actor, wish: Wish) -> ReviewDeed:
        return ReviewDeed(
            id=new_id(),
            document_id=document.id,
            at=now(),
            actor=actor.id,
            action=wish.action,
            status=DeedStatus.DONE,
            token=wish.token,
            reason=wish.reason,
            text=wish.text.strip(),
            wish=_asked(wish),
            changed={},
            before=snapshot(document) if wish.action not in ASIDE else {},
        )

    def _carry_out(self, scene: Scene, deed: ReviewDeed) -> None:
        action = scene.wish.action
        if action is Action.NOTE:
            return
        if action is Action.ASSIGN:
            case_of(scene.session, scene.document.id).assignee = scene.wish.assignee or None
        elif action is Action.UNDO:
            self._undo(scene, deed)
        elif action is Action.SECOND:
            self._second(scene, deed)
        elif self._held_for_second(scene):
            if action is Action.CONFIRM:
                confirmed(scene)  # what could not be carried out is not proposed either
            _drop_proposal(scene)
            deed.status = DeedStatus.PROPOSED
            case_of(scene.session, scene.document.id).proposal = deed.id
        else:
            _drop_proposal(scene)
            EFFECTS[action](scene)
            deed.changed = scene.changed

    def _held_for_second(self, scene: Scene) -> bool:
        invoice = scene.document.invoice
        amounts = [invoice.total_with_tax if invoice else None]
        if text := scene.wish.values.get("total_with_tax"):
            amounts.append(typed("total_with_tax", text))
        return needs_second(scene.wish.action, tuple(amounts), self._policy)

    def _second(self, scene: Scene, deed: ReviewDeed) -> None:
        """Carry out what another reviewer proposed."""
        case = case_of(scene.session, scene.document.id)
        proposal = scene.session.get_one(ReviewDeed, case.proposal)
        deed.about, case.proposal = proposal.id, None
        deed.reason = proposal.reason
        proposal.status = DeedStatus.CONFIRMED
        wish = wish_of(proposal)
        carried = Scene(scene.session, scene.services, scene.document, scene.actor, wish)
        EFFECTS[Action(proposal.action)](carried)
        deed.changed = carried.changed

    def _undo(self, scene: Scene, deed: ReviewDeed) -> None:
        last = undoable(scene.session, scene.document)
        if last is None:
            raise NothingToUndo
        if last.status == DeedStatus.PROPOSED:
            case_of(scene.session, scene.document.id).proposal = None
        else:
            restore(scene.session, scene.document, last)
        if last.about is not None:
            scene.session.get_one(ReviewDeed, last.about).status = DeedStatus.UNDONE
        last.status, deed.about = DeedStatus.UNDONE, last.id

    def _go_on(self, done: Done) -> None:
        """Enqueue what the document's new state asks for; its row is committed already."""
        client = self._services.redis
        if done.state == State.RECEIVED:
            enqueue(client, Stage.OCR, done.document_id)
        elif done.state == State.READ or done.action is Action.REVERIFY:
            enqueue(client, Stage.VERIFY, done.document_id)
        elif done.state in (State.PASSED, State.REJECTED):
            with self._services.database.read() as session:
                voucher_no = session.get_one(Document, done.document_id).voucher_no
                ready = vouchers.ready_to_seal(session, voucher_no)
            if ready:
                enqueue(client, Stage.ARCHIVE, voucher_no)
        log.info("reviewed", document_id=done.document_id, action=done.action, state=done.state)


def _drop_proposal(scene: Scene) -> None:
    """What is decided otherwise overtakes a proposal."""
    case = scene.session.get(ReviewCase, scene.document.id)
    if case is not None and case.proposal is not None:
        scene.session.get_one(ReviewDeed, case.proposal).status = DeedStatus.DROPPED
        case.proposal = None


def _changed(session: Session, document: Document) -> CaseChanged:
    """Who was first: the last deed that changed the document, or a worker."""
    query = (
        select(ReviewDeed)
        .where(ReviewDeed.document_id == document.id, ReviewDeed.action.not_in(list(ASIDE)))
        .order_by(ReviewDeed.at.desc(), ReviewDeed.id.desc())
        .limit(1)
    )
    deed = session.scalars(query).first()
    if deed is None or deed.left_at != document.updated_at:
        return CaseChanged(actor="", action="", at=document.updated_at.isoformat())
    return CaseChanged(actor=deed.actor, action=deed.action, at=deed.at.isoformat())


def _asked(wish: Wish) -> dict[str, object]:
    asked = {
        "values": dict(wish.values),
        "voucher_no": wish.voucher_no,
        "assignee": wish.assignee,
    }
    return {name: value for name, value in asked.items() if value}


def wish_of(deed: ReviewDeed) -> Wish:
    """The wish that a deed was made from."""
    return Wish(
        action=Action(deed.action),
        document_id=deed.document_id,
        token=deed.token,
        reason=deed.reason,
        text=deed.text,
        **deed.wish,
    )


def _detail(deed: ReviewDeed, document: Document) -> dict[str, object]:
    """Ids, codes and names of fields; never a value. An undo changes the state without a move."""
    detail: dict[str, object] = {"deed": deed.id, "status": deed.status, "state": document.state}
    if deed.reason:
        detail["reason"] = deed.reason
    if deed.changed:
        detail["fields"] = sorted(deed.changed)
    if deed.about:
        detail["about"] = deed.about
    return detail
