"""What the books know of other invoices reaches the rules, on a real database."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from archive.history import history_of
from extractors.model import Field, Invoice, Kind, Source
from tests.helpers import CONFIRMED, FixedReader, hand_in, invoice, load, visit, xml
from worker.offline import offline_findings
from worker.pipeline import Pipeline
from worker.services import Services

SELLER = "云江市青禾商贸有限公司"


def sold(number: str, total: str = "113.00", day: int = 2, seller: str = SELLER) -> Invoice:
    """An invoice of the seller; `number` is the end of its 20 digits."""
    name = Field[str](value=seller, raw=seller, source=Source.XML, confidence=1.0)
    when = dt.date(2026, 11, day)
    date = Field[dt.date](value=when, raw=f"{when}", source=Source.XML, confidence=1.0)
    whole = f"263120000000000{number:0>5}"
    return invoice(whole, total).model_copy(update={"seller_name": name, "issue_date": date})


def booked(services: Services, read: Invoice, text: str) -> str:
    document_id = hand_in(services, xml(text)).document_id
    Pipeline(services).read(document_id, FixedReader(read))
    return document_id


def codes_of(services: Services, document_id: str, read: Invoice) -> set[str]:
    return {
        finding.code for finding in offline_findings(services, load(services, document_id), read)
    }


def test_numbers_in_a_row_are_seen_among_a_sellers_invoices(services: Services) -> None:
    booked(services, sold("00010"), "1")
    booked(services, sold("00013"), "2")
    booked(services, sold("00012", seller="别家"), "3")
    second = sold("00011")
    assert "consecutive_numbers" in codes_of(services, booked(services, second, "4"), second)
    far = sold("00020")
    assert "consecutive_numbers" not in codes_of(services, booked(services, far, "5"), far)


def test_history_is_of_the_seller_and_of_the_days(services: Services) -> None:
    for number, day in (("1", 1), ("2", 5), ("3", 20)):
        booked(services, sold(number, day=day), number)
    own = sold("4", day=3)
    document_id = booked(services, own, "4")
    with services.database.read() as session:
        near = history_of(session, document_id, own, 5).same_seller
    assert sorted(other.invoice_number[-1] for other in near) == ["1", "2"]
    assert all(other.total_with_tax == Decimal("113.00") and other.earlier for other in near)


def with_code(read: Invoice, code: str | None) -> Invoice:
    """An older invoice: 8 digits, and a code unless the picture lost it."""
    number = read.invoice_number
    assert number is not None
    short = number.model_copy(update={"value": "12345678"})
    field = code and Field[str](value=code, raw=code, source=Source.OCR, confidence=0.9)
    changes = {"invoice_number": short, "invoice_code": field, "kind": Kind.VAT_NORMAL}
    return read.model_copy(update=changes)


def test_a_photo_that_lost_its_code_is_no_new_invoice(services: Services) -> None:
    first = with_code(sold("1"), "033002000104")
    booked(services, first, "1")
    other = with_code(sold("1"), "033002000204")
    assert "possible_duplicate" not in codes_of(services, booked(services, other, "2"), other)
    again = with_code(sold("1"), None)
    assert "possible_duplicate" in codes_of(services, booked(services, again, "3"), again)


def test_the_first_of_two_is_not_held_up_by_its_duplicate(services: Services) -> None:
    first = sold("1")
    document_id = booked(services, first, "1")
    second = booked(services, first, "2")
    assert load(services, second).reason == "duplicate"
    assert "possible_duplicate" not in codes_of(services, document_id, first)


def test_one_number_with_two_amounts_is_told_on_both(services: Services) -> None:
    genuine, altered = sold("1", "113.00"), sold("1", "1130.00")
    first = booked(services, genuine, "1")
    second = booked(services, altered, "2")
    stopped = load(services, second)
    assert (stopped.state, stopped.reason) == ("in_review", "number_used_otherwise")
    assert stopped.reason_params is not None
    assert stopped.reason_params["other"] == first
    assert "number_used_otherwise" in codes_of(services, first, genuine)


def test_a_code_beside_20_digits_makes_no_second_invoice() -> None:
    plain = sold("1")
    code = Field[str](value="033002000104", raw="", source=Source.OCR, confidence=0.9)
    assert plain.model_copy(update={"invoice_code": code}).key == plain.key


def test_a_finding_of_the_books_keeps_a_confirmed_invoice_from_passing(services: Services) -> None:
    booked(services, with_code(sold("1"), "033002000104"), "1")
    second = booked(services, with_code(sold("1"), None), "2")
    Pipeline(services).verify(second, visit(CONFIRMED))
    document = load(services, second)
    assert (document.state, document.reason) == ("in_review", "possible_duplicate")
