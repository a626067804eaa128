"""What each deed does to a document, inside the desk's one transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from archive import page_pictures, vouchers
from archive.actors import Actor
from archive.records import Document, InvoiceClaim, State, VerificationRow, now
from archive.reviewing import ReviewDeed, case_of
from extractors.model import Finding, Invoice
from verifiers.policy import Review
from worker.decide import Decision, decide
from worker.offline import findings_in
from worker.outcomes import claim, keep_invoice
from worker.review.cases import last_verification
from worker.review.correcting import Corrected, Rejudged, corrected, keys_changed, rejudged
from worker.review.errors import InvoiceTaken, NothingToConfirm, NotNow
from worker.review.rules import Action
from worker.review.wishes import Wish
from worker.services import Services
from worker.states import move

#: Why a document passed: a person accepted what speaks against it, or confirmed its values.
ACCEPTED, CONFIRMED = "accepted_by_person", "confirmed_by_person"
_DUPLICATE = "duplicate"


@dataclass(slots=True)
class Scene:
    """Everything a deed works on. `changed` gathers what it changes of the values."""

    session: Session
    services: Services
    document: Document
    actor: Actor
    wish: Wish
    changed: dict[str, Any] = field(default_factory=dict)

    @property
    def policy(self) -> Review:
        return self.services.policy.review

    def invoice(self) -> Invoice:
        """What was read. Raises `NotNow` where nothing was."""
        row = self.document.invoice
        if row is None:
            raise NotNow(action=self.wish.action, state=self.document.state)
        return Invoice.model_validate(row.data)

    def move(self, to: State, **more: Any) -> None:
        move(self.session, self.document, to, actor=self.actor.id, **more)


def pass_on(scene: Scene, reason: str) -> None:
    """Let the document pass on a person's word; it is sealed after the time for taking back."""
    cause = scene.document.reason or ""
    held = now() + dt.timedelta(seconds=scene.policy.undo_seconds)
    scene.move(State.PASSED, reason=reason, params={"cause": cause}, next_try_at=held)


def accept(scene: Scene) -> None:
    """The difference stays as it is."""
    scene.invoice()
    pass_on(scene, ACCEPTED)


def reject(scene: Scene) -> None:
    """Back to the submitter."""
    scene.move(State.REJECTED, reason=scene.wish.reason, params={"text": scene.wish.text})


def ask_picture(scene: Scene) -> None:
    """It stays where it is until the submitter hands in a better picture."""
    document = scene.document
    document.reason = scene.wish.reason
    document.reason_params = {"text": scene.wish.text}
    case_of(scene.session, document.id).picture_wanted_at = now()


def reread(scene: Scene) -> None:
    """Read again from the start; what was corrected by hand is forgotten."""
    scene.document.forget_tries()
    page_pictures.keep(scene.session, scene.document.id, ())
    scene.move(State.RECEIVED)


def reverify(scene: Scene) -> None:
    """Ask the tax authority now. Raises `InvoiceTaken` where another document stands for it."""
    document = scene.document
    if document.state == State.WAITING:
        document.next_try_at = now()
        return
    _hold_claim(scene, scene.invoice())
    document.forget_tries()
    scene.move(State.READ)


def _hold_claim(scene: Scene, invoice: Invoice) -> None:
    if invoice.key is None:
        return
    other = claim(scene.session, invoice.key, scene.document.id)
    if other is not None:
        raise InvoiceTaken(other=other)


def link(scene: Scene) -> None:
    """To another voucher. Raises `BadVoucherNumber`, and `NotNow` for the one that it has."""
    wanted = scene.wish.voucher_no.strip()
    if wanted == scene.document.voucher_no:
        raise NotNow(action=Action.LINK, state=scene.document.state)
    vouchers.ensure(scene.session, wanted, scene.actor.id)
    scene.changed = {"voucher_no": {"old": scene.document.voucher_no, "new": wanted}}
    scene.document.voucher_no = wanted


def confirmed(scene: Scene) -> Corrected:
    """The invoice as the wish says it is. Raises `BadCorrection`, `NothingToConfirm`."""
    done = corrected(scene.invoice(), scene.wish.values)
    if not done.changed:
        raise NothingToConfirm
    return done


def confirm(scene: Scene) -> None:
    """What was read is right, or right as corrected: judge it anew, at the portal where its keys
    are others. Raises `BadCorrection`, `NothingToConfirm`."""
    before = scene.invoice()
    done = confirmed(scene)
    scene.changed = done.changed
    keep_invoice(scene.session, scene.document, done.invoice)
    if before.key != done.invoice.key and not _claim_anew(scene, done):
        return
    row = last_verification(scene.document)
    again = None
    if row is not None and not keys_changed(before, done.invoice):
        told = [Finding.model_validate(one) for one in row.findings]
        again = rejudged(done.invoice, row.verdict, row.reason, row.portal_values, told)
    if row is None or again is None:
        scene.document.forget_tries()
        scene.move(State.READ)
        return
    _follow(scene, done.invoice, row, again)


