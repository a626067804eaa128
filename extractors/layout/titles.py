"""The row of titles over a table of goods.

Kinds of business bring columns of their own (建筑服务发生地, 产权证书, 车牌号 ...) in place of
specification and unit, and some set the price before the quantity; so nothing is taken for
granted but the titles that are read.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter

from rapidfuzz.distance import Levenshtein

from extractors.layout.columns import Header
from extractors.layout.lost_titles import untitled
from extractors.layout.page import Run, join
from extractors.layout.reading import Face, compact

#: The first that fits names the column: 建筑项目名称 is no 项目名称.
_TITLES = (
    ("serial", r"^序号"),
    ("site", r"建筑服务发生地|^发生地$"),
    ("project", r"建筑项目名?称?$"),
    ("certificate", r"产权证"),
    ("area_unit", r"面积单位"),
    ("plate", r"^车牌号码?$"),
    ("vehicle", r"^(?:车辆)?类型$"),
    ("begin", r"通行日期起"),
    ("end", r"通行日期止"),
    ("name", r"(?:项目|货物|应税|服务|劳务).{0,14}名称|^项目名称"),
    ("spec", r"规格型?号?"),
    ("unit", r"^单位|单位$"),
    ("quantity", r"数量|^数$"),
    ("price", r"单价"),
    ("amount", r"金额|^金$"),
    ("rate", r"税率|征收率"),
    ("tax", r"税额$|^税$"),
)
_WHOLE_TITLES = re.compile(
    r"序号|建筑服务发生地|建筑项目名称|(?:房屋)?产权证书/不动产权证号码?|面积单位|车牌号码?|(?:车辆)?类型"
    r"|通行日期[起止]|(?:货物或应税劳务、?(?:服务)?|货物\(劳务\)|项目)名称|规格型号|单位|数量|单价|金额"
    r"|税率(?:/征收率)?|税额"
)
#: As printed, for titles of which recognition got a character wrong.
_PRINTED = (
    *(("name", title) for title in ("项目名称", "货物或应税劳务、服务名称", "货物或应税劳务名称")),
    *(("spec", "规格型号"), ("unit", "单位"), ("quantity", "数量"), ("price", "单价")),
    *(("amount", "金额"), ("rate", "税率"), ("rate", "税率/征收率"), ("tax", "税额")),
    *(("site", "建筑服务发生地"), ("project", "建筑项目名称"), ("area_unit", "面积单位")),
    *(("certificate", "产权证书/不动产权证号"), ("plate", "车牌号"), ("vehicle", "车辆类型")),
    *(("begin", "通行日期起"), ("end", "通行日期止")),
)
PRINTED_TITLES = tuple(title for _, title in _PRINTED)
#: The order in which faces set their columns; those of one rank change places.
_RANKS = {
    **dict.fromkeys(("serial",), 0),
    **dict.fromkeys(("name",), 1),
    **dict.fromkeys(("spec", "site", "project", "certificate", "plate"), 2),
    **dict.fromkeys(("vehicle", "begin", "end"), 2),
    **dict.fromkeys(("unit", "area_unit"), 3),
    **dict.fromkeys(("quantity", "price"), 4),
    "amount": 5,
    "rate": 6,
    "tax": 7,
}
#: Characters of which each pattern of `_TITLES` needs one: most print has none.
_TITLE_SIGNS = frozenset("序发项权证积车型通名规单数价额金率税征")
#: What little else speaks of.
_PART = re.compile(r"征收|权证|通行日|面积")
#: A misread title keeps at least so much of its print.
_ALIKE = 0.5
_LONGEST_TITLE = 16
#: All titles of a table in one run.
_LONGEST_ROW = 80
_LEAST_TITLES = 3


def find_headers(face: Face) -> list[Header]:
    """The title row of every page that has one, from the first page on."""
    best: dict[int, Header] = {}
    parts = [
        part for run in face.sheet.runs for part in _single_titles(run, misread=face.recognised)
    ]
    runs = [run for run in parts if _may_be_title(run)]
    titled = _Levels(runs)
    short = _Levels([run for run in parts if len(run.raw) <= _LONGEST_TITLE])
    for row in face.sheet.rows:
        level = titled.beside(row)
        if len(level) < (1 if face.recognised else _LEAST_TITLES):
            continue
        titles = _titles(_spread_joined(level))
        if face.recognised and titles:
            titles = _with_misread(titles, short.beside(row))
        if len(titles) < _LEAST_TITLES:
            continue
        inside = titles.values()
        header = Header(min(run.y0 for run in inside), max(run.y1 for run in inside), titles)
        rival = best.get(header.page)
        if rival is None or len(titles) > len(rival.titles):
            best[header.page] = header
    lost = untitled(face) if face.recognised and not best else None
    return [lost] if lost else [best[page] for page in sorted(best)]


@lru_cache(1000)
def _column_titled(text: str) -> str | None:
    """The column that the text may be the title of. The same few titles are met again and again."""
    if _TITLE_SIGNS.isdisjoint(text):
        return None
    return next((name for name, pattern in _TITLES if re.search(pattern, text)), None)


class _Levels:
    """Runs by their heights on the sheet: a row is compared only with those near it."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._order = sorted(runs, key=attrgetter("middle"))
        self._middles = [run.middle for run in self._order]
        self._highest = max([run.height for run in runs], default=0.0)

    def beside(self, row: Run) -> list[Run]:
        """Those that stand in the row."""
        at, high = row.middle, row.height
        reach = 0.7 * max(self._highest, high)
        first = bisect_left(self._middles, at - reach)
        return [
            run
            for run in self._order[first : bisect_right(self._middles, at + reach)]
            if abs(run.middle - at) < 0.7 * max(run.height, high)
        ]


