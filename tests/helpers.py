"""Stand-ins for the two slow ends of the pipeline, and invoices made by hand."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

from sqlalchemy import select
from starlette.testclient import TestClient

from archive import accounts, sessions
from archive.actors import EVERYWHERE, Actor, Role
from archive.database import Database
from archive.records import AuditRow, Document, InvoiceRow, State, Voucher, new_id, now
from extractors.model import Box, Field, Finding, Invoice, Kind, Source
from extractors.words import Look
from verifiers.model import CaptchaDesk, Evidence, PortalValues, Reason, Verdict, Verification
from web.who import csrf_of
from worker.intake import Receipt
from worker.pipeline import Pipeline
from worker.services import Services
from worker.visit import Visit

CONFIRMED = Verification(
    verdict=Verdict.CONFIRMED,
    reason=Reason.CONSISTENT,
    portal_code="001",
    portal_time="2026-11-22 10:00:00",
    portal_count=1,
    portal_values=PortalValues(invoice_number="26312000000000000001"),
    evidence=(Evidence(name="result.png", media_type="image/png", content=b"a picture"),),
)


def invoice(number: str = "26312000000000000001", total: str = "113.00") -> Invoice:
    """A 数电票 whose values all come from its XML."""

    def text(value: str) -> Field[str]:
        return Field[str](value=value, raw=value, source=Source.XML, confidence=1.0)

    def money(value: str) -> Field[Decimal]:
        return Field[Decimal](value=Decimal(value), raw=value, source=Source.XML, confidence=1.0)

    return Invoice(
        kind=Kind.DIGITAL_NORMAL,
        invoice_number=text(number),
        issue_date=Field[dt.date](
            value=dt.date(2026, 10, 1), raw="2026-10-01", source=Source.XML, confidence=1.0
        ),
        seller_name=text("杭州某某有限公司"),
        seller_tax_id=text("91330106MA2ABCDE1X"),
        buyer_name=text("某某学校"),
        total_without_tax=money("100.00"),
        total_tax=money("13.00"),
        total_with_tax=money(total),
        sources=(Source.XML,),
    )


@dataclass
class FixedReader:
    """Answers with given invoices, or raises a given error; counts its calls."""

    answer: Invoice | tuple[Invoice, ...] | Exception
    calls: int = 0
    before: Callable[[], None] = field(default=lambda: None)
    #: What it sees at any place when asked to look again.
    looks: tuple[Look, ...] = ()
    #: What the file's signatures prove.
    signed: tuple[Finding, ...] = ()

    def read(self, path: Path) -> tuple[Invoice, ...]:
        self.calls += 1
        self.before()
        assert path.exists()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer if isinstance(self.answer, tuple) else (self.answer,)

    def signatures(self, path: Path) -> tuple[Finding, ...]:
        assert path.exists()
        return self.signed

    def thumbnail(self, path: Path, page: int) -> bytes | None:
        assert path.exists()
        return None

    def look_again(
        self, path: Path, page: int, region: Box | None, places: Mapping[str, Box]
    ) -> dict[str, tuple[Look, ...]]:
        self.calls += 1
        assert path.exists()
        if isinstance(self.answer, Exception):
            raise self.answer
        return dict.fromkeys(places, self.looks)


@dataclass
class FixedVerifier:
    """Answers with the given verifications, one after another, the last one for ever."""

    answers: list[Verification]
    calls: int = 0

    def verify(self, _document_id: str, _invoice: Invoice, _desk: CaptchaDesk) -> Verification:
        self.calls += 1
        return self.answers[min(self.calls, len(self.answers)) - 1]


def hand_in(
    services: Services, content: bytes, name: str = "a.xml", voucher: str | None = None
) -> Receipt:
    """One file as a batch of its own."""
    batch_id = services.intake.open_batch("test", voucher_no=voucher)
    return services.intake.accept(batch_id, name, BytesIO(content))


def xml(text: str = "") -> bytes:
    """Bytes that count as XML, different for each `text`."""
    return f"<?xml version='1.0'?><EInvoice><!-- {text} --></EInvoice>".encode()


def load(services: Services, document_id: str) -> Document:
    with services.database.read() as session:
        return session.get_one(Document, document_id)


def actions(services: Services, document_id: str) -> list[str]:
    """What the audit trail says happened to a document, in order."""
    query = (
        select(AuditRow.action).where(AuditRow.document_id == document_id).order_by(AuditRow.seq)
    )
    with services.database.read() as session:
        return list(session.scalars(query))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


SOON = now() + dt.timedelta(days=1)


def archived(
    database: Database,
    number: str = "26312000000000000001",
    voucher: str = "V1",
    *,
    state: State = State.ARCHIVED,
    verdict: str | None = None,
    campus: str = "",
    lines: Sequence[str] = (),
    **invoice: Any,
) -> str:
    """A document in the archive, entered without a road, with the number, the names of the lines
    and other columns of its invoice."""
    document_id = new_id()
    with database.write() as session:
        if session.get(Voucher, voucher) is None:
            session.add(Voucher(voucher_no=voucher))
            session.flush()
        session.add(
            Document(
                id=document_id,
                sha256=sha256(document_id.encode()),
                size=1,
                name="a.pdf",
                voucher_no=voucher,
                state=state,
                verdict=verdict,
                campus=campus,
            )
        )
        session.flush()
        session.add(
            InvoiceRow(
                document_id=document_id,
                invoice_number=number,
                number_reversed=number[::-1],
                data={"lines": [{"name": name} for name in lines]},
                **{"kind": "x", **invoice},
            )
        )
    return document_id


def undecided(reason: Reason, retry_at: dt.datetime | None = SOON) -> Verification:
    return Verification(verdict=Verdict.UNDECIDED, reason=reason, retry_at=retry_at)


def visit(*answers: Verification) -> Visit:
    return Visit(FixedVerifier(list(answers)), "http://portal.test/")


def whole_road(services: Services, document_id: str, *answers: Verification) -> Document:
    """Read, verify and, where it comes to that, seal."""
    pipeline = Pipeline(services)
    pipeline.read(document_id, FixedReader(invoice()))
    pipeline.verify(document_id, visit(*(answers or (CONFIRMED,))))
    pipeline.seal(load(services, document_id).voucher_no)
    return load(services, document_id)


_VALUES = {digit: value for value, digit in enumerate("零壹贰叁肆伍陆柒捌玖")}
_UNITS = {"拾": 10, "佰": 100, "仟": 1000}


def spoken(words: str) -> Decimal:
    """Read an amount in words back, by the grammar of numbers rather than by the writer's rules."""
    sign = -1 if words.startswith("（负数）") else 1
    words = words.removeprefix("（负数）").rstrip("整")
    yuan_words, _, small = words.rpartition("圆")
    total = section = digit = 0
    for character in yuan_words:
        if character in _VALUES:
            digit = _VALUES[character]
        elif character in _UNITS:
            section, digit = section + digit * _UNITS[character], 0
        elif character == "万":
            section, digit = (section + digit) * 10_000, 0
            total, section = total + section, 0
        else:
            total, section, digit = (total + section + digit) * 100_000_000, 0, 0
    amount = Decimal(total + section + digit)
    for value, unit in re.findall(r"(.)([角分])", small):
        amount += _VALUES[value] * (Decimal("0.1") if unit == "角" else Decimal("0.01"))
    return sign * amount


