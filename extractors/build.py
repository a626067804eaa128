"""Texts by field name become an `Invoice`: the last step of every exact source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from extractors import values
from extractors.kinds import kind_from_code
from extractors.model import FIELD_NAMES, Box, Field, Invoice, Kind, Line, Source

_READERS: dict[str, Callable[[str], Any]] = {
    "remarks": values.tidy_lines,
    "invoice_code": values.parse_digits,
    "invoice_number": values.parse_digits,
    "check_code": values.parse_digits,
    "machine_number": values.parse_digits,
    "issue_date": values.parse_date,
    "buyer_tax_id": values.parse_tax_id,
    "seller_tax_id": values.parse_tax_id,
    "total_without_tax": values.parse_money,
    "total_tax": values.parse_money,
    "total_with_tax": values.parse_money,
}
#: Elements of a line in the 电子凭证会计数据标准, which 数电票 XML and XBRL share.
LINE_CELLS = {
    "name": "ItemName",
    "spec": "SpecMod",
    "unit": "MeaUnits",
    "quantity": "Quantity",
    "price": "UnPrice",
    "amount": "Amount",
    "rate": "TaxRate",
    "tax": "ComTaxAm",
}


def invoice_from_texts(
    texts: Mapping[str, str | None],
    source: Source,
    *,
    kind: Kind = Kind.UNKNOWN,
    lines: Sequence[Line] = (),
    boxes: Mapping[str, Box] | None = None,
    extra: Mapping[str, str | None] | None = None,
) -> Invoice:
    """An invoice of one source, confidence 1.0. Names are those of `Invoice`'s fields.

    A text that is no value of its field's type is left out rather than bent into one: the
    field then stays empty, and the merge says so. Without a `kind`, 发票代码 names it.
    """
    fields: dict[str, Field[Any]] = {}
    for name in FIELD_NAMES:
        field = _field(name, texts.get(name), source, (boxes or {}).get(name))
        if field is not None:
            fields[name] = field
    code = fields.get("invoice_code")
    if kind is Kind.UNKNOWN and code is not None:
        kind = kind_from_code(code.value)
    notes = {
        name: Field[str](value=tidied, raw=text or "", source=source, confidence=1.0)
        for name, text in (extra or {}).items()
        if (tidied := values.tidy(text)) is not None
    }
    anything = bool(fields or lines)
    return Invoice(
        kind=kind,
        lines=tuple(lines),
        extra=notes,
        sources=(source,) if anything else (),
        **fields,
    )


def _field(name: str, text: str | None, source: Source, box: Box | None) -> Field[Any] | None:
    value = _READERS.get(name, values.tidy)(text) if text else None
    if value is None or value == "":
        return None
    return Field(value=value, raw=text or "", source=source, confidence=1.0, box=box)


def line_from_texts(cells: Mapping[str, str | None]) -> Line | None:
    """One line of goods from texts named as `Line`'s attributes; None without a name and amount."""
    texts = {name: tidied for name, text in cells.items() if (tidied := values.tidy(text))}
    amount = values.parse_number(texts.get("amount", ""))
    name = texts.get("name", "")
    if not name and amount is None:
        return None
    return Line(
        name=name,
        spec=texts.get("spec"),
        unit=texts.get("unit"),
        quantity=values.parse_number(texts.get("quantity", "")),
        price=values.parse_number(texts.get("price", "")),
        amount=amount,
        rate=values.parse_rate(texts.get("rate", "")),
        tax=values.parse_number(texts.get("tax", "")),
    )