def find_header(face: Face) -> Header | None:
    """The first table's title row, None unless at least three titles are read."""
    headers = find_headers(face)
    return headers[0] if headers else None


def _single_titles(run: Run, *, misread: bool) -> list[Run]:
    """The run, or the titles that it is made of where a source ran several together."""
    if not 4 <= len(run.raw) <= _LONGEST_ROW:
        return [run]
    bare = compact(run)
    if _TITLE_SIGNS.isdisjoint(bare.text):
        return [run]
    matches = list(_WHOLE_TITLES.finditer(bare.text))
    if len(matches) < 2 or sum(len(match[0]) for match in matches) < len(bare.text):
        ends = _misread_titles(bare.text) if misread else ()
        spans = list(itertools.pairwise((0, *ends)))
    else:
        spans = [match.span() for match in matches]
    parts = (bare.part(*span) for span in spans)
    return [part for part in parts if part is not None] if spans else [run]


def _misread_titles(text: str) -> tuple[int, ...]:
    """Where the titles end that a text is made of if some characters are misread; () if it is not
    made of several."""
    if len(text) < _TWO_TITLES or not (_column_titled(text) or _PART.search(text)):
        return ()
    alike = (Levenshtein.normalized_similarity(text, title) for _, title in _PRINTED)
    return _ends(text, 0) if max(alike) < _ALIKE else ()


def _ends(text: str, start: int) -> tuple[int, ...]:
    if start == len(text):
        return ()
    for _, title in sorted(_PRINTED, key=lambda each: -len(each[1])):
        end = start + len(title)
        alike = Levenshtein.normalized_similarity(text[start:end], title)
        if end <= len(text) and alike >= _ALIKE:
            rest = _ends(text, end)
            if end == len(text) or rest:
                return (end, *rest)
    return ()


#: Two titles of four characters; shorter ones are not taken apart on mere likeness.
_TWO_TITLES = 8


def _may_be_title(run: Run) -> bool:
    if len(run.raw) == 1:
        return True
    if len(run.raw) > _LONGEST_TITLE:
        return False
    return _column_titled(compact(run).text) is not None


def _spread_joined(runs: list[Run]) -> list[Run]:
    """Titles are spread over their column (金   额): single characters pair with the next."""
    order = sorted(runs, key=lambda run: run.x0)
    joined: list[Run] = []
    index = 0
    while index < len(order):
        run = order[index]
        follower = order[index + 1] if index + 1 < len(order) else None
        if (
            follower is not None
            and len(run.raw) == 1
            and len(follower.raw) == 1
            and follower.x0 - run.x1 < 4 * run.height
        ):
            joined.append(join([run, follower]))
            index += 2
        else:
            joined.append(run)
            index += 1
    return joined


def _titles(runs: list[Run]) -> dict[str, Run]:
    found: dict[str, Run] = {}
    for run in runs:
        name = _column_titled(compact(run).text)
        if name is not None:
            found.setdefault(name, run)
    return found


def _with_misread(titles: dict[str, Run], level: Sequence[Run]) -> dict[str, Run]:
    """The titles, and the other runs of their row that still look like one, in an order that
    faces print (教量, 税链, 长车/征收率)."""
    found = dict(titles)
    for _ in level:  # Every title that is found tells more of the next.
        taken = list(found.values())
        free = [run for run in _spread_joined(list(level)) if not _overlaps(run, taken)]
        options = [(run, _alike(run, found)) for run in free]
        clear = [(max(names.values()), run, names) for run, names in options if names]
        clear = [each for each in clear if len(_best(each[2])) == 1]
        if not clear:
            clear = [(0.5, run, _by_place(run, names, free)) for run, names in options if names]
            clear = [each for each in clear if each[2]]
        if not clear:
            break
        _, run, names = max(clear, key=lambda each: each[0])
        found[_best(names)[0]] = run
    return found


def _overlaps(run: Run, taken: Sequence[Run]) -> bool:
    return any(run.x0 < other.x1 and other.x0 < run.x1 for other in taken)


def _alike(run: Run, found: dict[str, Run]) -> dict[str, float]:
    """The titles that the run may be, each with its likeness."""
    text = compact(run).text
    names: dict[str, float] = {}
    for name, title in _PRINTED:
        alike = Levenshtein.normalized_similarity(text, title)
        if alike >= _ALIKE and name not in found and _in_order(name, run, found):
            names[name] = max(alike, names.get(name, 0.0))
    return names


def _in_order(name: str, run: Run, found: dict[str, Run]) -> bool:
    rank = _RANKS[name]
    return all(
        (other.centre < run.centre) == (_RANKS[column] < rank)
        for column, other in found.items()
        if _RANKS[column] != rank
    )


def _best(names: dict[str, float]) -> list[str]:
    most = max(names.values())
    return [name for name, alike in names.items() if alike == most]


def _by_place(run: Run, names: dict[str, float], free: Sequence[Run]) -> dict[str, float]:
    """税? is 税额 where nothing stands behind it, else 税率."""
    if set(_best(names)) != {"rate", "tax"}:
        return {}
    return {"rate" if any(other.x0 > run.x1 for other in free) else "tax": _ALIKE}
