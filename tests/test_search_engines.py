"""Both engines give the same hits in the same order, by every plan, whatever is in the archive and
whatever is asked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import fields, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from archive import search
from archive.database import Database
from archive.records import Document, InvoiceRow, Voucher
from archive.search import Query, running
from archive.search.tables import SearchCode, SearchGram, SearchInvoice, SearchLine, SearchName
from archive.visibility import Seen
from tests.helpers import sha256

#: Wide and narrow forms of a character, quotes, what LIKE and SQL take for their own, blanks of
#: both widths, a character beyond sixteen bits.
_NAMES = st.text("华为大学1１aＡA%_\\'\"（) 　𠮷", max_size=5)
_DIGITS = st.text("012", min_size=1, max_size=5)
_CODES = st.sampled_from(("0120", "0211", "1120"))
_AMOUNTS = st.integers(-300, 300).map(lambda cents: Decimal(cents) / 100)
_DAYS = st.integers(0, 6).map(lambda day: dt.date(2026, 1, 1) + dt.timedelta(day * 20))
#: Two campuses that the index cannot tell from one another.
_CAMPUSES = st.sampled_from(("e", "E", "w", ""))
_KINDS = st.sampled_from(("火车票", "数电票"))
_VERDICTS = st.sampled_from(("confirmed", "contradicted"))
_STATES = st.sampled_from(("archived", "in_review"))
_VOUCHERS = st.sampled_from(("JZ-1", "JZ-12", "BX-1"))

_INVOICES = st.fixed_dictionaries(
    {
        "number": _DIGITS,
        "invoice_code": st.none() | _CODES,
        "issue_date": st.none() | _DAYS,
        "seller_name": st.none() | _NAMES,
        "buyer_name": st.none() | _NAMES,
        "total_with_tax": st.none() | _AMOUNTS,
        "kind": _KINDS,
        "lines": st.lists(_NAMES, max_size=2),
        "voucher": _VOUCHERS,
        "campus": _CAMPUSES,
        "submitter": st.sampled_from(("", "p", "q")),
        "verdict": st.none() | _VERDICTS,
        "state": _STATES,
    }
)
_PARTS: dict[str, st.SearchStrategy[Any]] = {
    "number": _DIGITS,
    "code": _DIGITS,
    "digits": _DIGITS,
    "seller": _NAMES,
    "buyer": _NAMES,
    "text": _NAMES,
    "amount_min": _AMOUNTS,
    "amount_max": _AMOUNTS,
    "date_from": _DAYS,
    "date_to": _DAYS,
    "voucher": st.sampled_from(("JZ", "JZ-1", "B", "X")),
    "campus": _CAMPUSES,
    "kind": _KINDS,
    "verdict": _VERDICTS,
    "state": _STATES,
}
_QUERIES = st.fixed_dictionaries({}, optional=_PARTS).map(lambda parts: Query(**parts))
_SEEN = st.none() | st.builds(
    Seen, st.frozensets(_CAMPUSES, max_size=2), st.sampled_from(("", "p"))
)
#: What is few, far and many: as it is, and so that each plan is taken by an archive of ten.
_PLANS = ((20_000, 50_000, 1_000_000), (0, 50_000, 1_000_000), (0, 1, 1_000_000), (0, 1, 0))


@pytest.fixture
def engines(tmp_path: Path, another_database: str) -> Iterator[tuple[Database, Database]]:
    opened = (Database(f"sqlite:///{tmp_path / 'a.db'}"), Database(another_database))
    for each in opened:
        each.migrate()
        with each.write() as session:
            session.add_all(Voucher(voucher_no=number) for number in ("JZ-1", "JZ-12", "BX-1"))
    yield opened
    for each in opened:
        each.close()


def _filled(database: Database, invoices: list[dict[str, Any]]) -> None:
    """These invoices and no others, their documents numbered."""
    with database.write() as session:
        for table in (SearchLine, SearchInvoice, SearchGram, SearchName, SearchCode):
            session.execute(delete(table))
        session.execute(delete(InvoiceRow))
        session.execute(delete(Document))
    with database.write() as session:
        for at, each in enumerate(invoices):
            session.add(_document(str(at), each))
            session.flush()
            session.add(_invoice(str(at), each))
            session.flush()


def _document(key: str, values: dict[str, Any]) -> Document:
    kept = {name: values[name] for name in ("campus", "submitter", "verdict", "state")}
    return Document(
        id=key,
        sha256=sha256(key.encode()),
        size=1,
        name="a.pdf",
        voucher_no=values["voucher"],
        **kept,
    )


def _invoice(key: str, values: dict[str, Any]) -> InvoiceRow:
    names = ("invoice_code", "issue_date", "seller_name", "buyer_name", "total_with_tax", "kind")
    return InvoiceRow(
        document_id=key,
        invoice_number=values["number"],
        number_reversed=values["number"][::-1],
        data={"lines": [{"name": name} for name in values["lines"]]},
        **{name: values[name] for name in names},
    )


def _hits(database: Database, query: Query, seen: Seen | None = None) -> list[str]:
    """Every hit in order, two to a page."""
    ids: list[str] = []
    after = None
    with database.read() as session:
        while True:
            page = search.run(session, query, 2, after, seen=seen)
            ids += [hit.document.id for hit in page.hits]
            after = page.next
            if after is None:
                return ids


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    invoices=st.lists(_INVOICES, max_size=10), queries=st.lists(_QUERIES, max_size=4), seen=_SEEN
)
def test_both_engines_find_the_same_by_every_plan(
    engines: tuple[Database, Database],
    invoices: list[dict[str, Any]],
    queries: list[Query],
    seen: Seen | None,
) -> None:
    for database in engines:
        _filled(database, invoices)
    for query in queries:
        hits = _hits(engines[0], query)
        assert len(hits) == len(set(hits))
        assert set(hits) == _each_part(engines[0], query, len(invoices))
        theirs = [key for key in hits if seen is None or _sees(seen, invoices[int(key)])]
        with pytest.MonkeyPatch.context() as patched:
            for few, far, many in _PLANS:
                patched.setattr(running, "FEW", few)
                patched.setattr(running, "FAR", far)
                patched.setattr(running, "MANY", many)
                for database in engines:
                    assert _hits(database, query) == hits, (database.url, few, far, many)
                    assert _hits(database, query, seen) == theirs, (database.url, few, far, many)


def _each_part(database: Database, query: Query, count: int) -> set[str]:
    """What is found by every part of the query that is asked alone; parts that ask nothing, as
    mere blanks do, are left out."""
    found = {str(at) for at in range(count)}
    asked = False
    for each in fields(Query):
        value = getattr(query, each.name)
        part = replace(Query(), **{each.name: value})
        if value is None or part.empty or not _says_something(each.name, value):
            continue
        asked = True
        found &= set(_hits(database, part))
    return found if asked else set()


def _says_something(name: str, value: Any) -> bool:
    named = name in ("seller", "buyer", "text")
    return not named or any(search.grams.folded(word) for word in value.split())


def _sees(seen: Seen, values: dict[str, Any]) -> bool:
    return values["campus"] in seen.campuses or (seen.own != "" and values["submitter"] == seen.own)
