"""Legs of a flight: places down the left side, and a row of flight, class, date and time each.

The electronic itinerary prints 自 and 至 for every leg, the paper one a chain of places (自, 至,
至). Values of several legs are joined by "; ", in order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from extractors.layout import values
from extractors.layout.page import Run
from extractors.layout.reading import Face, compact
from extractors.layout.slips import doubted, span
from extractors.model import Field

_SURE_LETTER = 0.97
_DAY = r"(?:20\d\d-\d{2}-\d{2}|20\d\d年\d{1,2}月\d{1,2}日|20\d\d/\d{2}/\d{2})"
#: Flight, perhaps class and other words between, date, time.
_FLIGHT = re.compile(
    r"(?<![A-Z0-9])(?P<flight>(?:[A-Z]{2}|[A-Z]\d|\d[A-Z])\d{3,4})(?P<suffix>[A-Z](?=\s*\d|\s*$))?"
    rf"\s*(?P<seat>[A-Z]\d?(?![A-Z]))?\s*(?P<day>{_DAY})\s*(?P<time>\d{{1,2}}:\d{{2}})"
)
_PLACE = re.compile(
    # Between mark and place FROM and TO are printed small, and read as anything.
    r"^(?P<mark>[自至])?[A-Z0-9.:]{0,6}(?P<name>[\u4e00-\u9fff]{2,8})(?:T\d)?"
    r"(?:(?P<code>[A-Z]{3})(?![A-Z0-9])|$)"
)


@dataclass(frozen=True)
class _Place:
    name: str
    run: Run


@dataclass(frozen=True)
class _Flight:
    match: re.Match[str]
    row: Run


def read_legs(face: Face) -> dict[str, Field[str]]:
    """`flight`, `seat_class`, `departure`, and `from` and `to` where the places are told apart."""
    flights = [
        _Flight(match, row)
        for row in face.sheet.within(face.sheet.rows)
        if (match := _FLIGHT.search(row.text)) is not None
    ]
    if not flights:
        return {}
    extra: dict[str, Field[str]] = {}
    _keep(
        face, extra, "flight", [(each.match["flight"], _part(each, "flight")) for each in flights]
    )
    seats = [(each.match["seat"] or each.match["suffix"], _seat(each)) for each in flights]
    _keep(face, extra, "seat_class", seats)
    if face.recognised and "seat_class" in extra and _unsure(seats):
        extra["seat_class"] = doubted(extra["seat_class"])
    _keep(face, extra, "departure", [(_departure(each), _part(each, "day")) for each in flights])
    places = _pairs(_places(face, flights), flights)
    _keep(face, extra, "from", [(start.name, start.run) for start, _ in places])
    _keep(face, extra, "to", [(end.name, end.run) for _, end in places])
    return extra


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


def _part(flight: _Flight, group: str) -> Run | None:
    return span(flight.row, flight.match, group)


def _seat(flight: _Flight) -> Run | None:
    return _part(flight, "seat") or _part(flight, "suffix")


def _departure(flight: _Flight) -> str | None:
    day = values.date(flight.match["day"])
    hour, minute = flight.match["time"].split(":")
    if day is None or int(hour) > 23 or int(minute) > 59:
        return None
    return f"{day} {flight.match['time']:0>5}"


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
