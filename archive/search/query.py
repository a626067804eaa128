"""What is searched for: every part that is given must hold."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Self


@dataclass(frozen=True, slots=True)
class Query:
    """Parts of a search; None asks for nothing.

    `number` and `code` match whole, by beginning, or by last digits; `digits` does so with either
    of the two. `seller`, `buyer` and `text` (either name, or a line of goods) match anywhere in a
    name, blanks part words that must all occur. `voucher` matches whole or by beginning. Amounts
    are the total with tax in yuan; both ends of a range belong to it.
    """

    number: str | None = None
    code: str | None = None
    digits: str | None = None
    seller: str | None = None
    buyer: str | None = None
    text: str | None = None
    amount_min: Decimal | None = None
    amount_max: Decimal | None = None
    date_from: dt.date | None = None
    date_to: dt.date | None = None
    voucher: str | None = None
    campus: str | None = None
    kind: str | None = None
    verdict: str | None = None
    state: str | None = None

    @classmethod
    def parse(cls, box: str) -> Self:
        """The query that one free box means (`archive.search.parsing`)."""
        from archive.search.parsing import parts_of  # it needs this class for nothing but here

        return cls(**parts_of(box))

    @property
    def empty(self) -> bool:
        """True when nothing at all is asked for; a part of mere blanks asks for nothing."""
        return all(not _given(getattr(self, each.name)) for each in fields(self))


def _given(value: object) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value is not None
