"""The region that a number names: provinces and plan cities, from the table `regions.toml`."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

_TABLE = Path(__file__).parent / "tables" / "regions.toml"


@cache
def _table() -> dict[str, dict[str, str]]:
    return tomllib.loads(_TABLE.read_text(encoding="utf-8"))


def region_of(number: str) -> str | None:
    """The region in a 发票代码 (10 or 12 digits) or a 数电票 number (20); None for other texts
    and for digits that name none."""
    if re.fullmatch(r"\d{20}", number):
        return (_table()["provinces"] | _table()["digital"]).get(number[2:4]) or None
    if not re.fullmatch(r"\d{10}|\d{12}", number):
        return None
    place = number[1:5] if len(number) == 12 else number[:4]
    return _table()["cities"].get(place) or _table()["provinces"].get(place[:2])


@cache
def digital_regions() -> frozenset[str]:
    """The two digits that may stand for the region in a 数电票 number."""
    return frozenset(_table()["provinces"]) | frozenset(_table()["digital"])


@cache
def provinces() -> frozenset[str]:
    """The two digits of every province (GB/T 2260)."""
    return frozenset(_table()["provinces"])
