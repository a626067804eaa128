"""A desk in use, made inside the database: documents of twelve months and four campuses with who
handed them in, what waits and why, deeds, notices, accounting vouchers, and a whole audit trail.

The documents themselves come from `benchmarks.archive_made`; what is added here is about as much as
the pipeline would have left behind, so that a page meets tables of the size it will meet.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice

from sqlalchemy import Connection, Engine, bindparam, insert, select, text, update

from archive import accounts
from archive.accounting import VoucherEntry, VoucherFacts
from archive.actors import EVERYWHERE, Actor, Role
from archive.audit import GENESIS, digest_of
from archive.database import Database
from archive.noticing import Notice
from archive.records import (
    AuditRow,
    Base,
    Batch,
    Document,
    InvoiceRow,
    State,
    Upload,
    VerificationRow,
    Voucher,
    now,
)
from archive.reviewing import ReviewCase, ReviewDeed
from benchmarks.archive_made import make
from extractors.model import Box, Field, Finding, Invoice, Kind, Severity, Source
from verifiers.model import Reason, Verdict

SUBMITTERS, NOTICES_EACH = 200, 100
#: One document in so many stands at the desk, waits for the clock, or was decided by a person.
IN_REVIEW, WAITING, DECIDED = 100, 300, 10
_WAY = ("document_received", "document_read", "document_verified", "document_passed")
_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Desk:
    """Who looks, and what there is to look at: an id of each sort of page."""

    keeper: str
    case: str
    document: str
    claim: str
    batch: str
    voucher: str


def fill(database: Database, count: int) -> Desk:
    """Fill an empty, migrated database with `count` documents and all that stands around them."""
    database.engine.dispose()  # the making wants the database for itself
    make(database.engine, count)
    keeper, people = _people(database)
    with database.engine.begin() as connection:
        _spread(connection, people)
        _vouchers(connection)
        _batches(connection)
        _cases(connection, keeper.id)
        _trail(connection, keeper.id)
        _notices(connection, [keeper.id, *people])
    _statistics(database.engine)
    return _examples(database, keeper)


def _people(database: Database) -> tuple[Actor, list[str]]:
    with database.write() as session:
        keeper = accounts.add_person(
            session, "keeper", "管理", [(role, EVERYWHERE) for role in Role], factor_waived=True
        )
        people = [
            accounts.add_person(
                session, f"t{number}", f"教师{number}", [(Role.SUBMITTER, f"校区{number % 4}")]
            ).id
            for number in range(SUBMITTERS)
        ]
        return accounts.actor_of(keeper), people


def _spread(connection: Connection, people: list[str]) -> None:
    """Documents lie in twelve months and four campuses, come from many people, and have sums."""
    number = "CAST(id AS bigint)"
    if connection.dialect.name == "sqlite":
        earlier = f"datetime(received_at, '-' || ({number} % 330) || ' days')"
    else:
        earlier = f"received_at - make_interval(days => CAST({number} % 330 AS integer))"
    connection.execute(
        text(
            f"UPDATE documents SET received_at = {earlier}, updated_at = {earlier},"
            f" campus = '校区' || ({number} % 4)"
        )
    )
    mine = update(Document).where(text(f"{number} % {len(people)} = :rest"))
    for rest, person in enumerate(people):
        connection.execute(mine.values(submitter=person), {"rest": rest})
    for state, verdict, reason, each in (
        (State.IN_REVIEW, Verdict.CONTRADICTED, Reason.MISMATCH, IN_REVIEW),
        (State.WAITING, Verdict.UNDECIDED, Reason.SAME_DAY, WAITING),
    ):
        chosen = update(Document).where(text(f"{number} % {each} = 7"))
        connection.execute(chosen.values(state=state, verdict=verdict, reason=reason))
    connection.execute(
        text(
            "UPDATE invoices SET total_with_tax = CAST(CAST(document_id AS bigint) % 9000 AS text)"
            " || '.50', seller_name = '某某市第' || (CAST(document_id AS bigint) % 2000)"
            " || '商贸有限公司'"
        )
    )


def _insert(connection: Connection, table: type[Base], rows: Iterator[dict[str, object]]) -> None:
    while some := list(islice(rows, _ROWS)):
        connection.execute(insert(table), some)


def _vouchers(connection: Connection) -> None:
    numbers = list(connection.scalars(select(Voucher.voucher_no).order_by(Voucher.voucher_no)))
    day = dt.date(2026, 1, 1)

    def facts() -> Iterator[dict[str, object]]:
        for number, voucher_no in enumerate(numbers):
            date = day + dt.timedelta(days=number % 300)
            yield {
                "voucher_no": voucher_no,
                "fiscal_year": 2026,
                "period": date.month,
                "word": "记",
                "number": number + 1,
                "voucher_date": date,
                "summary": "报销差旅费",
                "debit_total": Decimal("113.00"),
                "credit_total": Decimal("113.00"),
                "origin": "csv",
                "fingerprint": "",
            }

    def entries() -> Iterator[dict[str, object]]:
        sides = (("5001", "113.00", "0"), ("1002", "0", "113.00"))
        for voucher_no in numbers:
            for line, (account, debit, credit) in enumerate(sides, start=1):
                yield {
                    "voucher_no": voucher_no,
                    "line": line,
                    "account_code": account,
                    "debit": Decimal(debit),
                    "credit": Decimal(credit),
                }

    _insert(connection, VoucherFacts, facts())
    _insert(connection, VoucherEntry, entries())


def _batches(connection: Connection) -> None:
    """Every document came in a batch of its own."""
    query = select(
        Document.id, Document.submitter, Document.campus, Document.voucher_no, Document.received_at
    ).order_by(Document.id)
    documents = connection.execute(query).all()
    _insert(
        connection,
        Batch,
        (
            {
                "id": f"b{each.id[1:]}",
                "channel": "web",
                "submitter": each.submitter,
                "campus": each.campus,
                "voucher_no": each.voucher_no,
                "received_at": each.received_at,
            }
            for each in documents
        ),
    )
    _insert(
        connection,
        Upload,
        (
            {
                "id": f"u{each.id[1:]}",
                "batch_id": f"b{each.id[1:]}",
                "document_id": each.id,
                "name": "a.pdf",
                "received_at": each.received_at,
            }
            for each in documents
        ),
    )


# -- what stands at the desk ---------------------------------------------------------------


def _read(number: str) -> Invoice:
    """What recognition read of a page, one value of it unsurely."""

    def seen(value: object, row: int, confidence: float = 0.97) -> Field[object]:
        box = Box(page=0, x0=0.1, y0=0.1 + row * 0.08, x1=0.6, y1=0.15 + row * 0.08)
        return Field[object](
            value=value, raw=str(value), source=Source.OCR, confidence=confidence, box=box
        )

    unsure = Finding(code="low_confidence", severity=Severity.WARN, field="seller_name")
    return Invoice.model_validate(
        {
            "kind": Kind.DIGITAL_NORMAL,
            "invoice_number": seen(number, 0),
            "issue_date": seen(dt.date(2026, 10, 1), 1),
            "seller_name": seen("某某市第一商贸有限公司", 2, 0.7),
            "seller_tax_id": seen("91330106MA2ABCDE1X", 3),
            "buyer_name": seen("某某大学", 4),
            "total_without_tax": seen(Decimal("100.00"), 5),
            "total_tax": seen(Decimal("13.00"), 6),
            "total_with_tax": seen(Decimal("113.00"), 7),
            "findings": (unsure,),
        }
    )


def _cases(connection: Connection, keeper: str) -> None:
    query = (
        select(Document.id, InvoiceRow.invoice_number)
        .join(InvoiceRow, InvoiceRow.document_id == Document.id)
        .where(Document.state == State.IN_REVIEW)
        .order_by(Document.id)
    )
    cases = connection.execute(query).all()
    connection.execute(
        update(InvoiceRow)
        .where(InvoiceRow.document_id == bindparam("which"))
        .values(data=bindparam("read"))
        .execution_options(synchronize_session=None),
        [
            {"which": each.id, "read": _read(each.invoice_number).model_dump(mode="json")}
            for each in cases
        ],
    )
    differs = {
        "code": "portal_differs",
        "severity": Severity.BLOCK,
        "field": "seller_name",
        "params": {"field": "seller_name"},
    }
    _insert(
        connection,
        VerificationRow,
        (
            {
                "document_id": each.id,
                "portal": "https://portal.example/",
                "verdict": Verdict.CONTRADICTED,
                "reason": Reason.MISMATCH,
                "portal_values": {
                    "invoice_number": each.invoice_number,
                    "seller_name": "某某市第二商贸有限公司",
                    "total_with_tax": "113.00",
                },
                "findings": [differs],
            }
            for each in cases
        ),
    )
    asked = cases[::20]  # some wait for a better picture and no longer for a decision
    _insert(
        connection,
        ReviewCase,
        ({"document_id": each.id, "picture_wanted_at": now()} for each in asked),
    )
    decided = connection.scalars(
        select(Document.id).where(text(f"CAST(id AS bigint) % {DECIDED} = 3"))
    ).all()
    _insert(
        connection,
        ReviewDeed,
        (
            {
                "document_id": each,
                "actor": keeper,
                "action": "accept",
                "token": f"made-{each}",
                "reason": "accept_name_variant",
            }
            for each in decided
        ),
    )


def _trail(connection: Connection, keeper: str) -> None:
    """The rows that the pipeline writes for each document, chained as it chains them."""
    query = select(Document.id, Document.voucher_no, Document.received_at, Document.state)
    documents = connection.execute(query.order_by(Document.id)).all()
    last = connection.execute(
        select(AuditRow.seq, AuditRow.hash).order_by(AuditRow.seq.desc()).limit(1)
    ).first()

    def rows() -> Iterator[dict[str, object]]:
        seq, previous = (last.seq, last.hash) if last else (0, GENESIS)
        for each in documents:
            archived = each.state == State.ARCHIVED
            ways = (*_WAY, "document_archived") if archived else _WAY[:3]
            for minutes, action in enumerate(ways):
                seq += 1
                row = AuditRow(
                    seq=seq,
                    at=each.received_at + dt.timedelta(minutes=3 * minutes),
                    actor=keeper if action == "document_received" else "system",
                    action=action,
                    document_id=each.id,
                    voucher_no=each.voucher_no,
                    detail="{}",
                    previous_hash=previous,
                )
                previous = digest_of(row)
                yield {
                    "seq": row.seq,
                    "at": row.at,
                    "actor": row.actor,
                    "action": row.action,
                    "document_id": row.document_id,
                    "voucher_no": row.voucher_no,
                    "detail": row.detail,
                    "previous_hash": row.previous_hash,
                    "hash": previous,
                }

    _insert(connection, AuditRow, rows())


def _notices(connection: Connection, people: list[str]) -> None:
    documents = connection.scalars(select(Document.id).limit(NOTICES_EACH)).all()
    _insert(
        connection,
        Notice,
        (
            {
                "person_id": person,
                "topic": "done",
                "document_id": document,
                "code": "notice_document_archived",
                "read_at": now() if number % 3 else None,
            }
            for person in people
            for number, document in enumerate(documents)
        ),
    )


def _statistics(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE" if engine.dialect.name == "sqlite" else "VACUUM ANALYZE"))
    engine.dispose()


def _examples(database: Database, keeper: Actor) -> Desk:
    with database.write() as session:
        case = session.scalars(
            select(Document.id).where(Document.state == State.IN_REVIEW).order_by(Document.id)
        ).first()
        newest = session.scalars(
            select(Document)
            .where(Document.state == State.ARCHIVED)
            .order_by(Document.id.desc())
            .limit(1)
        ).one()
        newest.submitter = keeper.id  # their own claim
        return Desk(
            keeper=keeper.id,
            case=case or newest.id,
            document=newest.id,
            claim=newest.id,
            batch=f"b{newest.id[1:]}",
            voucher=newest.voucher_no,
        )
