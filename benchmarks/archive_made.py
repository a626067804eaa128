"""Archived invoices by the million, made inside the database itself: nothing else is fast enough.

Each engine counts from 1 and scrambles the count by primes into numbers, days, sums and names, so
that both hold exactly the same invoices. Sellers and goods are distinct names made here; few
sellers have many invoices and most have few, as it is. Indexes are dropped before and made
afterwards.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, Index, insert, text

from archive.records import Base
from archive.search.grams import folded, grams
from archive.search.tables import SearchCode, SearchGram, SearchName
from extractors.model import Kind
from fixtures.maker import catalogue, people

#: Invoices of one seller, on average; of one kind of goods.
PER_SELLER, PER_GOODS = 50, 500
BUYERS, CAMPUSES, CODES, PER_VOUCHER, SUBMITTERS = 40, 8, 2000, 3, 5000
#: What counts are scrambled by, a prime.
_ROUND = 100_000_007
LAST_DAY = dt.date(2026, 11, 1).toordinal()
DAYS = 3650
_FILLED = ("documents", "invoices", "search_invoices", "search_lines", "search_grams")


@dataclass(frozen=True, slots=True)
class Made:
    """What was made: how many, and from which id on each sort of name stands."""

    count: int
    sellers: tuple[int, int]
    goods: tuple[int, int]
    buyers: tuple[int, int]
    kinds: tuple[int, int]
    campuses: tuple[int, int]


def make(engine: Engine, count: int) -> Made:
    """Fill an empty, migrated database with `count` invoices."""
    indexes = [each for name in _FILLED for each in Base.metadata.tables[name].indexes if each.name]
    if engine.dialect.name == "sqlite":
        _carelessly(engine)
    with engine.begin() as connection:
        for index in indexes:
            index.drop(connection)
        made = _names(connection, count)
        _fill(connection, made)
    for index in indexes:
        _create(engine, index)
    if engine.dialect.name == "postgresql":
        # As the server does by itself before long; on SQLite the program gathers no statistics.
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()  # the next connection is careful again
    return made


def _carelessly(engine: Engine) -> None:
    """No journal, no flushing, much memory: what is made here can be made again."""
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-2000000"):
            driver.execute(f"PRAGMA {pragma}")


def _create(engine: Engine, index: Index) -> None:
    with engine.begin() as connection:
        index.create(connection)


def _names(connection: Connection, count: int) -> Made:
    draw = random.Random(count)
    kinds = [kind.value for kind in Kind][:12]
    campuses = [f"校区{number}" for number in range(CAMPUSES)]
    buyers = [f"某某大学第{number}学院" for number in range(BUYERS)]
    goods = _distinct(draw, max(200, count // PER_GOODS), _goods)
    sellers = _distinct(draw, max(200, count // PER_SELLER), _seller)
    spans: list[tuple[int, int]] = []
    entered: dict[str, int] = {}
    for names in (sellers, goods, buyers, kinds, campuses):
        first = len(entered) + 1
        for name in names:
            entered.setdefault(folded(name), len(entered) + 1)
        spans.append((first, len(entered) - first + 1))
    _insert(connection, SearchName, [{"id": key, "folded": name} for name, key in entered.items()])
    pairs = [
        {"gram": gram, "name_id": key} for name, key in entered.items() for gram in grams(name)
    ]
    _insert(connection, SearchGram, pairs)
    codes = [f"{4400 + number % 30:06d}{number:06d}" for number in range(CODES)]
    _insert(
        connection,
        SearchCode,
        [
            {"id": key, "code": code, "reversed": code[::-1]}
            for key, code in enumerate(codes, start=1)
        ],
    )
    return Made(count, *spans)


def _insert(
    connection: Connection, table: type[Base], rows: Sequence[Mapping[str, object]]
) -> None:
    for start in range(0, len(rows), 10_000):
        connection.execute(insert(table), rows[start : start + 10_000])


def _distinct(draw: random.Random, count: int, one: object) -> list[str]:
    assert callable(one)
    names: dict[str, None] = {}
    while len(names) < count:
        names[folded(one(draw))] = None
    return list(names)


_SYLLABLES = (
    "华联信达鑫源宏泰瑞丰盛兴隆昌明远东方天地人和平安康宁博雅文德金玉云海江山川林木森水火土"
)


def _brand(draw: random.Random) -> str:
    return "".join(draw.choice(_SYLLABLES) for _ in range(draw.choice((2, 2, 3))))


def _seller(draw: random.Random) -> str:
    city = people.place(draw).city
    ending = draw.choice(catalogue.TRADES).ending
    return f"{city}{_brand(draw)}{ending}"


def _goods(draw: random.Random) -> str:
    sort = draw.choice(("住宿服务", "餐饮服务", "计算机", "文具", "运输服务", "印刷品", "实验仪器"))
    return f"*{sort}*{_brand(draw)}{draw.choice('型号款类')}{draw.randrange(1000)}"


def _scrambled(factor: int, size: int) -> str:
    """0 to `size` - 1, each value as often as any other, in no order that is seen."""
    return f"((i * {factor}) % {_ROUND} % {size})"


def _skewed(factor: int, first: int, size: int) -> str:
    """`first` to `first + size - 1`: few of them often, most seldom (the cube of an even draw).
    In whole numbers, which both engines cut off alike, none of them near 2**63."""
    draw = f"((i * {factor}) % {_ROUND})"
    return f"({first} + {draw} * {draw} / {_ROUND} * {draw} / {_ROUND} * {size} / {_ROUND})"


@dataclass(frozen=True, slots=True)
class _Tongue:
    """How an engine says what the two say differently."""

    counting: str
    source: str
    moment: str
    true: str
    day_to_date: str
    width: str

    def padded(self, value: str, width: int) -> str:
        return self.width.format(value=value, width=width)


def _tongue(engine: str, count: int) -> _Tongue:
    if engine == "sqlite":
        return _Tongue(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
            f" WHERE i < {count}) SELECT ",
            "n",
            "'2026-11-01 00:00:00'",
            "1",
            "date({day} + 1721424.5)",
            "printf('%0{width}d', {value})",
        )
    return _Tongue(
        "SELECT ",
        f"generate_series(1, {count}::bigint) AS n(i)",
        "TIMESTAMPTZ '2026-11-01 00:00:00Z'",
        "true",
        "DATE '0001-01-01' + CAST({day} - 1 AS integer)",
        "lpad(CAST({value} AS text), {width}, '0')",
    )


def _fill(connection: Connection, made: Made) -> None:
    say = _tongue(connection.dialect.name, made.count)
    if connection.dialect.name == "sqlite":
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.create_function("reverse", 1, lambda word: word[::-1], deterministic=True)
    key, day = say.padded("i", 24), f"({LAST_DAY} - {_scrambled(31, DAYS)})"
    voucher = f"('JZ-' || {say.padded(f'(i / {PER_VOUCHER})', 8)})"
    # Three of ten have a code and eight digits, as until 2021; the rest have twenty.
    old, tail = "i % 10 < 3", say.padded(_scrambled(7919, 100_000_007), 9)
    middle = say.padded(_scrambled(104_729, 100_000_007), 9)
    number = f"CASE WHEN {old} THEN substr({tail}, 2) ELSE '26' || {middle} || {tail} END"
    for table, columns in {
        f"vouchers WHERE i % {PER_VOUCHER} = 0 OR i = 1": {
            "voucher_no": voucher,
            "created_at": say.moment,
            "attempts": "0",
        },
        "documents": {
            "id": key,
            "sha256": say.padded("i", 64),
            **dict.fromkeys(("part", "parts", "size"), "1"),
            "kept": say.true,
            "media_type": "'application/pdf'",
            "name": "'a.pdf'",
            "voucher_no": voucher,
            "submitter": f"'u' || {_scrambled(7907, SUBMITTERS)}",
            "campus": f"'校区' || {_skewed(86_028_121, 0, made.campuses[1])}",
            **dict.fromkeys(("received_at", "updated_at"), say.moment),
            "state": "'archived'",
            "verdict": "'confirmed'",
            **dict.fromkeys(("attempts", "portal_tries"), "0"),
        },
        "invoices": {
            "document_id": key,
            "kind": "'x'",
            "invoice_number": number,
            "number_reversed": f"reverse({number})",
            "issue_date": say.day_to_date.format(day=day),
            "data": "'{}'",
        },
        "search_invoices": {
            "id": "i",
            "document_id": key,
            "day": day,
            "cents": _scrambled(15_485_863, 5_000_000),
            "seller_id": _skewed(32_452_843, *made.sellers),
            "buyer_id": _skewed(49_979_687, *made.buyers),
            "kind_id": _skewed(67_867_967, *made.kinds),
            "campus_id": _skewed(86_028_121, *made.campuses),
            "code_id": f"CASE WHEN {old} THEN 1 + {_scrambled(17, CODES)} END",
        },
        "search_lines": {
            "invoice_id": "i",
            "name_id": _skewed(29_986_577, *made.goods),
            "day": day,
        },
    }.items():
        name, where, which = table.partition(" WHERE ")
        values = say.counting + ", ".join(columns.values())
        # `:` would be a parameter's.
        statement = (
            f"INSERT INTO {name} ({', '.join(columns)}) {values} FROM {say.source}{where}{which}"
        )
        connection.exec_driver_sql(statement.replace("%", "%%") if "::" in statement else statement)
