"""Rows of a voucher file gathered into vouchers: one row an entry, the voucher's own columns the
same in each of its rows. A voucher with a bad row is not taken at all, the others are."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pydantic import Field as Attribute

from archive.voucher_cells import (
    BadCell,
    Column,
    Value,
    column_of,
    columns,
    value_of,
    word_and_number,
)
from archive.voucher_sheets import Cell
from extractors.errors import YanpiaoError
from extractors.model import Frozen

_KEY = ("fiscal_year", "account_set", "agency_code", "period", "word", "number")


class VoucherColumnsMissing(YanpiaoError):
    """The first row does not name every column that a voucher needs."""

    code = "voucher_columns_missing"


class RowFault(Frozen):
    """What is wrong with a row. `row`: its number in the file, 0 for the file as a whole; the
    catalogues hold the sentence of `code`, which says what to do."""

    row: int
    column: str = ""
    code: str
    params: dict[str, str] = Attribute(default_factory=dict)


class EntryData(Frozen):
    """One entry (分录), amounts in yuan; one of the two is zero as a rule."""

    summary: str = ""
    account_code: str
    account_name: str = ""
    debit: Decimal = Decimal(0)
    credit: Decimal = Decimal(0)


class VoucherData(Frozen):
    """A voucher as the accounting system states it (`archive.accounting.VoucherFacts`).

    `voucher_no` is ours, where the file names it; `rows` are the file's rows it stood in.
    """

    fiscal_year: int
    period: int
    number: int
    word: str = ""
    account_set: str = ""
    agency_code: str = ""
    agency_name: str = ""
    campus: str = ""
    voucher_no: str = ""
    voucher_date: dt.date
    posting_date: dt.date | None = None
    summary: str = ""
    invoice_amount: Decimal | None = None
    attachments: int | None = None
    preparer: str = ""
    reviewer: str = ""
    poster: str = ""
    red: bool = False
    entries: tuple[EntryData, ...]
    rows: tuple[int, ...] = ()

    @property
    def own_no(self) -> str:
        """Our number of the voucher: the one that the file names, else made of its key."""
        if self.voucher_no:
            return self.voucher_no
        month = f"{self.fiscal_year}-{self.period:02d}"
        parts = (self.agency_code, self.account_set, month, self.word, f"{self.number:04d}")
        return "-".join(part for part in parts if part)

    @property
    def debit_total(self) -> Decimal:
        return sum((entry.debit for entry in self.entries), Decimal(0))

    @property
    def credit_total(self) -> Decimal:
        return sum((entry.credit for entry in self.entries), Decimal(0))

    @property
    def fingerprint(self) -> str:
        """SHA-256 over everything it says; the rows it stood in do not count."""
        said = self.model_dump_json(exclude={"rows", "voucher_no"})
        return hashlib.sha256(said.encode()).hexdigest()


@dataclass(slots=True)
class Gathered:
    """What a file holds: whole vouchers in the order of their first rows, and every fault."""

    vouchers: list[VoucherData] = field(default_factory=list)
    faults: list[RowFault] = field(default_factory=list)


@dataclass(slots=True)
class _Row:
    """One row's values; `key` is None while it cannot be told which voucher it belongs to."""

    number: int
    values: dict[str, Any]
    faults: list[RowFault]
    key: tuple[Any, ...] | None = None


def gather(rows: Iterable[tuple[int, list[Cell]]]) -> Gathered:
    """Vouchers and faults of a file's rows, the first of which names the columns.

    Raises `VoucherColumnsMissing`.
    """
    iterator = iter(rows)
    first = next(iterator, None)
    heads = [column_of(cell) for cell in first[1]] if first else []
    _refuse_incomplete(heads)
    read = [_read(number, cells, heads) for number, cells in iterator]
    return _gathered(read)


def _refuse_incomplete(heads: list[Column | None]) -> None:
    named = {head.name for head in heads if head is not None}
    missing = [c.headings[0] for c in columns().values() if c.needed and c.name not in named]
    if missing:
        raise VoucherColumnsMissing(columns="、".join(missing))


def _read(number: int, cells: list[Cell], heads: list[Column | None]) -> _Row:
    row = _Row(number, {}, [])
    for index, head in enumerate(heads):
        if head is None:
            continue
        try:
            row.values[head.name] = value_of(cells[index] if index < len(cells) else None, head)
        except BadCell as fault:
            row.faults.append(_fault(number, head.name, fault.code, fault.params))
    _tell_word(row)
    _refuse_empty_entry(row)
    if all(row.values.get(name) is not None for name in ("fiscal_year", "period", "number")):
        row.key = tuple(row.values.get(name) or "" for name in _KEY)
    return row


