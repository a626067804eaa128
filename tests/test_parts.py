"""Files that hold several invoices, on their way through intake, pipeline, voucher and table."""

from __future__ import annotations

from io import BytesIO

from sqlalchemy import select

from archive import bags
from archive.records import BagRow, Document
from tests.helpers import CONFIRMED, FixedReader, actions, hand_in, invoice, load, visit, xml
from worker.pipeline import Pipeline
from worker.queues import Stage, job_id, queued_keys
from worker.results import batch_rows
from worker.services import Services


def three() -> FixedReader:
    return FixedReader(
        tuple(
            invoice(f"2631200000000000000{part}").model_copy(update={"part": part, "parts": 3})
            for part in (1, 2, 3)
        )
    )


def parts_of(services: Services, document_id: str) -> list[Document]:
    digest = load(services, document_id).sha256
    with services.database.read() as session:
        query = select(Document).where(Document.sha256 == digest).order_by(Document.part)
        return list(session.scalars(query).unique())


def test_each_invoice_of_a_file_goes_its_own_way(services: Services) -> None:
    receipt = hand_in(services, xml(), "three.pdf", voucher="JZ-1")
    Pipeline(services).read(receipt.document_id, three())
    parts = parts_of(services, receipt.document_id)
    assert [(part.part, part.parts, part.state) for part in parts] == [
        (1, 3, "read"),
        (2, 3, "read"),
        (3, 3, "read"),
    ]
    assert {part.voucher_no for part in parts} == {"JZ-1"}
    assert actions(services, parts[1].id)[0] == "document_split"
    queued = queued_keys(services.redis, Stage.VERIFY)
    assert {job_id(Stage.VERIFY, part.id) for part in parts} <= queued


def test_a_file_read_twice_has_no_part_twice(services: Services) -> None:
    receipt = hand_in(services, xml(), "three.pdf")
    pipeline = Pipeline(services)
    pipeline.read(receipt.document_id, three())
    pipeline.read(receipt.document_id, three())
    assert len(parts_of(services, receipt.document_id)) == 3


def test_the_batch_shows_every_part_and_a_second_upload_too(services: Services) -> None:
    first = hand_in(services, xml(), "three.pdf")
    Pipeline(services).read(first.document_id, three())
    batch = services.intake.open_batch("test")
    again = services.intake.accept(batch, "copy.pdf", BytesIO(xml()))
    assert again.repeated
    with services.database.read() as session:
        rows = batch_rows(session, batch, "en")
    assert [(row.file, row.part, row.parts, row.repeated) for row in rows] == [
        ("copy.pdf", 1, 3, True),
        ("copy.pdf", 2, 3, True),
        ("copy.pdf", 3, 3, True),
    ]


def test_the_same_invoice_twice_in_one_file_goes_to_a_person(services: Services) -> None:
    twice = tuple(
        invoice("26312000000000000001").model_copy(update={"part": part, "parts": 2})
        for part in (1, 2)
    )
    receipt = hand_in(services, xml(), "twice.pdf")
    Pipeline(services).read(receipt.document_id, FixedReader(twice))
    states = [(part.state, part.reason) for part in parts_of(services, receipt.document_id)]
    assert states == [("read", None), ("in_review", "duplicate")]


def test_all_parts_are_sealed_into_one_bag(services: Services) -> None:
    receipt = hand_in(services, xml(), "three.pdf", voucher="JZ-1")
    pipeline = Pipeline(services)
    pipeline.read(receipt.document_id, three())
    for part in parts_of(services, receipt.document_id):
        pipeline.verify(part.id, visit(CONFIRMED))
    pipeline.seal("JZ-1")
    assert {part.state for part in parts_of(services, receipt.document_id)} == {"archived"}
    with services.database.read() as session:
        row = session.scalars(select(BagRow)).one()
    assert row.invoices == 3
    assert bags.inspect(services.settings.bags / row.path, row.digest).sound
