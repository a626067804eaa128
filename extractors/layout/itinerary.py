"""Legs of a flight: places down the left side, and a row of flight, class, date and time each.

The electronic itinerary prints 自 and 至 for every leg, the paper one a chain of places (自, 至,
至). Values of several legs are joined by "; ", in order; one that a leg lacks is left out for all.
A recognised row is a leg's if it has two of flight, date and time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from extractors.layout import values
from extractors.layout.page import Run
from extractors.layout.reading import Face, compact
from extractors.layout.slips import doubted, span
from extractors.model import Field

_SURE_LETTER = 0.97
_CODE = r"(?<![A-Z0-9])(?P<flight>(?:[A-Z]{2}|[A-Z]\d|\d[A-Z])\d{3,4})"
_DAY = r"(?:20\d\d-\d{2}-\d{2}|20\d\d年\d{1,2}月\d{1,2}日|20\d\d/\d{2}/\d{2})"
#: Flight, perhaps class and other words between, date, time.
_FLIGHT = re.compile(
    rf"{_CODE}(?P<suffix>[A-Z](?=\s*\d|\s*$))?"
    rf"\s*(?P<seat>[A-Z]\d?(?![A-Z]))?\s*(?P<day>{_DAY})\s*(?P<time>\d{{1,2}}:\d{{2}})"
)
#: What recognition may leave of such a row, each at its place: signs of dates get lost.
_PARTS = {
    "flight": re.compile(rf"{_CODE}(?=[A-Z]?(?![A-Z0-9]))"),
    "day": re.compile(
        r"(?<![\dA-Z])(?P<day>20\d\d[-/.年]?\d{2}[-/.月]?\d{2}日?)(?!\d\d?(?!:|\d:))"
    ),
    "time": re.compile(r"(?P<time>(?<![\d:])(?:[01]?\d|2[0-3]):[0-5]\d)(?![\d:])"),
}
#: Two in a row are sums of the ticket, not of a leg.
_SUM = re.compile(r"\d\.\d\d(?!\d)")
_SEAT = re.compile(r"(?<![A-Z0-9])([A-Z])(?![A-Z0-9])")
#: Titles of what a leg prints; legs stand below the row that has most of them.
_LEG_TITLE = re.compile(r"承运人|航班号|座位等级|日期|时间|客票级别")
_PLACE = re.compile(
    # Between mark and place FROM and TO are printed small, and read as anything.
    r"^(?P<mark>[自至])?[A-Z0-9.:]{0,6}(?P<name>[\u4e00-\u9fff]{2,8})(?:T\d)?"
    r"(?:(?P<code>[A-Z]{3})(?![A-Z0-9])|$)"
)
#: A place of a recognised page: whatever became of terminal and code behind it.
_BROKEN_PLACE = re.compile(
    r"^[^\u4e00-\u9fff]{0,6}(?P<mark>[自至]|[\u4e00-\u9fff](?=:))?[^\u4e00-\u9fff]{0,3}"
    r"(?P<name>[\u4e00-\u9fff]{2,8})(?P<code>[^\u4e00-\u9fff]{0,8})$"
)


@dataclass(frozen=True)
class _Place:
    name: str
    run: Run


@dataclass(frozen=True)
class _Flight:
    """A leg's row: each of its values with its place, None where it was not recognised."""

    row: Run
    parts: dict[str, Run | None]

    def text(self, name: str) -> str | None:
        part = self.parts.get(name)
        return part.text if part is not None else None


def read_legs(face: Face) -> dict[str, Field[str]]:
    """`flight`, `seat_class`, `departure`, and `from` and `to` where the places are told apart."""
    flights = _flights(face)
    if not flights:
        return {}
    extra: dict[str, Field[str]] = {}
    _keep(face, extra, "flight", [(each.text("flight"), each.parts["flight"]) for each in flights])
    seats = [(each.text("seat"), each.parts["seat"]) for each in flights]
    _keep(face, extra, "seat_class", seats)
    if face.recognised and "seat_class" in extra and _unsure(seats):
        extra["seat_class"] = doubted(extra["seat_class"])
    _keep(face, extra, "departure", [(_departure(each), each.parts["day"]) for each in flights])
    places = _pairs(_places(face, flights), flights)
    _keep(face, extra, "from", [(start.name, start.run) for start, _ in places])
    _keep(face, extra, "to", [(end.name, end.run) for _, end in places])
    return extra


def _flights(face: Face) -> list[_Flight]:
    rows = face.sheet.within(face.sheet.rows)
    found = {id(row): flight for row in rows if (flight := _flight(row)) is not None}
    if face.recognised:
        top, bottom = _band(rows, [row for row in rows if id(row) in found])
        for row in rows:
            broken = _broken_flight(row) if id(row) not in found else None
            if broken is None or not row.middle < bottom:
                continue
            # Between titles and sums every flight or hour is of a leg; a day alone may be stamped.
            parts = sum(part is not None for part in broken.parts.values())
            told = broken.parts["flight"] is not None or broken.parts["time"] is not None
            if parts >= 2 or (told and row.middle > top):
                found[id(row)] = broken
    return [found[id(row)] for row in rows if id(row) in found]