# -- signing in ----------------------------------------------------------------------------


def make_person(
    services: Services, *roles: Role | tuple[Role, str], login: str | None = None
) -> Actor:
    """A person who holds these roles: `Role.REVIEWER` everywhere, `(Role.REVIEWER, "北")` in one
    campus. No password, no second factor asked."""
    grants = [role if isinstance(role, tuple) else (role, EVERYWHERE) for role in roles]
    with services.database.write() as session:
        person = accounts.add_person(
            session, login or f"p{new_id()}", "某人", grants, factor_waived=True
        )
        return accounts.actor_of(person)


def sign_in(client: TestClient, *roles: Role | tuple[Role, str], login: str | None = None) -> Actor:
    """Sign a new person in with this client, as if they had come through the sign-in page; what
    the client sends from then on carries the session and its token against forgery."""
    services: Services = client.app.state.services  # type: ignore[attr-defined]
    actor = make_person(services, *roles, login=login)
    sign_in_as(client, actor)
    return actor


def sign_in_as(client: TestClient, actor: Actor) -> None:
    """Sign in somebody who is there already."""
    services: Services = client.app.state.services  # type: ignore[attr-defined]
    token = begin_session(services, actor)
    # The domain that the client itself files this host's cookies under: one cookie, not two.
    client.cookies.set("session", token, domain="localhost.local")
    client.headers["X-CSRF-Token"] = csrf_of(token)


def begin_session(services: Services, actor: Actor) -> str:
    """The cookie's token of a new session, in which the second factor counts as proved."""
    with services.database.write() as session:
        person = accounts.by_id(session, actor.id)
        return sessions.begin(session, person, factor_proved=True)
