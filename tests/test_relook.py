"""The second look on the road: a real database and queue server, and real recognition."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from archive.records import Document, State, VerificationRow
from archive.store import StorageUnreachable
from extractors.errors import ReaderCrashed
from extractors.limits import Limits
from extractors.model import Box, Field, Invoice, Kind, Source
from extractors.reader import Reader
from extractors.recognise import PaddleRecogniser
from extractors.words import Look
from fixtures.maker import draw_truth
from fixtures.maker.grades import Grade, make_graded
from tests.helpers import CONFIRMED, FixedReader, hand_in, invoice, load, visit, xml
from verifiers.compare import compare, findings_of
from verifiers.comparison import Compared, Outcome
from verifiers.misreading import doubtful, explained
from verifiers.model import PortalValues, Reason, Verdict, Verification
from worker.clock import Clock
from worker.pipeline import Pipeline
from worker.queues import Stage, queued_keys
from worker.services import Services

BOX = Box(page=0, x0=0.1, y0=0.1, x1=0.4, y1=0.13)
PORTAL = PortalValues(invoice_number="26312000000000000001", seller_name="杭州某某有限公司")


def misread(name: str = "杭州某某有限公可") -> Invoice:
    seller = Field[str](value=name, raw=name, source=Source.OCR, confidence=0.9, box=BOX)
    return invoice().model_copy(update={"seller_name": seller})


def mismatch(read: Invoice) -> Verification:
    compared = compare(read, PORTAL)
    return CONFIRMED.model_copy(
        update={
            "verdict": Verdict.CONTRADICTED,
            "reason": Reason.MISMATCH,
            "findings": findings_of(compared),
            "compared": compared,
            "portal_values": PORTAL,
        }
    )


def seen(text: str) -> tuple[Look, ...]:
    return (Look(text=text, score=0.97),) * 5


def verified(services: Services, read: Invoice) -> str:
    document_id = hand_in(services, xml()).document_id
    Pipeline(services).read(document_id, FixedReader(read))
    Pipeline(services).verify(document_id, visit(mismatch(read)))
    return document_id


def last_verification(services: Services, document_id: str) -> VerificationRow:
    with services.database.read() as session:
        return session.get_one(Document, document_id).verifications[-1]


def test_a_misreading_is_mended_and_passes(services: Services) -> None:
    document_id = verified(services, misread())
    waiting = load(services, document_id)
    assert (waiting.state, waiting.reason) == (State.VERIFIED, "second_look")
    reader = FixedReader(misread(), looks=seen("名称：杭州某某有限公司"))
    Pipeline(services).look_again(document_id, reader)
    document = load(services, document_id)
    assert (document.state, document.verdict) == (State.PASSED, Verdict.CONFIRMED)
    assert document.invoice is not None
    mended = Invoice.model_validate(document.invoice.data).seller_name
    assert mended is not None
    assert (mended.value, mended.source, mended.raw) == (
        "杭州某某有限公司",
        Source.PORTAL,
        "杭州某某有限公可",
    )
    row = last_verification(services, document_id)
    assert row.verdict == Verdict.CONFIRMED
    [kept] = [each for each in row.compared or [] if each["outcome"] == Outcome.MENDED]
    assert len(kept["looks"]) == 5


def test_what_the_paper_says_again_goes_to_finance(services: Services) -> None:
    document_id = verified(services, misread("杭州另一有限公司"))
    reader = FixedReader(misread(), looks=seen("杭州另一有限公司"))
    Pipeline(services).look_again(document_id, reader)
    document = load(services, document_id)
    assert (document.state, document.reason) == (State.IN_REVIEW, Reason.MISMATCH)
    assert document.reason_params is not None
    assert document.reason_params["document"] == "杭州另一有限公司"


def test_a_face_misread_beside_its_genuine_code_is_cleared(services: Services) -> None:
    seen = misread().seller_name
    assert seen is not None
    read = invoice().model_copy(update={"doubted": {"seller_name": seen}})
    document_id = verified(services, read)
    reader = FixedReader(read, looks=(Look(text="杭州某某有限公司", score=0.97),) * 5)
    Pipeline(services).look_again(document_id, reader)
    document = load(services, document_id)
    assert document.state == State.PASSED
    assert document.invoice is not None
    kept = Invoice.model_validate(document.invoice.data)
    assert kept.seller_name is not None
    assert kept.seller_name.source is Source.XML
    assert kept.doubted == {}


def test_looks_that_cannot_be_taken_explain_nothing(services: Services) -> None:
    document_id = verified(services, misread())
    Pipeline(services).look_again(document_id, FixedReader(ReaderCrashed(detail="signal 11")))
    assert load(services, document_id).state == State.IN_REVIEW


def test_looks_wait_for_the_store(services: Services) -> None:
    document_id = verified(services, misread())
    away = FixedReader(StorageUnreachable(detail="503"))
    Pipeline(services).look_again(document_id, away)
    document = load(services, document_id)
    assert (document.state, document.attempts, document.lease) == (State.VERIFIED, 0, None)


def test_an_electronic_files_difference_needs_no_second_look(services: Services) -> None:
    name = Field[str](value="另一家", raw="另一家", source=Source.PDF_TEXT, confidence=1.0, box=BOX)
    document_id = verified(services, invoice().model_copy(update={"seller_name": name}))
    assert load(services, document_id).state == State.IN_REVIEW


def test_the_clock_brings_back_what_waits_for_a_look(services: Services) -> None:
    document_id = verified(services, misread())
    services.redis.flushdb()
    moved = False
    while not moved:  # it rests for one pause of the clock first
        moved = bool(Clock(services).round())
    assert f"ocr-{document_id}" in queued_keys(services.redis, Stage.OCR)


def test_a_look_taken_twice_decides_once(services: Services) -> None:
    document_id = verified(services, misread())
    reader = FixedReader(misread(), looks=seen("杭州某某有限公司"))
    Pipeline(services).look_again(document_id, reader)
    Pipeline(services).look_again(document_id, reader)
    assert reader.calls == 1


# -- with real recognition ---------------------------------------------------------------

WATCHED = ("buyer_name", "seller_name", "buyer_tax_id", "seller_tax_id", "total_without_tax")
_OTHER = {"司": "可", "部": "郎", "校": "枝", "0": "8", "1": "7", "3": "8", "5": "6", "9": "0"}


def altered(value: str) -> str:
    """The value with its last character that has a look-alike changed to that."""
    for place in range(len(value) - 1, -1, -1):
        if value[place] in _OTHER:
            return value[:place] + _OTHER[value[place]] + value[place + 1 :]
    return value[:-1] + "某"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("grade", [Grade.FLAT, Grade.NOISY])
def test_real_looks_mend_misreadings_and_no_forgery(tmp_path: Path, grade: Grade) -> None:
    truth = draw_truth("vat_special", 11_700, today=dt.date(2026, 11, 22))
    path = tmp_path / "scan.jpg"
    path.write_bytes(make_graded(truth, grade, 11_700).content)
    reader = Reader(Limits(), PaddleRecogniser(threads=1))
    [read] = reader.read(path)
    assert read.kind is Kind.VAT_SPECIAL
    fields = {name: field for name in WATCHED if (field := getattr(read, name)) is not None}
    places = {name: field.box for name, field in fields.items() if field.source is Source.OCR}
    found = reader.look_again(path, 0, read.region, {n: box for n, box in places.items() if box})
    assert len(found) >= 4

    def compared(document: dict[str, str], portal: dict[str, str]) -> list[Compared]:
        return [
            Compared(
                field=name,
                outcome=Outcome.DIFFERS,
                document=document[name],
                portal=portal[name],
                source=Source.OCR,
                box=places[name],
            )
            for name in found
        ]

    on_paper = {name: str(getattr(truth, name)) for name in found}
    other = {name: altered(value) for name, value in on_paper.items()}
    misread_ones = explained(compared(other, on_paper), found)
    assert sum(each.outcome is Outcome.MENDED for each in misread_ones) >= len(found) - 1
    forged = explained(compared(on_paper, other), found)
    assert set(doubtful(forged)) == set(found)
