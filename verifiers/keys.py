"""Which four keys the portal wants of an invoice, and which kinds it verifies at all.

The fourth key follows the label on the portal's page where there is one (`fourth_key` with
what the label says); `portal_keys` gives what the kind lets one expect beforehand. The tables
are data in `portal/kinds.toml`.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from decimal import Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path

from extractors.model import Finding, Frozen, Invoice, Kind, Severity
from verifiers.model import PortalKeys

_KINDS_FILE = Path(__file__).parent / "portal" / "kinds.toml"


#: Fields of an invoice that the portal may ask for.
PORTAL_KEY_FIELDS = (
    "invoice_code",
    "invoice_number",
    "issue_date",
    "check_code",
    "total_without_tax",
    "total_with_tax",
)


class FourthKey(StrEnum):
    """What the fourth field asks for."""

    WITHOUT_TAX = "total_without_tax"
    WITH_TAX = "total_with_tax"
    CHECK_CODE = "check_code"
    #: Last six of the 20-digit number that 数电纸票 bear beside code and number.
    NUMBER_TAIL = "number_tail"


class KindTable(Frozen):
    """`kinds.toml` as read: fourth keys by kind, kinds by invoice code."""

    fourth: dict[Kind, FourthKey]
    normal_exceptions: frozenset[str]
    twelve_zero: dict[str, Kind]
    twelve_eighth: dict[str, Kind]
    ten_eighth: dict[str, Kind]
    years_back: int


@cache
def kind_table() -> KindTable:
    data = tomllib.loads(_KINDS_FILE.read_text(encoding="utf-8"))
    codes = data["codes"]
    return KindTable(
        fourth={Kind(name): FourthKey(key) for name, key in data["fourth"].items()},
        normal_exceptions=frozenset(codes["normal_exceptions"]),
        twelve_zero={key: Kind(name) for key, name in codes["twelve_zero"].items()},
        twelve_eighth={key: Kind(name) for key, name in codes["twelve_eighth"].items()},
        ten_eighth={key: Kind(name) for key, name in codes["ten_eighth"].items()},
        years_back=data["limits"]["years_back"],
    )


def kind_from_code(code: str) -> Kind | None:
    """The kind that an invoice code (发票代码, 10 or 12 digits) tells; None when it tells none.

    货运 (10 digits, 8th 2 or 7) has no kind of ours, so its codes tell None.
    """
    table = kind_table()
    if code in table.normal_exceptions:
        return Kind.VAT_ELECTRONIC_NORMAL
    if re.fullmatch(r"0\d{11}", code):
        return table.twelve_zero.get(code[-2:])
    if re.fullmatch(r"\d{12}", code):
        return table.twelve_eighth.get(code[7])
    if re.fullmatch(r"\d{10}", code):
        return table.ten_eighth.get(code[7])
    return None


def covered(invoice: Invoice) -> bool:
    """Whether this portal verifies such an invoice (paper train tickets: no).

    An unknown kind counts as covered when its code or 20-digit number places it.
    """
    return expected_fourth(invoice) is not None


def expected_fourth(invoice: Invoice) -> FourthKey | None:
    """The fourth key one expects from the kind, or from code and number where the kind is
    unknown; None for what the portal does not verify."""
    kind = invoice.kind
    if kind is Kind.UNKNOWN:
        code = invoice.invoice_code.value if invoice.invoice_code else ""
        number = invoice.invoice_number.value if invoice.invoice_number else ""
        if not code and re.fullmatch(r"\d{20}", number):
            return FourthKey.WITH_TAX
        kind = kind_from_code(code) or Kind.UNKNOWN
    return kind_table().fourth.get(kind)


def fourth_key(invoice: Invoice, wanted: FourthKey) -> str | None:
    """The text to type for the wanted fourth key; None when the invoice does not give it."""
    if wanted is FourthKey.CHECK_CODE:
        code = re.sub(r"\s", "", invoice.check_code.value) if invoice.check_code else ""
        return code[-6:] if re.fullmatch(r"\d{6,20}", code) else None
    if wanted is FourthKey.NUMBER_TAIL:
        number = _long_number(invoice)
        return number[-6:] if number else None
    amount = (
        invoice.total_without_tax if wanted is FourthKey.WITHOUT_TAX else invoice.total_with_tax
    )
    return None if amount is None else _as_typed(amount.value)


def _long_number(invoice: Invoice) -> str | None:
    """The 数电票 number: the invoice's own, or the second one on 数电纸票."""
    for field in (invoice.extra.get("digital_number"), invoice.invoice_number):
        if field is not None and re.fullmatch(r"\d{20}", field.value):
            return str(field.value)
    return None


def portal_keys(invoice: Invoice, wanted: FourthKey | None = None) -> PortalKeys | None:
    """The four keys, or None when one lacks or cannot be right (see `missing_keys`).

    `wanted` is what the page's label asked for; without it the kind's usual key is taken.
    """
    if missing_keys(invoice, wanted):
        return None
    fourth = fourth_key(invoice, wanted or expected_fourth(invoice) or FourthKey.WITH_TAX)
    number, date = invoice.invoice_number, invoice.issue_date
    if number is None or date is None or fourth is None:
        return None
    code = invoice.invoice_code.value if invoice.invoice_code else ""
    return PortalKeys(
        invoice_code="" if len(number.value) == 20 else code,
        invoice_number=number.value,
        issue_date=date.value,
        fourth=fourth,
    )


def missing_keys(invoice: Invoice, wanted: FourthKey | None = None) -> tuple[str, ...]:
    """Names of the fields that lack, or whose shape the portal would not take."""
    code = invoice.invoice_code.value if invoice.invoice_code else ""
    number = invoice.invoice_number.value if invoice.invoice_number else ""
    digital = re.fullmatch(r"\d{20}", number) is not None
    lacking: list[str] = []
    if not digital and not re.fullmatch(r"\d{10}|\d{12}", code):
        lacking.append("invoice_code")
    if not digital and not re.fullmatch(r"\d{8}", number):
        lacking.append("invoice_number")
    if invoice.issue_date is None:
        lacking.append("issue_date")
    fourth = wanted or expected_fourth(invoice)
    if fourth is not None and fourth_key(invoice, fourth) is None:
        is_tail = fourth is FourthKey.NUMBER_TAIL
        lacking.append("invoice_number" if is_tail else fourth.value)
    return tuple(dict.fromkeys(lacking))


def lacking_keys_finding(fields: tuple[str, ...]) -> Finding:
    """Tells a person which keys to type in; `fields` as from `missing_keys`."""
    return Finding(
        code="keys_lacking",
        severity=Severity.WARN,
        field=fields[0] if fields else None,
        params={"fields": ", ".join(fields)},
    )


def too_old(issued: dt.date, today: dt.date) -> bool:
    """Whether the portal's reach (five years back) no longer covers the issue date."""
    return issued < _years_before(today, kind_table().years_back)


def _years_before(day: dt.date, years: int) -> dt.date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # 29 February in a year that has none
        return day.replace(year=day.year - years, day=28)


def _as_typed(amount: Decimal) -> str:
    return f"{amount:.2f}"