def _claim_anew(scene: Scene, done: Corrected) -> bool:
    """Let the document stand for the invoice that it turned out to be; False where another does,
    and this one stays as a duplicate."""
    mine = delete(InvoiceClaim).where(InvoiceClaim.document_id == scene.document.id)
    scene.session.execute(mine)
    key = done.invoice.key
    other = claim(scene.session, key, scene.document.id) if key else None
    if other is None:
        return True
    scene.document.verdict = "contradicted"
    scene.document.reason, scene.document.reason_params = _DUPLICATE, {"other": other}
    return False


def _follow(scene: Scene, invoice: Invoice, row: VerificationRow, again: Rejudged) -> None:
    """Go where the kept answer now sends the document."""
    offline = findings_in(scene.session, scene.document, invoice, scene.services.policy)
    decision = decide((*invoice.findings, *offline), again.verification, 0, now())
    told = [*offline, *again.verification.findings]
    if _stands_as_duplicate(scene, invoice):
        decision = _as_it_was(scene.document, decision)
    row.verdict, row.reason = again.verification.verdict, again.verification.reason
    row.findings = _json(told)
    if again.compared:
        row.compared = [each.model_dump(mode="json") for each in again.compared]
    scene.document.verdict = decision.verdict
    if decision.state is State.PASSED:
        pass_on(scene, CONFIRMED)
        return
    scene.document.reason = decision.reason
    scene.document.reason_params = dict(decision.params)


def _stands_as_duplicate(scene: Scene, invoice: Invoice) -> bool:
    """Another document stands for the invoice: no confirmed value changes that."""
    key = invoice.key
    return key is not None and claim(scene.session, key, scene.document.id) is not None


def _as_it_was(document: Document, decision: Decision) -> Decision:
    params = dict(document.reason_params or {})
    return Decision(State.IN_REVIEW, decision.verdict, document.reason or _DUPLICATE, params)


def _json(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    return [finding.model_dump(mode="json") for finding in findings]


EFFECTS = {
    Action.CONFIRM: confirm,
    Action.ACCEPT: accept,
    Action.REJECT: reject,
    Action.PICTURE: ask_picture,
    Action.REREAD: reread,
    Action.REVERIFY: reverify,
    Action.LINK: link,
}


def snapshot(document: Document) -> dict[str, Any]:
    """Everything that a deed may change of a document, as it stands."""
    row = last_verification(document)
    return {
        "state": document.state,
        "verdict": document.verdict,
        "reason": document.reason,
        "reason_params": document.reason_params,
        "next_try_at": document.next_try_at.isoformat() if document.next_try_at else None,
        "voucher_no": document.voucher_no,
        "invoice": document.invoice.data if document.invoice else None,
        "verification": None
        if row is None
        else {
            "id": row.id,
            "verdict": row.verdict,
            "reason": row.reason,
            "findings": row.findings,
            "compared": row.compared,
        },
    }


def restore(session: Session, document: Document, deed: ReviewDeed) -> None:
    """Put a document back to where a deed found it. One whose invoice meanwhile stands elsewhere
    comes back as a duplicate."""
    before = deed.before
    document.state, document.verdict = before["state"], before["verdict"]
    document.reason, document.reason_params = before["reason"], before["reason_params"]
    moment = before["next_try_at"]
    document.next_try_at = dt.datetime.fromisoformat(moment) if moment else None
    document.voucher_no = before["voucher_no"]
    if before["invoice"] is not None:
        invoice = Invoice.model_validate(before["invoice"])
        keep_invoice(session, document, invoice)
        _restore_claim(session, document, invoice)
    if (kept := before["verification"]) is not None:
        row = session.get_one(VerificationRow, kept["id"])
        row.verdict, row.reason = kept["verdict"], kept["reason"]
        row.findings, row.compared = kept["findings"], kept["compared"]
    case = case_of(session, document.id)
    if deed.action == Action.PICTURE:
        case.picture_wanted_at = None
    case.put_away_at = None


def _restore_claim(session: Session, document: Document, invoice: Invoice) -> None:
    session.execute(delete(InvoiceClaim).where(InvoiceClaim.document_id == document.id))
    if invoice.key is None or document.state == State.FAILED:
        return
    other = claim(session, invoice.key, document.id)
    if other is not None and document.state == State.IN_REVIEW:
        document.reason, document.reason_params = _DUPLICATE, {"other": other}
