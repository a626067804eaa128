"""An amount in words of which recognition lost or changed some characters, told by its figures.

Words have few characters to choose from, so what is left of them (叁仟果佰陆拾叁元) still says
whether they are those of a given amount. They are mended only to those words, and never sure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

from rapidfuzz.distance import Levenshtein

from extractors.amount_words import spelled_amount
from extractors.layout.page import Run
from extractors.layout.reading import compact

_SPOKEN = re.compile(r"[零〇壹贰叁肆伍陆柒捌玖拾佰仟万亿圆元角分整正]")
#: Fewer characters of words than this are none.
_LEAST = 3
#: The share of them that may be wrong or missing.
_MOST_WRONG = 0.34


def words_of(amount: Decimal, runs: Iterable[Run]) -> tuple[str, Run] | None:
    """The words of the amount and the run that shows what is left of them, if one of the runs
    does; the nearest of several."""
    spelled = spelled_amount(abs(amount))
    if spelled is None:
        return None
    wanted = spelled.replace("圆", "元")
    best: tuple[float, str, Run] | None = None
    for run in map(compact, runs):
        bare = re.sub(r"^[^零〇壹贰叁肆伍陆柒捌玖拾佰仟万亿圆元角分整正]+", "", run.text)
        if len(_SPOKEN.findall(bare)) < max(_LEAST, len(bare) // 2):
            continue
        plain = bare.replace("圆", "元").replace("正", "整").replace("〇", "零")
        share = Levenshtein.distance(plain, wanted) / len(wanted)
        if share <= _MOST_WRONG and (best is None or share < best[0]):
            text = wanted.replace("元", "圆") if "圆" in bare else wanted
            best = share, text, run
    return best[1:] if best else None
