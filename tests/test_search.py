"""The search: the same answers on every engine, whatever the plan, page after page."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import fields
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text

from archive import search
from archive.database import Database
from archive.records import Document, InvoiceRow, State
from archive.search import Match, Query, index, running
from archive.search.tables import SearchInvoice, SearchName
from archive.visibility import Seen
from tests.helpers import archived

_SELLERS = (
    "华为技术有限公司",
    "北京华联超市",
    "杭州某某（集团）有限公司",
    "ＡＢＣ 贸易公司",
    "大华",
)
_BUYERS = ("某某大学", "某某学校", "")
_LINES = ("*住宿服务*住宿费", "*计算机*笔记本电脑", "*餐饮服务*餐费")


def enter(database: Database, **values: Any) -> str:
    """One archived invoice; returns its document's id."""
    usual = {"voucher": "JZ-2026-0001", "verdict": "confirmed", "kind": "电子发票（普通发票）"}
    return archived(database, **{**usual, **values})


def found(database: Database, query: Query, **options: Any) -> list[str]:
    """Ids of every hit, gathered page after page."""
    ids: list[str] = []
    after = None
    with database.read() as session:
        while True:
            page = search.run(session, query, limit=options.get("limit", 3), after=after)
            ids += [hit.document.id for hit in page.hits]
            after = page.next
            if after is None:
                return ids


@pytest.fixture
def invoices(database: Database) -> dict[str, dict[str, Any]]:
    """Sixty invoices by document id, each value drawn from a few."""
    draw = random.Random(6)  # noqa: S311
    entered: dict[str, dict[str, Any]] = {}
    for _ in range(60):
        values: dict[str, Any] = {
            "number": f"{draw.choice((2631, 1234, 99))}{draw.randrange(10**4):04d}",
            "invoice_code": draw.choice((None, "044002100111", "012002000311")),
            "issue_date": draw.choice((None, dt.date(2026, draw.randrange(1, 13), 1))),
            "seller_name": draw.choice(_SELLERS),
            "buyer_name": draw.choice(_BUYERS) or None,
            "total_with_tax": draw.choice((None, Decimal(draw.randrange(-9999, 99999)) / 100)),
            "voucher": draw.choice(("JZ-2026-0001", "JZ-2026-0002", "BX-1")),
            "kind": draw.choice(("电子发票（普通发票）", "火车票")),
            "verdict": draw.choice(("confirmed", "contradicted", None)),
            "state": draw.choice((State.ARCHIVED, State.IN_REVIEW)),
            "lines": tuple(draw.sample(_LINES, draw.randrange(3))),
        }
        entered[enter(database, **values)] = values
    return entered


def _folded(name: str | None) -> str:
    return (name or "").translate(str.maketrans("ＡＢＣ（）", "abc()")).replace(" ", "").lower()


def _meets(values: dict[str, Any], query: Query) -> bool:
    """What the query means, said a second time without any index."""
    number, code = values["number"], values["invoice_code"] or ""
    names = [_folded(values["seller_name"]), _folded(values["buyer_name"]), *values["lines"]]
    cents, day = values["total_with_tax"], values["issue_date"]

    def ends(value: str, digits: str) -> bool:
        return value.startswith(digits) or value.endswith(digits)

    tests = (
        query.number is None or ends(number, query.number),
        query.code is None or ends(code, query.code),
        query.digits is None or ends(number, query.digits) or ends(code, query.digits),
        all(word in names[0] for word in (query.seller or "").split()),
        all(word in names[1] for word in (query.buyer or "").split()),
        all(any(word in name for name in names) for word in (query.text or "").split()),
        query.amount_min is None or (cents is not None and cents >= query.amount_min),
        query.amount_max is None or (cents is not None and cents <= query.amount_max),
        query.date_from is None or (day is not None and day >= query.date_from),
        query.date_to is None or (day is not None and day <= query.date_to),
        query.voucher is None or values["voucher"].startswith(query.voucher),
        query.kind is None or values["kind"] == query.kind,
        query.verdict is None or values["verdict"] == query.verdict,
        query.state is None or values["state"] == query.state,
    )
    return all(tests)


_QUERIES = (
    Query(number="2631"),
    Query(number="12", kind="火车票"),
    Query(code="044002100111"),
    Query(code="0311"),
    Query(digits="0111"),
    Query(digits="99", verdict="contradicted"),
    Query(seller="华为"),
    Query(seller="大"),
    Query(seller="华"),
    Query(seller="某某(集团)"),
    Query(seller="abc贸易"),
    Query(seller="公司 有限"),
    Query(buyer="大学"),
    Query(text="住宿"),
    Query(text="某某 笔记本"),
    Query(text="没有"),
    Query(amount_min=Decimal(-5), amount_max=Decimal("300.5")),
    Query(amount_max=Decimal(0)),
    Query(date_from=dt.date(2026, 3, 1), date_to=dt.date(2026, 8, 31)),
    Query(date_to=dt.date(2026, 8, 31), state="in_review"),
    Query(voucher="JZ-2026"),
    Query(voucher="BX-1", seller="公司"),
    Query(verdict="confirmed"),
)


