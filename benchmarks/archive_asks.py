"""What is asked of an archive of made invoices: every kind of question, with values drawn from
what is there."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from archive.database import Database
from archive.records import InvoiceRow
from archive.search import Query
from archive.search.finding import BY_DAY
from archive.search.paging import Place
from archive.search.tables import SearchInvoice, SearchName
from archive.visibility import Seen
from benchmarks.archive_made import CAMPUSES, CODES, DAYS, LAST_DAY, PER_VOUCHER, SUBMITTERS, Made


@dataclass(frozen=True, slots=True)
class Question:
    """A query, on whose behalf, and behind which place."""

    query: Query
    seen: Seen | None = None
    after: str | None = None


Ask = Callable[[random.Random], Question]


class _Drawing:
    """Draws values that are there."""

    def __init__(self, database: Database, made: Made) -> None:
        self._database, self._made = database, made

    def number(self, draw: random.Random) -> str:
        key = f"{draw.randrange(1, self._made.count + 1):024d}"
        query = select(InvoiceRow.invoice_number).where(InvoiceRow.document_id == key)
        with self._database.read() as session:
            return session.scalar(query) or ""

    def name(self, column: str, draw: random.Random) -> str:
        """A name as often as invoices bear it."""
        row = draw.randrange(1, self._made.count + 1)
        name = getattr(SearchInvoice, column)
        query = select(SearchName.folded).join(SearchInvoice, name == SearchName.id)
        with self._database.read() as session:
            return session.scalar(query.where(SearchInvoice.id == row)) or ""

    def pair(self, column: str, draw: random.Random) -> str:
        """Two neighbouring characters of such a name."""
        return _two(draw, self.name(column, draw))

    def goods(self, draw: random.Random) -> str:
        first, count = self._made.goods
        with self._database.read() as session:
            return session.get_one(SearchName, draw.randrange(first, first + count)).folded

    def voucher(self, draw: random.Random) -> str:
        return f"JZ-{draw.randrange(self._made.count) // PER_VOUCHER:08d}"


def _two(draw: random.Random, name: str) -> str:
    at = draw.randrange(len(name) - 1)
    return name[at : at + 2]


def _campus(draw: random.Random) -> str:
    return f"校区{draw.randrange(CAMPUSES)}"


def _day(draw: random.Random) -> dt.date:
    return dt.date.fromordinal(LAST_DAY - draw.randrange(DAYS))


def _amounts(draw: random.Random, width: str) -> dict[str, Any]:
    low = Decimal(draw.randrange(5_000_000)) / 100
    return {"amount_min": low, "amount_max": low + Decimal(width)}


def _month(draw: random.Random) -> dict[str, Any]:
    first = _day(draw)
    return {"date_from": first, "date_to": first + dt.timedelta(30)}


def asks(database: Database, made: Made) -> dict[str, Ask]:
    """Every kind of question, by its name."""
    there = _Drawing(database, made)
    return {
        name: _plain(ask) for name, ask in (_single(there) | _several(there)).items()
    } | _behalf(there)


def _plain(ask: Callable[[random.Random], Query]) -> Ask:
    return lambda draw: Question(ask(draw))


def _single(there: _Drawing) -> dict[str, Callable[[random.Random], Query]]:
    """One condition each."""
    return {
        "exact number": lambda draw: Query(digits=there.number(draw)),
        "beginning, 12 digits": lambda draw: Query(digits=there.number(draw)[:12]),
        "last six digits": lambda draw: Query(digits=there.number(draw)[-6:]),
        "beginning, 3 digits": lambda draw: Query(digits=there.number(draw)[:3]),
        "code, 12 digits": lambda draw: Query(
            code=f"{4400 + draw.randrange(30):06d}{draw.randrange(CODES):06d}"
        ),
        "seller, 2 characters": lambda draw: Query(seller=there.pair("seller_id", draw)),
        "seller, whole name": lambda draw: Query(seller=there.name("seller_id", draw)),
        "buyer, 2 characters": lambda draw: Query(buyer=there.pair("buyer_id", draw)),
        "text, 2 characters": lambda draw: Query(text=_two(draw, there.goods(draw))),
        "line, whole": lambda draw: Query(text=there.goods(draw)),
        "amount": lambda draw: Query(**_amounts(draw, "0")),
        "amounts, 10 yuan wide": lambda draw: Query(**_amounts(draw, "10")),
        "voucher": lambda draw: Query(voucher=there.voucher(draw)),
        "odd verdict": lambda _: Query(verdict="contradicted"),
    }


def _several(there: _Drawing) -> dict[str, Callable[[random.Random], Query]]:
    """Conditions that only few meet together."""
    return {
        "seller and amounts, wide": lambda draw: Query(
            seller=there.pair("seller_id", draw), **_amounts(draw, "4900")
        ),
        "seller and amounts, 200 yuan": lambda draw: Query(
            seller=there.pair("seller_id", draw), **_amounts(draw, "200")
        ),
        "seller and a month": lambda draw: Query(
            seller=there.pair("seller_id", draw), **_month(draw)
        ),
        "seller in a campus": lambda draw: Query(
            seller=there.pair("seller_id", draw), campus=_campus(draw)
        ),
        "text in a campus": lambda draw: Query(
            text=_two(draw, there.goods(draw)), campus=_campus(draw)
        ),
    }


def _behalf(there: _Drawing) -> dict[str, Ask]:
    """By those who do not see everything, and far down."""

    def reviewer(draw: random.Random) -> Seen:
        return Seen(frozenset({_campus(draw)}), f"u{draw.randrange(SUBMITTERS)}")

    def deep(draw: random.Random) -> Question:
        place = Place(BY_DAY, _day(draw).toordinal(), 0)
        return Question(Query(seller=there.pair("seller_id", draw)), after=place.written())

    return {
        "a reviewer's number": lambda draw: Question(
            Query(digits=there.number(draw)), reviewer(draw)
        ),
        "a reviewer's seller": lambda draw: Question(
            Query(seller=there.pair("seller_id", draw)), reviewer(draw)
        ),
        "a submitter's seller": lambda draw: Question(
            Query(seller=there.pair("seller_id", draw)),
            Seen(frozenset(), f"u{draw.randrange(SUBMITTERS)}"),
        ),
        "seller, a page far down": deep,
    }
