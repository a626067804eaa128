"""Amounts in words that recognition misread: which of the page's figures they say all the same.

The capitals of an amount are dense and look like other characters (壹 as 查, 柒 as 渠), so on a
poor page hardly any amount in words is read whole. Yet what was read of it belongs to one amount
only: that of the figures whose words differ least. Both are then known, and doubtful.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from rapidfuzz.distance import Levenshtein

from extractors.amount_words import parse_amount, spelled_amount
from extractors.layout.page import Run
from extractors.layout.reading import Face, compact, cut

_CAPITALS = "壹贰叁肆伍陆柒捌玖拾佰仟万亿圆角分"
#: What recognition takes a capital for, each named by the one that it looks like.
_LOOKALIKES = str.maketrans(
    {
        **dict.fromkeys("查喜宣臺壶壺壱", "壹"),
        **dict.fromkeys("贾贡贮武貳", "贰"),
        **dict.fromkeys("叄參卷参", "叁"),
        **dict.fromkeys("肄律", "肆"),
        **dict.fromkeys("任千仔什仠阡", "仟"),
        **dict.fromkeys("渠染梁漆柴", "柒"),
        **dict.fromkeys("删别则", "捌"),
        **dict.fromkeys("政致玫攻", "玖"),
        **dict.fromkeys("抬捨始给", "拾"),
        **dict.fromkeys("百宿陌俏", "佰"),
        **dict.fromkeys("隔六际", "陆"),
        **dict.fromkeys("五吾", "伍"),
        **dict.fromkeys("元圓園园画围酬困国圖图", "圆"),
        **dict.fromkeys("億忆", "亿"),
        **dict.fromkeys("萬方", "万"),
        **dict.fromkeys("肖甬", "角"),
        "介": "分",
    }
)
_SILENT = re.compile("[零〇整正]")
#: Capitals with at most two other characters between one and the next.
_SPOKEN = re.compile(rf"[{_CAPITALS}](?:.{{0,2}}[{_CAPITALS}])+")
#: Points and commas for one another: the last is the point.
_FIGURES = re.compile(r"(?<!\d)\d[\d.,:]{0,16}[.,:]\d\d(?!\d)")
#: Characters of labels and currencies that may touch the words.
_BESIDE = frozenset("币写额计")
_LEAST_CAPITALS = 2
#: So much of an amount's words may be misread or lost ...
_WRONG = 0.34
#: ... where a capital read as another weighs full, and as anything else, half.
_OTHER_CAPITAL, _NO_CAPITAL = 1.0, 0.5


@dataclass(frozen=True)
class Misspoken:
    """An amount, its figures, and the words that say it but for misread characters."""

    amount: Decimal
    figures: Run
    words: Run


def misspoken(rows: Sequence[Run], figures: Iterable[Run]) -> Misspoken | None:
    """The one amount of `figures` that words somewhere in `rows` say best; None where nothing is
    said well enough, or two amounts equally well."""
    spoken = spoken_parts(rows)
    ranked: list[tuple[float, Misspoken]] = []
    for run in figures:
        amount = figures_amount(run)
        spelled = spelled_amount(amount) if amount is not None else None
        if amount is None or spelled is None:
            continue
        wanted = _SILENT.sub("", spelled)
        for words in spoken:
            cost = _cost(wanted, _SILENT.sub("", mended_capitals(words.text))) / len(wanted)
            if cost <= _WRONG:
                ranked.append((cost, Misspoken(amount, run, words)))
    ranked.sort(key=lambda entry: entry[0])
    if not ranked:
        return None
    rivals = [cost for cost, other in ranked if other.amount != ranked[0][1].amount]
    return ranked[0][1] if not rivals or rivals[0] > ranked[0][0] else None


def is_whole(face: Face, words: Run) -> bool:
    """Does no other Chinese character touch the words on either side, but a label's or a
    currency's? It would be a capital of them that was misread."""
    for row in face.sheet.rows:
        bare = compact(row)
        ids = [id(glyph) for glyph in bare.glyphs]
        if id(words.glyphs[0]) not in ids:
            continue
        start = ids.index(id(words.glyphs[0]))
        end = ids.index(id(words.glyphs[-1])) if id(words.glyphs[-1]) in ids else len(ids) - 1
        before, after = bare.glyphs[:start][-1:], bare.glyphs[end + 1 :][:1]
        return not any(
            "\u4e00" <= glyph.char <= "\u9fff"
            and glyph.char not in _BESIDE
            and max(glyph.x0 - words.x1, words.x0 - glyph.x1) < 0.5 * words.height
            for glyph in (*before, *after)
        )
    return True


def mended_capitals(text: str) -> str:
    """The text with every character that looks like a capital as that capital."""
    return text.translate(_LOOKALIKES)


def lookalike_amount(text: str) -> Decimal | None:
    """The amount that words are once capitals stand for what looks like them; None if none."""
    return parse_amount(mended_capitals(text))


def blurred_figures(runs: Iterable[Run]) -> list[Run]:
    """Everything that may be an amount with two decimals, points and commas confounded."""
    return [
        part
        for run in map(compact, runs)
        for match in _FIGURES.finditer(run.text)
        if (part := cut(run, match, 0)) is not None
    ]


def figures_amount(run: Run) -> Decimal | None:
    """Digits of which the last two stand behind a mark, as yuan; without such two, whole yuan."""
    text = re.sub(r"[^\d.,:]", "", compact(run).text).strip(".,:")
    digits = re.sub(r"\D", "", text)
    if not digits or len(digits) > 14:
        return None
    return Decimal(digits) / 100 if re.search(r"[.,:]\d\d$", text) else Decimal(digits)


def spoken_parts(rows: Iterable[Run]) -> list[Run]:
    """Everything in the rows that may be an amount in words, misread or not."""
    return [part for row in rows for part in _spoken_parts(row)]


def _spoken_parts(row: Run) -> Iterator[Run]:
    """Stretches of capitals in a row, and with a character more on either side, which may be one
    that was misread."""
    bare = compact(row)
    text = mended_capitals(bare.text)
    for match in _SPOKEN.finditer(text):
        if sum(char in _CAPITALS for char in match[0]) < _LEAST_CAPITALS:
            continue
        for start in range(max(0, match.start() - 1), match.start() + 1):
            for end in range(match.end(), min(len(text), match.end() + 1) + 1):
                part = bare.part(start, end)
                if part is not None:
                    yield part


def _cost(wanted: str, said: str) -> float:
    cost = 0.0
    for edit in Levenshtein.editops(wanted, said):
        contradicts = edit.tag == "replace" and said[edit.dest_pos] in _CAPITALS
        cost += _OTHER_CAPITAL if contradicts else _NO_CAPITAL
    return cost