def _fault(number: int, column: str, code: str, params: Mapping[str, str]) -> RowFault:
    label = columns()[column].headings[0] if column else ""
    return RowFault(row=number, column=label, code=code, params=dict(params))


def _tell_word(row: _Row) -> None:
    """A number may carry its word: 记-0012."""
    stated = row.values.get("number")
    if not isinstance(stated, str):
        return
    word, row.values["number"] = word_and_number(stated)
    own = row.values.get("word")
    if word and own and word != own.removesuffix("字"):
        row.faults.append(_fault(row.number, "number", "voucher_words_differ", {"found": word}))
    row.values["word"] = (own or word).removesuffix("字")


def _refuse_empty_entry(row: _Row) -> None:
    bad = {fault.column for fault in row.faults}
    labels = {columns()[name].headings[0] for name in ("debit", "credit")}
    if not (bad & labels) and not row.values.get("debit") and not row.values.get("credit"):
        row.faults.append(_fault(row.number, "debit", "voucher_entry_empty", {}))


def _gathered(rows: list[_Row]) -> Gathered:
    result = Gathered()
    groups: dict[tuple[Any, ...], list[_Row]] = {}
    spoiled: set[tuple[Any, ...]] = set()
    for index, row in enumerate(rows):
        result.faults.extend(row.faults)
        if row.key is not None:
            groups.setdefault(row.key, []).append(row)
            if row.faults:
                spoiled.add(row.key)
            continue
        # Nobody can say which voucher it is a part of: the ones it stands between are not taken.
        beside = rows[max(0, index - 1) : index + 2]
        spoiled.update(each.key for each in beside if each.key is not None)
    for key, group in groups.items():
        faults = list(_disagreements(group))
        result.faults.extend(faults)
        if key in spoiled or faults:
            continue
        result.vouchers.append(_voucher(group))
    _refuse_doubles(result)
    result.faults.sort(key=lambda fault: fault.row)
    return result


def _disagreements(group: list[_Row]) -> Iterator[RowFault]:
    """Columns of the voucher that differ between its rows, and debits that are not credits."""
    first = group[0]
    for column in columns().values():
        if column.of == "entry":
            continue
        for row in group[1:]:
            if _said(row, column.name) not in (None, _said(first, column.name)):
                yield _fault(
                    row.number, column.name, "voucher_rows_differ", {"first": str(first.number)}
                )
    debit = sum((row.values.get("debit") or Decimal(0) for row in group), Decimal(0))
    credit = sum((row.values.get("credit") or Decimal(0) for row in group), Decimal(0))
    if debit != credit:
        amounts = {"debit": f"{debit:.2f}", "credit": f"{credit:.2f}"}
        yield _fault(first.number, "debit", "voucher_unbalanced", amounts)


def _said(row: _Row, name: str) -> Value:
    value: Value = row.values.get(name)
    return None if value == "" else value


def _voucher(group: list[_Row]) -> VoucherData:
    first = group[0].values
    own = {
        name: first[name]
        for name, column in columns().items()
        if column.of == "voucher" and first.get(name) is not None and name != "voucher_summary"
    }
    entries = tuple(
        EntryData(
            summary=row.values.get("summary") or "",
            account_code=row.values["account_code"],
            account_name=row.values.get("account_name") or "",
            debit=row.values.get("debit") or Decimal(0),
            credit=row.values.get("credit") or Decimal(0),
        )
        for row in group
    )
    return VoucherData(
        **own,
        summary=first.get("voucher_summary") or entries[0].summary,
        entries=entries,
        rows=tuple(row.number for row in group),
    )


def _refuse_doubles(result: Gathered) -> None:
    """Two vouchers of a file must not go by one number of ours."""
    seen: dict[str, VoucherData] = {}
    kept = []
    for voucher in result.vouchers:
        other = seen.setdefault(voucher.own_no, voucher)
        if other is voucher:
            kept.append(voucher)
            continue
        params = {"first": str(other.rows[0]), "voucher": voucher.own_no}
        result.faults.append(_fault(voucher.rows[0], "voucher_no", "voucher_no_twice", params))
    result.vouchers = kept
