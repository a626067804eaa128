"""The print of a taxi's meter: every value told by its shape or by the label of its row.

Meters print beside the form's labels, often a little higher or lower. A value is told by its
shape first (date, clock, waiting time, plate); figures, which look alike, go to the label whose
row they stand in once the whole print's offset is taken off.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from statistics import median

from extractors.layout import values
from extractors.layout.page import Run
from extractors.layout.reading import SIMPLE, UNLABELLED, Face, compact, cut
from extractors.layout.slips import DOUBTED, doubted
from extractors.model import Field

_PROVINCES = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新"
_PLATE = re.compile(rf"^(?=(?:\D*\d){{3}})(?:[{_PROVINCES}][A-Z]|[A-Z])[.·\-]?[A-Z0-9]{{4,6}}$")
_TIMES = re.compile(r"(?<![\d:])(\d{1,2}:\d{2})\s*[-~至]+\s*(\d{1,2}:\d{2})(?![\d:])")
_WAITING = re.compile(r"(?<![\d:])(\d{1,2}:\d{2}:\d{2})(?![\d:])")
_CLOCK = re.compile(r"^(\d{1,2}:\d{2})$")
_FIGURE = re.compile(r"^[¥Y羊]?(\d{1,5}\.\d{1,2})(元/公里|元/km|元|km|公里)?[.·]?$", re.IGNORECASE)
#: Which labels a figure with this unit may answer.
_MONEY = ("price", "fare", "fuel", "call", "total")
_BY_UNIT = {"": (*_MONEY, "km"), "元": _MONEY, "km": ("km",), "公里": ("km",)}


@dataclass(frozen=True)
class Label:
    """A label of the form, by what it names."""

    name: str
    run: Run
    #: What follows the label in the same run, if anything does.
    beside: Run | None


class Meter:
    """The meter's print, every value told by its shape or by the label of its row."""

    def __init__(self, face: Face, labels: list[Label]) -> None:
        self._face = face
        self._labels = labels
        beside = [label.beside for label in labels if label.beside is not None]
        starts = {id(label.run.glyphs[0]) for label in labels}
        loose = [
            bare for run in face.sheet.phrases if id((bare := compact(run)).glyphs[0]) not in starts
        ]
        self._prints = [*beside, *loose]
        self._offset = self._common_offset()
        self.unlabelled: set[str] = set()

    def _common_offset(self) -> float:
        """How much lower than its labels the meter prints, by the values that only one label
        can have."""
        offsets = []
        for name, shape in (("waiting", _WAITING), ("times", _TIMES), ("date", None)):
            named = [label for label in self._labels if label.name == name]
            found = [run for run in self._prints if self._shaped(run, shape)]
            if len(named) == 1 and len(found) == 1:
                offsets.append(found[0].middle - named[0].run.middle)
        return median(offsets) if offsets else 0.0

    @staticmethod
    def _shaped(run: Run, shape: re.Pattern[str] | None) -> bool:
        if shape is None:
            return values.date(run.text) is not None
        return shape.search(run.text) is not None

    def _label_of(self, run: Run, allowed: tuple[str, ...]) -> str | None:
        """The label in whose row a print stands, if it is one that it may answer."""
        own = [label for label in self._labels if label.beside is run]
        if own:
            return own[0].name if own[0].name in allowed else None
        left = [label for label in self._labels if label.beside is None and label.run.x0 < run.x0]
        if not left:
            return None
        level = run.middle - self._offset
        ranked = sorted(left, key=lambda label: abs(label.run.middle - level))
        nearest = ranked[0]
        distance = abs(nearest.run.middle - level)
        clear = len(ranked) == 1 or abs(ranked[1].run.middle - level) > 1.6 * distance
        close = distance < 0.8 * max(nearest.run.height, run.height)
        return nearest.name if clear and close and nearest.name in allowed else None

    def date(self) -> None:
        """The only date. One that ends before its 日 may have lost a digit too."""
        found = {value: run for run in self._prints if (value := values.date(run.text)) is not None}
        if len(found) == 1:
            value, run = found.popitem()
            whole = "年" not in run.text or "日" in run.text
            self._face.keep("issue_date", value, run, most=1.0 if whole else DOUBTED)

    def plate(self) -> dict[str, Field[str]]:
        """The plate without dots; a province that the form prints with the label leads it."""
        label = next((each for each in self._labels if each.name == "plate"), None)
        printed = [run for run in self._prints if _PLATE.match(_plate_text(run))]
        if len(printed) != 1 or (label is None and not self._is_whole_plate(printed[0])):
            return {}
        alone = [run.text for run in self._prints if run.text in tuple(_PROVINCES)]
        text = re.sub(r"[.·\-]", "", _plate_text(printed[0]))
        province = alone[0] if len(alone) == 1 and text[0] not in _PROVINCES else ""
        plate = self._face.field(province + text, printed[0])
        # Plates of taxis have a letter or a digit behind that of the city, and T is read as 1.
        mended = text[0] not in printed[0].text.translate(SIMPLE)
        unsure = self._face.recognised and (mended or re.search(r"^\D{1,2}[1I0O]", text))
        if label is None:
            return {"plate": doubted(plate, UNLABELLED)}
        return {"plate": doubted(plate) if unsure else plate}

    def _is_whole_plate(self, run: Run) -> bool:
        """Does a recognised plate name its province, so that its shape alone tells it?"""
        return self._face.recognised and _plate_text(run)[0] in _PROVINCES

    def times(self) -> dict[str, Field[str]]:
        """`board_time` and `alight_time` as HH:MM: after midnight the day is not printed."""
        for run in self._prints:
            match = _TIMES.search(run.text)
            start, end = (cut(run, match, 1), cut(run, match, 2)) if match else (None, None)
            if start is not None and end is not None:
                return self._clocks({"board": start, "alight": end})
        found: dict[str, list[Run]] = {}
        for run in self._prints:
            if _CLOCK.match(run.text):
                name = self._label_of(run, ("board", "alight"))
                found.setdefault(name or "", []).append(run)
        named = {name: runs[0] for name, runs in found.items() if name and len(runs) == 1}
        lost = sorted(found.get("", []), key=lambda run: run.middle)
        if set(named) == {"board"} and len(lost) == 1 and lost[0].middle > named["board"].middle:
            fields = self._clocks({**named, "alight": lost[0]})
            return (
                {**fields, "alight_time": doubted(fields["alight_time"])}
                if len(fields) == 2
                else fields
            )
        if not named and len(lost) == 2:
            # Labels under a seal: boarding is printed above alighting everywhere.
            fields = self._clocks({"board": lost[0], "alight": lost[1]})
            return {name: doubted(field) for name, field in fields.items()}
        return self._clocks(named)

    def _clocks(self, found: dict[str, Run]) -> dict[str, Field[str]]:
        return {
            f"{name}_time": self._face.field(f"{run.text:0>5}", run)
            for name, run in found.items()
            if int(run.text.split(":")[0]) < 24 and int(run.text.split(":")[1]) < 60
        }

    def waiting(self) -> dict[str, Field[str]]:
        found = [
            part
            for run in self._prints
            for match in _WAITING.finditer(run.text)
            if (part := cut(run, match)) is not None
        ]
        if len(found) != 1:
            return {}
        return {"waiting": self._face.field(f"{found[0].text:0>8}", found[0])}

    def figures(self) -> dict[str, tuple[Decimal, Run]]:
        """Each labelled figure; a label that two figures claim has none."""
        claims: dict[str, list[tuple[Decimal, Run]]] = {}
        lost: list[tuple[Decimal, Run, tuple[str, ...]]] = []
        for run in self._prints:
            match = _FIGURE.match(run.text)
            part = cut(run, match) if match else None
            if match is None or part is None:
                continue
            name = self._label_of(run, self._answers(match))
            if name is not None:
                claims.setdefault(name, []).append((Decimal(match[1]), part))
            else:
                lost.append((Decimal(match[1]), part, self._answers(match)))
        found = {name: found[0] for name, found in claims.items() if len(found) == 1}
        if self._face.recognised:
            self._by_order(lost, found, claims.keys())
        return found

    def _by_order(
        self,
        lost: list[tuple[Decimal, Run, tuple[str, ...]]],
        found: dict[str, tuple[Decimal, Run]],
        claimed: Collection[str],
    ) -> None:
        """Figures whose label is unreadable, by the labels above and below them: every form prints
        the price behind the hours and before the way, and the sum last. They are noted as
        `unlabelled`, and doubtful."""
        for value, run, answers in sorted(lost, key=lambda figure: -figure[1].middle):
            above = [
                label for label in self._labels if label.run.middle < run.middle - 0.5 * run.height
            ]
            below = [
                label for label in self._labels if label.run.middle > run.middle + 0.5 * run.height
            ]
            last = max(above, key=lambda label: label.run.middle, default=None)
            following = min(below, key=lambda label: label.run.middle, default=None)
            name = ""
            if last and following and last.name in ("alight", "board") and following.name == "km":
                name = "price"
            elif last and following is None and last.name in ("waiting", "fuel", "km", "state"):
                name = "total"
            if name and name in answers and name not in claimed and name not in found:
                found[name] = value, run
                self.unlabelled.add(name)

    def summed(self) -> tuple[Decimal, Run] | None:
        """Of at least three sums with their signs the lowest, if it is what those above it make
        together, to the fen or rounded to a yuan: a total that needs no label."""
        signed = []
        for run in sorted(self._prints, key=lambda run: run.middle):
            match = re.fullmatch(r"[¥羊](\d{1,5}\.\d{2})", run.text)
            part = cut(run, match) if match else None
            if match is not None and part is not None:
                signed.append((Decimal(match[1]), part))
        if len(signed) < 3:
            return None
        parts = sum((value for value, _ in signed[:-1]), Decimal(0))
        total = signed[-1]
        whole = parts.quantize(Decimal(1), ROUND_HALF_UP)
        return total if total[0] > 0 and total[0] in (parts, whole) else None

    @staticmethod
    def _answers(match: re.Match[str]) -> tuple[str, ...]:
        unit = (match[2] or "").lower()
        if unit.startswith("元/"):
            return ("price",)
        if not unit and match[0][0] in "¥Y羊":
            return _MONEY
        return _BY_UNIT[unit]


def _plate_text(run: Run) -> str:
    """A plate in simple characters; strokes before its letters are those of 川."""
    return re.sub(r"^[|丨]{1,3}(?=[A-Z]{1,2}\d)", "川", run.text.translate(SIMPLE))
