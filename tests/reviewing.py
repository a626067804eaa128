"""People at the desk, answers that bring documents there, and deeds, for the tests of review."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

from archive.actors import EVERYWHERE, Actor, Role
from archive.records import State
from archive.reviewing import deeds_of
from extractors.model import Finding, Invoice, Severity
from tests.helpers import (
    FixedReader,
    hand_in,
    invoice,
    load,
    visit,
    xml,
)
from verifiers.comparison import Compared, Outcome
from verifiers.model import PortalValues, Reason, Verdict, Verification
from verifiers.policy import Review
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
