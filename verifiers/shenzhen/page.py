"""The bureau's page as data: its text, line by line, becomes `PortalValues`. Pure.

A value stands behind its label on the same line or on the next one; both are common on phone
pages. What does not show what an invoice must show raises `PortalChanged`.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from extractors import values
from extractors.model import Frozen
from verifiers.errors import PortalChanged
from verifiers.model import PortalValues, Reason

_FILE = Path(__file__).with_name("page.toml")
_MONEY = frozenset({"total_without_tax", "total_tax", "total_with_tax"})


class Said(Frozen):
    """Words and what they mean; of a status, behind its label."""

    contains: tuple[str, ...]
    reason: Reason
    label: str = ""

    def matches(self, text: str) -> bool:
        return any(words in text for words in self.contains)


class Needs(Frozen):
    values: tuple[str, ...]


class PageLayout(Frozen):
    """`page.toml` as read."""

    version: str
    hosts: tuple[str, ...]
    labels: dict[str, tuple[str, ...]]
    needs: Needs
    status: tuple[Said, ...]
    answers: tuple[Said, ...]


class Shown(Frozen):
    """What a page shows: an `answer` that is no invoice, or `values`, perhaps with a `status`."""

    answer: Said | None = None
    values: PortalValues | None = None
    status: Said | None = None


@cache
def load_page_layout(path: Path = _FILE) -> PageLayout:
    """Read and check the file; a mistake in it raises pydantic's `ValidationError`."""
    return PageLayout.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


def read_page(text: str, layout: PageLayout, number: str) -> Shown:
    """What the page's visible text says. Raises `PortalChanged` where it is not as described, or
    shows another invoice than `number`."""
    lines = [line for row in text.splitlines() if (line := "".join(row.split()))]
    found = {name: _behind(lines, labels) for name, labels in layout.labels.items()}
    shown = {name: _typed(name, value) for name, value in found.items() if value}
    lacking = [name for name in layout.needs.values if name not in shown]
    if lacking:
        answer = next((said for said in layout.answers if said.matches("".join(lines))), None)
        if answer is None:
            raise PortalChanged(detail=f"page without {', '.join(lacking)}")
        return Shown(answer=answer)
    if shown["invoice_number"] != number:
        raise PortalChanged(detail="the page shows another invoice number")
    status = next(
        (said for said in layout.status if said.matches(_behind(lines, (said.label,)))), None
    )
    words = _behind(lines, (status.label,)) if status is not None else ""
    return Shown(values=PortalValues.model_validate({**shown, "status_text": words}), status=status)


def _behind(lines: Sequence[str], labels: Sequence[str]) -> str:
    """What stands behind the first of the labels that is there; "" without any."""
    for label in labels:
        for place, line in enumerate(lines):
            match = re.match(rf"{re.escape(label)}[:：]?(.*)$", line)
            if match is None:
                continue
            following = lines[place + 1] if place + 1 < len(lines) else ""
            return match[1] or following
    return ""


def _typed(name: str, text: str) -> str | dt.date | Decimal:
    value: Any = text
    if name in _MONEY:
        value = values.parse_money(text)
    elif name == "issue_date":
        value = values.parse_date(text)
    if value is None:
        raise PortalChanged(detail=f"{name} is of another form")
    typed: str | dt.date | Decimal = value
    return typed
