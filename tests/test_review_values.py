"""Confirming and correcting at the desk: what is judged anew, and by what."""

from __future__ import annotations

import pytest

from archive.records import Document, State
from extractors.model import Finding, Severity
from tests.helpers import (
    CONFIRMED,
    FixedReader,
    hand_in,
    invoice,
    load,
    visit,
    xml,
)
from tests.reviewing import (
    LI,
    NOT_FOUND,
    deeds,
    do,
    in_review,
)
from worker.pipeline import Pipeline
from worker.review.desk import ReviewDesk
from worker.review.errors import (
    NothingToConfirm,
)
from worker.review.rules import Action
from worker.services import Services


@pytest.fixture
def desk(services: Services) -> ReviewDesk:
    return ReviewDesk(services)


# -- confirming and correcting -------------------------------------------------------------


def test_a_corrected_key_leads_to_verification_again(services: Services, desk: ReviewDesk) -> None:
    document_id = in_review(services, answer=NOT_FOUND)
    done = do(
        desk, LI, document_id, Action.CONFIRM, values={"invoice_number": "26312000000000000009"}
    )
    assert done.state == State.READ
    document = load(services, document_id)
    assert document.invoice is not None
    assert document.invoice.invoice_number == "26312000000000000009"
    assert document.invoice.data["invoice_number"]["source"] == "person"
    (deed,) = deeds(services, document_id)
    assert deed.changed["invoice_number"] == {
        "old": "26312000000000000001",
        "old_source": "xml",
        "new": "26312000000000000009",
    }
    Pipeline(services).verify(document_id, visit(CONFIRMED))
    assert load(services, document_id).state == State.PASSED
    # The old number is free for whoever bears it.
    other = hand_in(services, xml("other")).document_id
    Pipeline(services).read(other, FixedReader(invoice()))
    assert load(services, other).state == State.READ


def test_another_value_is_judged_by_the_kept_answer(services: Services, desk: ReviewDesk) -> None:
    document_id = in_review(services)
    do(desk, LI, document_id, Action.CONFIRM, values={"seller_name": "杭州另一有限公司"})
    document = load(services, document_id)
    assert (document.state, document.verdict, document.reason) == (
        State.PASSED,
        "confirmed",
        "confirmed_by_person",
    )
    do(desk, LI, document_id, Action.UNDO)
    back = load(services, document_id)
    assert back.invoice is not None
    assert (back.state, back.invoice.seller_name) == (State.IN_REVIEW, "杭州某某有限公司")
    with services.database.read() as session:
        row = session.get_one(Document, document_id).verifications[-1]
        assert (row.verdict, row.compared[0]["outcome"]) == ("contradicted", "differs")  # type: ignore[index]


def test_a_wrong_correction_stays_in_review(services: Services, desk: ReviewDesk) -> None:
    document_id = in_review(services)
    do(desk, LI, document_id, Action.CONFIRM, values={"seller_name": "杭州第三有限公司"})
    document = load(services, document_id)
    assert (document.state, document.reason) == (State.IN_REVIEW, "mismatch")
    assert document.reason_params is not None
    assert document.reason_params["document"] == "杭州第三有限公司"


def test_confirming_settles_doubts_but_not_what_nobody_doubted(
    services: Services, desk: ReviewDesk
) -> None:
    with pytest.raises(NothingToConfirm):
        do(desk, LI, in_review(services), Action.CONFIRM)
    read = invoice("26312000000000000002")
    doubt = Finding(
        code="low_confidence",
        severity=Severity.WARN,
        field="invoice_number",
        params={"field": "invoice_number", "confidence": "0.50"},
    )
    unsure = read.model_copy(update={"findings": (doubt,)})
    document_id = in_review(services, read=unsure, answer=NOT_FOUND, text="2")
    assert load(services, document_id).reason == "keys_unsure"
    do(desk, LI, document_id, Action.CONFIRM)
    document = load(services, document_id)
    assert (document.state, document.reason) == (State.IN_REVIEW, "not_found")


def test_a_number_corrected_to_a_known_one_is_a_duplicate(
    services: Services, desk: ReviewDesk
) -> None:
    first = in_review(services)
    second = in_review(services, read=invoice("26312000000000000002"), text="2")
    number = {"invoice_number": "26312000000000000001"}
    do(desk, LI, second, Action.CONFIRM, values=number)
    document = load(services, second)
    assert (document.state, document.reason) == (State.IN_REVIEW, "duplicate")
    assert document.reason_params == {"other": first}
    do(desk, LI, second, Action.UNDO)
    assert load(services, second).reason == "mismatch"