def _band(rows: Sequence[Run], whole: Sequence[Run]) -> tuple[float, float]:
    """Where legs stand: below their titles, or where those are unreadable a few rows from a whole
    leg; and above the sums."""
    bottom = min((row.y0 for row in rows if len(_SUM.findall(row.text)) >= 2), default=1e9)
    titled = [row for row in rows if len(_LEG_TITLE.findall(compact(row).text)) >= 2]
    if titled:
        return titled[0].middle, bottom
    return min((row.middle - 5 * row.height for row in whole), default=bottom), bottom


def _flight(row: Run) -> _Flight | None:
    match = _FLIGHT.search(row.text)
    if match is None:
        return None
    parts = {name: span(row, match, name) for name in ("flight", "seat", "day", "time")}
    parts["seat"] = parts["seat"] or span(row, match, "suffix")
    return _Flight(row, parts)


def _broken_flight(row: Run) -> _Flight | None:
    """What is left of a leg's row; None where nothing is."""
    parts: dict[str, Run | None] = {}
    start = end = 0
    for name, pattern in _PARTS.items():
        match = pattern.search(row.text, end)
        parts[name] = span(row, match, name) if match else None
        if match is not None:
            start = start or (match.end() if name == "flight" else 0)
            end = match.end()
    if not any(parts.values()):
        return None
    day = parts["day"]
    seats = list(_SEAT.finditer(row.text, start)) if parts["flight"] and day else []
    between = [seat for seat in seats if day and (part := span(row, seat, 1)) and part.x1 < day.x1]
    parts["seat"] = span(row, between[0], 1) if len(between) == 1 else None
    return _Flight(row, parts)


def _unsure(seats: list[tuple[str | None, Run | None]]) -> bool:
    """A letter alone has no neighbours to be read by; E and F change places at scores that a
    whole word would be right with."""
    return any(run is not None and run.score < _SURE_LETTER for _, run in seats)


def _keep(
    face: Face, extra: dict[str, Field[str]], name: str, found: list[tuple[str | None, Run | None]]
) -> None:
    """One value a leg; a leg without one leaves all out."""
    texts = [text for text, run in found if text is not None and run is not None]
    runs = [run for text, run in found if text is not None and run is not None]
    if found and len(texts) == len(found):
        least = min(runs, key=lambda run: run.score)
        extra[name] = face.field("; ".join(texts), runs[0]).model_copy(
            update={"confidence": face.confidence(least)}
        )


def _departure(flight: _Flight) -> str | None:
    day, time = flight.text("day"), flight.text("time")
    if day is None or time is None:
        return None
    digits = re.findall(r"\d+", day)
    if len(digits) != 3:
        # Signs between year, month and day were lost; each has its full digits then.
        flat = "".join(digits)
        digits = [flat[:4], flat[4:6], flat[6:]]
    value = values.date("-".join(digits))
    hour, minute = time.split(":")
    if value is None or int(hour) > 23 or int(minute) > 59:
        return None
    return f"{value} {time:0>5}"


def _places(face: Face, flights: list[_Flight]) -> list[_Place]:
    """Names of places left of the carriers, from the first leg's row down. Without the carriers'
    title a place must have its three letters, which end it."""
    title = next((run for run in face.sheet.phrases if "承运人" in compact(run).text), None)
    left = title.x0 if title else min(each.row.x1 for each in flights)
    first, last = flights[0].row, flights[-1].row
    reach = 3 * first.height
    found = []
    for run in map(compact, _left_parts(face, left)):
        match = _PLACE.match(run.text)
        part = span(run, match, "name") if match else None
        if match is None or part is None or not (match["code"] or (title and match["mark"])):
            continue
        if first.middle - reach < run.middle < last.middle + 1.3 * reach:
            found.append(_Place(part.text, part))
    found.sort(key=lambda place: place.run.middle)
    if face.recognised and len(found) not in (2 * len(flights), len(flights) + 1):
        return _broken_places(face, flights) or found
    return found


def _broken_places(face: Face, flights: list[_Flight]) -> list[_Place]:
    """Places by where they stand: the first words of their rows, left of everything that a leg
    prints."""
    edge = min(part.x0 for each in flights for part in each.parts.values() if part is not None)
    first, last = flights[0].row, flights[-1].row
    height = min(glyph.y1 - glyph.y0 for glyph in first.glyphs)
    found = []
    for run in map(compact, face.sheet.runs):
        match = _BROKEN_PLACE.match(run.text)
        part = span(run, match, "name") if match else None
        level = first.middle - 2.5 * height < run.middle < last.middle + 2.5 * height
        if part is None or not level or run.x0 > 0.5 * edge:
            continue
        found.append(_Place(part.text, part))
    return sorted(found, key=lambda place: place.run.middle)


def _left_parts(face: Face, left: float) -> list[Run]:
    """Every row as far as it stands left of a line down the page."""
    parts = []
    for row in face.sheet.rows:
        inside = [index for index, glyph in enumerate(row.glyphs) if glyph.x1 <= left]
        part = row.part(0, inside[-1] + 1) if inside else None
        if part is not None:
            parts.append(part)
    return parts


def _pairs(places: list[_Place], flights: list[_Flight]) -> list[tuple[_Place, _Place]]:
    """Start and end of every leg; none where the counts fit neither print."""
    count = len(flights)
    if len(places) == 2 * count:
        return list(zip(places[::2], places[1::2], strict=True))
    if len(places) == count + 1:
        return list(pairwise(places))
    return []
