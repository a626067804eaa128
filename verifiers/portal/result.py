"""The result window as data: a snapshot of the page becomes `PortalValues`. Pure.

The browser only takes the snapshot (`SNAPSHOT_SCRIPT`); everything that can be misread is
decided here, where it is tested without a browser. What does not look as described raises
`PortalChanged`: a page that is not understood never becomes a verdict.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from extractors.model import Frozen, Line
from verifiers.errors import PortalChanged
from verifiers.model import PortalKeys, PortalValues
from verifiers.portal.layout import Answered, Layout

#: Reads ids with their texts, the rows of the line table, and the visible words that belong to
#: neither. Runs in the frame; argument: {lineTable, lineCell}.
SNAPSHOT_SCRIPT = """
({lineTable, lineCell}) => {
  const tidy = (text) => text.replace(/\\s+/g, ' ').trim();
  const ids = {};
  for (const node of document.querySelectorAll('[id]')) {
    (ids[node.id] ||= []).push(tidy(node.textContent));
  }
  const headers = [], rows = [];
  for (const row of document.querySelectorAll(`${lineTable} tr`)) {
    const cells = [...row.children].map((cell) => tidy(cell.textContent));
    if (row.querySelector('[id]')) continue;
    (row.querySelector('td.align_left, td.align_right') ? rows : headers).push(cells);
  }
  const values = [...document.querySelectorAll('span[id]')].filter((node) => node.id.includes('_'));
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const words = [];
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!parent.checkVisibility() || parent.closest(lineCell) || parent.closest('script')) continue;
    if (values.some((node) => node.contains(parent))) continue;
    words.push(tidy(walker.currentNode.data));
  }
  const pictures = [...document.images].filter((image) => image.checkVisibility())
    .map((image) => `${image.alt} ${image.title}`);
  return {ids, headers, rows, words: [...words, ...pictures].filter(Boolean).join(' ')};
}
"""

_PLAIN_NUMBER = re.compile(r"-?\d{1,20}(\.\d{1,20})?")
_LABELLED = re.compile(r"^[^：:]{0,8}[：:]\s*")


class Snapshot(Frozen):
    """What the script saw. `ids` lists every text under an id, for an id may occur twice."""

    ids: dict[str, tuple[str, ...]]
    headers: tuple[tuple[str, ...], ...]
    rows: tuple[tuple[str, ...], ...]
    words: str

    def text(self, name: str) -> str:
        """The first non-empty text under an id, or ""."""
        return next((text for text in self.ids.get(name, ()) if text), "")


class Shown(Frozen):
    """One result window: either `failure`, or `values` with perhaps a `status`."""

    time: str | None
    count: int | None
    failure: Answered | None = None
    failure_text: str = ""
    status: Answered | None = None
    values: PortalValues | None = None


def read_result(raw: dict[str, Any], layout: Layout, keys: PortalKeys) -> Shown:
    """What the window shows; raises `PortalChanged` where it is not as described, and where
    it shows another invoice than the one asked for."""
    snapshot = Snapshot.model_validate(raw)
    time, count = _time_and_count(snapshot, layout)
    verdict = snapshot.text(layout.result.id_failure)
    if verdict:
        known = next((known for known in layout.failures if known.matches(verdict)), None)
        if known is None:
            raise PortalChanged(detail=f"unknown result: {verdict[:40]}")
        return Shown(time=time, count=count, failure=known, failure_text=verdict)
    status = next((mark for mark in layout.status if mark.matches(snapshot.words)), None)
    values = _values(snapshot, layout, keys)
    if status is not None:
        values = values.model_copy(update={"status_text": _status_text(snapshot.words, status)})
    return Shown(time=time, count=count, status=status, values=values)


def _time_and_count(snapshot: Snapshot, layout: Layout) -> tuple[str | None, int | None]:
    time = _LABELLED.sub("", snapshot.text(layout.result.id_time), count=1) or None
    number = re.search(r"\d+", _LABELLED.sub("", snapshot.text(layout.result.id_count), count=1))
    return time, int(number[0]) if number else None


def _status_text(words: str, status: Answered) -> str:
    """The whole word on the page that carries the mark, e.g. 已全额红冲."""
    return next((word for word in words.split() if status.matches(word)), "")


def _values(snapshot: Snapshot, layout: Layout, keys: PortalKeys) -> PortalValues:
    texts = {name: _text(snapshot, stems) for name, stems in layout.stems.items()}
    shown = {name: _typed(name, text) for name, text in texts.items() if text}
    values = PortalValues.model_validate({**shown, "lines": _lines(snapshot, layout)})
    lacking = [name for name in layout.needs.values if getattr(values, name) is None]
    if lacking or all(getattr(values, name) is None for name in layout.needs.any_of):
        raise PortalChanged(detail=f"result without {', '.join(lacking) or 'a total'}")
    if values.invoice_number != keys.invoice_number:
        raise PortalChanged(detail="the result shows another invoice number")
    return values


def _text(snapshot: Snapshot, stems: Sequence[str]) -> str:
    for stem in stems:
        for name in snapshot.ids:
            if name.partition("_")[0] == stem and snapshot.text(name):
                return snapshot.text(name)
    return ""


_MONEY = frozenset({"total_without_tax", "total_tax", "total_with_tax"})


def _typed(name: str, text: str) -> str | dt.date | Decimal | None:
    if name in _MONEY:
        return _money(text)
    return _date(text) if name == "issue_date" else text


def _money(text: str) -> Decimal | None:
    """Yuan; None for a figure-less cell (***, 免税). Raises `PortalChanged` on other words."""
    plain = re.sub(r"[￥¥,，\s]", "", text)
    if not plain or re.fullmatch(r"[*＊]+|免税|不征税|-+", plain):
        return None
    if not _PLAIN_NUMBER.fullmatch(plain):
        raise PortalChanged(detail=f"not an amount: {text[:20]}")
    return Decimal(plain)


def _date(text: str) -> dt.date:
    digits = re.fullmatch(r"(\d{4})\D?(\d{1,2})\D?(\d{1,2})日?", text.strip())
    try:
        return dt.date(*(int(part) for part in digits.groups())) if digits else _no_date(text)
    except ValueError:
        return _no_date(text)


def _no_date(text: str) -> dt.date:
    raise PortalChanged(detail=f"not a date: {text[:20]}")


def _lines(snapshot: Snapshot, layout: Layout) -> tuple[Line, ...]:
    """The lines by their column headings; none when the table has no known headings."""
    if not snapshot.headers:
        return ()
    heads = [re.sub(r"\s", "", head) for head in snapshot.headers[0]]
    columns = {
        name: heads.index(head)
        for name, known in layout.columns.items()
        for head in known
        if head in heads
    }
    if "name" not in columns:
        return ()
    return tuple(
        _line({name: row[place] for name, place in columns.items()})
        for row in snapshot.rows
        if len(row) == len(heads) and row[columns["name"]]
    )


def _line(cells: dict[str, str]) -> Line:
    return Line(
        name=cells["name"],
        spec=cells.get("spec") or None,
        unit=cells.get("unit") or None,
        quantity=_number(cells.get("quantity", "")),
        price=_number(cells.get("price", "")),
        amount=_money(cells.get("amount", "")),
        rate=_rate(cells.get("rate", "")),
        tax=_money(cells.get("tax", "")),
    )


def _number(text: str) -> Decimal | None:
    """A quantity or price; these are shown, not compared, so an odd cell is simply left out."""
    plain = text.replace(",", "")
    return Decimal(plain) if _PLAIN_NUMBER.fullmatch(plain) else None


def _rate(text: str) -> Decimal | None:
    """A rate as a fraction: `13%` is 0.13; None for 免税 and its like."""
    percent = re.fullmatch(r"(\d+(?:\.\d+)?)\s*[%％]", text)
    return Decimal(percent[1]) / 100 if percent else _number(text)
