"""Which kind of invoice a number speaks of: QR type, 发票代码, printed name, by table.

The tables are data (`tables/invoice_types.toml`); this module only looks things up.
"""

from __future__ import annotations

import tomllib
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from extractors.model import Kind

_TABLE = Path(__file__).parent / "tables" / "invoice_types.toml"

#: 数电票 and their relatives: 20 digits, no 发票代码, no check code.
DIGITAL_KINDS = frozenset(
    {Kind.DIGITAL_NORMAL, Kind.DIGITAL_SPECIAL, Kind.DIGITAL_RAIL, Kind.DIGITAL_AIR}
)
_DIGITAL_NUMBER_LENGTH = 20
#: Names too common to tell a kind wherever they stand; their own faces know them by more.
_NO_TITLES = frozenset({Kind.UNKNOWN, Kind.RECEIPT, Kind.POS_SLIP, Kind.BANK_RECEIPT})


@dataclass(frozen=True, slots=True)
class QrType:
    """A QR type number: the kind, and the field its amount belongs to ("" when not settled)."""

    kind: Kind
    amount_field: str


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(_TABLE.read_text(encoding="utf-8"))


def kind_from_qr_type(number: str) -> QrType | None:
    """The meaning of the second part of a QR text (`10`, `32` ...), None if not in the table."""
    entry = _table()["qr"].get(number)
    return QrType(Kind(entry["kind"]), entry["amount"]) if entry else None


def kind_from_code(code: str) -> Kind:
    """The kind of a 发票代码 of 10 or 12 digits; UNKNOWN where the rules are silent."""
    rules = _table()["code"]
    if not code.isdigit():
        return Kind.UNKNOWN
    name = rules["whole"].get(code)
    if name is None and len(code) == 12:
        by_last_two = code.startswith("0")
        name = (
            rules["last_two"].get(code[-2:]) if by_last_two else rules["long_eighth"].get(code[7])
        )
    if name is None and len(code) == 10:
        name = rules["short_eighth"].get(code[7])
    return Kind(name) if name else Kind.UNKNOWN


def kind_from_name(text: str) -> Kind:
    """The kind whose printed name stands in `text`; the longest name wins.

    Brackets and widths do not matter, and a province in front of the name is no hindrance.
    """
    face = _bare(text)
    return next((kind for name, kind in _titles() if name in face), Kind.UNKNOWN)


@cache
def _titles() -> tuple[tuple[str, Kind], ...]:
    """Printed names and their kinds, the longest first."""
    ranked = sorted(Kind, key=lambda kind: len(kind.value), reverse=True)
    return tuple((_bare(kind.value), kind) for kind in ranked if kind not in _NO_TITLES)


def is_digital_number(number: str) -> bool:
    """Whether a number has the shape of a 数电票 number (20 digits)."""
    return len(number) == _DIGITAL_NUMBER_LENGTH and number.isdigit()


#: Engines take a printed title's characters for their traditional forms now and then.
_SIMPLIFIED = str.maketrans(
    "電發稅專紙質統鐵運動機車銷廣", "电发税专纸质统铁运动机车销广", "() \t\n"
)


def _bare(text: str) -> str:
    return unicodedata.normalize("NFKC", text).translate(_SIMPLIFIED)