@pytest.mark.parametrize("few", [20_000, 0])
def test_every_part_finds_what_it_means_by_either_plan(
    database: Database,
    invoices: dict[str, dict[str, Any]],
    few: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(running, "FEW", few)  # 0: nothing is few, so everything is walked
    for query in _QUERIES:
        expected = {key for key, values in invoices.items() if _meets(values, query)}
        ids = found(database, query)
        assert len(ids) == len(set(ids)), query
        assert set(ids) == expected, query
    assert sum(len(found(database, query)) > 0 for query in _QUERIES) == len(_QUERIES) - 1


def test_the_newest_come_first(database: Database, invoices: dict[str, dict[str, Any]]) -> None:
    ids = found(database, Query(seller="公司"))
    days = [invoices[key]["issue_date"] or dt.date.min for key in ids]
    assert days == sorted(days, reverse=True)


def test_whole_numbers_come_before_beginnings_and_ends(database: Database) -> None:
    ends = enter(database, number="99991234")
    begins = enter(database, number="12345678")
    whole = enter(database, number="1234")
    coded = enter(database, number="5", invoice_code="031001234")
    with database.read() as session:
        page = search.run(session, search.parse("1234"))
        assert [(hit.match, hit.document.id) for hit in page.hits] == [
            (Match.EXACT, whole),
            (Match.PREFIX, begins),
            (Match.SUFFIX, ends),
            (None, coded),
        ]


def test_only_what_may_be_seen_is_found(database: Database) -> None:
    east, west = (enter(database, campus=campus, seller_name="某某公司") for campus in ("e", "w"))
    with database.read() as session:

        def hits(query: Query, **options: Any) -> list[str]:
            return [hit.document.id for hit in search.run(session, query, **options).hits]

        for query in (Query(seller="某某"), Query(number="2631")):
            assert hits(query, seen=Seen(frozenset({"e"}))) == [east]
            assert sorted(hits(query, seen=Seen(frozenset({"e", "w"})))) == [east, west]
            assert (
                hits(query, seen=Seen(frozenset()))
                == hits(query, seen=Seen(frozenset({"x"})))
                == []
            )
        assert hits(Query(campus="w"), seen=Seen(frozenset({"e"}))) == []
        assert hits(Query(seller="\x00"), seen=Seen(frozenset({"e"}))) == []


def test_a_document_that_moves_to_another_campus_is_found_there(database: Database) -> None:
    key = enter(database, campus="e")
    with database.write() as session:
        session.get_one(Document, key).campus = "w"
    assert found(database, Query(campus="w")) == [key]
    assert found(database, Query(campus="e")) == []


def test_an_invoice_that_is_read_again_is_found_by_what_it_says_now(database: Database) -> None:
    key = enter(database, seller_name="旧名公司", lines=("*旧货*旧书",))
    with database.write() as session:
        row = session.get_one(InvoiceRow, key)
        row.seller_name, row.data = "新名公司", {"lines": [{"name": "新书"}]}
    assert found(database, Query(text="旧")) == []
    assert found(database, Query(seller="新名")) == found(database, Query(text="新书")) == [key]
    with database.write() as session:
        session.delete(session.get_one(InvoiceRow, key))
    assert found(database, Query(seller="新名")) == []


def test_the_index_stands_or_falls_with_the_invoice(database: Database) -> None:
    key = enter(database, seller_name="甲乙公司")
    with database.write() as session:
        session.get_one(InvoiceRow, key).seller_name = "丙丁公司"
        session.flush()
        session.rollback()
    assert found(database, Query(seller="丙丁")) == []
    assert found(database, Query(seller="甲乙")) == [key]


def test_the_index_is_made_again_from_the_invoices(
    database: Database, invoices: dict[str, dict[str, Any]]
) -> None:
    before = {query: found(database, query) for query in _QUERIES}
    with database.write() as session:
        session.execute(text("DELETE FROM search_lines"))
        session.execute(text("UPDATE search_invoices SET day = 5, seller_id = 1"))
        assert index.rebuild(session) == len(invoices)
    after = {query: found(database, query) for query in _QUERIES}
    assert {q: set(ids) for q, ids in before.items()} == {q: set(ids) for q, ids in after.items()}


def test_what_lay_there_before_there_was_an_index_is_indexed(database: Database) -> None:
    key = enter(database, seller_name="甲乙公司")
    with database.write() as session:
        session.execute(text("DELETE FROM search_invoices"))
    database.migrate()
    assert found(database, Query(seller="甲乙")) == [key]


def test_a_name_stands_once_however_many_bear_it(database: Database) -> None:
    for _ in range(3):
        enter(database, seller_name="甲乙公司", buyer_name="甲乙公司")
    with database.read() as session:
        names = list(session.scalars(select(SearchName.folded)))
        assert names.count("甲乙公司") == 1
        assert len(session.scalars(select(SearchInvoice.id)).all()) == 3


def test_nothing_that_is_typed_breaks_the_search(database: Database) -> None:
    enter(database, seller_name="a%b_c公司")
    odd = ("%", "_", "\\", "'", '"', "\x00", "a\x00b", "%%", "𠮷野", "b_c", "\U0010ffff")
    with database.read() as session:
        for word in odd:
            search.find(session, word)
            for field in fields(Query):
                if field.type == "str | None":
                    part: dict[str, Any] = {field.name: word}
                    search.run(session, Query(**part))
        assert len(search.run(session, Query(seller="%b_c")).hits) == 1
        assert len(search.run(session, Query(seller="%%")).hits) == 0


def test_another_searchs_page_is_refused(database: Database) -> None:
    enter(database)
    place = search.paging.Place(3, "not a day", "x").written()
    with database.read() as session, pytest.raises(search.BadCursor):
        search.run(session, Query(kind="火车票"), after=place)
