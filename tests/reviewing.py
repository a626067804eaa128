"""People at the desk, answers that bring documents there, and deeds, for the tests of review."""

from __future__ import annotations

import datetime as dt
import io
import itertools
from decimal import Decimal
from pathlib import Path
from typing import Any

from archive.actors import EVERYWHERE, Actor, Role
from archive.records import State
from archive.reviewing import deeds_of
from extractors.model import Finding, Invoice, Kind, Severity
from extractors.picturing import PagePicture
from extractors.reader import Reader
from fixtures.maker import Form, make, make_truth
from tests.helpers import (
    FixedReader,
    hand_in,
    invoice,
    load,
    visit,
    xml,
)
from verifiers.compare import compare, findings_of
from verifiers.comparison import Compared, Outcome
from verifiers.misreading import outcome_of
from verifiers.model import PortalValues, Reason, Verdict, Verification
from verifiers.policy import Review
from worker import page_pictures
from worker.pipeline import Pipeline
from worker.review.desk import ReviewDesk
from worker.review.rules import Action
from worker.review.wishes import Done, Wish, version_of
from worker.services import Services

_tokens = (f"token-{number}" for number in itertools.count())


def person(name: str) -> Actor:
    return Actor(name, name, name, frozenset({(Role.REVIEWER, EVERYWHERE)}))


LI, WANG = person("li"), person("wang")

DIFFERS = Verification(
    verdict=Verdict.CONTRADICTED,
    reason=Reason.MISMATCH,
    portal_values=PortalValues(
        invoice_number="26312000000000000001",
        seller_name="杭州另一有限公司",
        total_with_tax=Decimal("113.00"),
    ),
    compared=(
        Compared(
            field="seller_name",
            outcome=Outcome.DIFFERS,
            document="杭州某某有限公司",
            portal="杭州另一有限公司",
        ),
    ),
    findings=(
        Finding(
            code="portal_differs",
            severity=Severity.BLOCK,
            field="seller_name",
            params={"field": "seller_name"},
        ),
    ),
)
NOT_FOUND = Verification(verdict=Verdict.CONTRADICTED, reason=Reason.NOT_FOUND)


def in_review(
    services: Services,
    *,
    read: Invoice | None = None,
    answer: Verification = DIFFERS,
    text: str = "",
    voucher: str = "JZ-1",
) -> str:
    receipt = hand_in(services, xml(text), voucher=voucher)
    pipeline = Pipeline(services)
    pipeline.read(receipt.document_id, FixedReader(read or invoice()))
    pipeline.verify(receipt.document_id, visit(answer))
    assert load(services, receipt.document_id).state == State.IN_REVIEW
    return receipt.document_id


def do(desk: ReviewDesk, actor: Actor, document_id: str, action: Action, **more: Any) -> Done:
    services = desk._services
    more.setdefault("seen", version_of(load(services, document_id)))
    return desk.act(actor, Wish(action, document_id, next(_tokens), **more))


def accept(desk: ReviewDesk, document_id: str, actor: Actor = LI, **more: Any) -> Done:
    return do(desk, actor, document_id, Action.ACCEPT, reason="accept_name_variant", **more)


def at_once(services: Services, **review: Any) -> ReviewDesk:
    """A desk whose decisions are sealed without delay."""
    policy = services.policy.model_copy(update={"review": Review(undo_seconds=0, **review)})
    object.__setattr__(services, "policy", policy)
    return ReviewDesk(services)


def deeds(services: Services, document_id: str) -> list[Any]:
    with services.database.read() as session:
        return deeds_of(session, document_id)


def large(services: Services) -> str:
    return in_review(services, read=invoice(total="20000.00"))


class Painter:
    """Draws the pages as the reading process does."""

    def pictures(self, path: Path, invoice: Invoice | None) -> tuple[PagePicture, ...]:
        return Reader().pictures(path, invoice)


def differing(services: Services, seed: int, seller: str, doubted: str = "") -> str:
    """A made invoice of which the tax authority names another seller; reading was not sure of
    the `doubted` field."""
    truth = make_truth(Kind.DIGITAL_NORMAL, seed=seed, today=dt.date(2026, 11, 1))
    content = make(truth, Form.PDF, seed=seed).content
    batch = services.intake.open_batch("http", submitter="chen", voucher_no="JZ-1")
    document_id = services.intake.accept(batch, f"{seed}.pdf", io.BytesIO(content)).document_id
    (read,) = Reader().read_all(content)
    doubt = Finding(code="low_confidence", severity=Severity.WARN, field=doubted)
    small = read.model_copy(update={"findings": (doubt,) if doubted else ()})
    assert small.invoice_number is not None
    portal = PortalValues(invoice_number=small.invoice_number.value, seller_name=seller)
    compared = compare(small, portal)
    verdict, reason = outcome_of(compared)
    answer = Verification(
        verdict=verdict,
        reason=reason,
        portal_values=portal,
        compared=compared,
        findings=findings_of(compared),
    )
    pipeline = Pipeline(services)
    pipeline.read(document_id, FixedReader(small))
    pipeline.verify(document_id, visit(answer))
    page_pictures.draw(services, document_id, Painter())
    return document_id
