"""Chinese words, to choose among what the recogniser weighed before it decided.

On a poor page it takes 派遭 for 派遣 and 规貉型号 for 规格型号: character by character its answer
is the likeliest, but no word, and the true character was its second or third guess. So of all the
characters that it held possible those are taken that make the likeliest text of words: what they
cost in the recogniser's eyes, and how often each word is written (a Viterbi search over words).
A character by itself is as good as any other, since names are made of rare ones too.

Of the lines of 114 made worn and hurried pages, 40 that hold a name or goods became right and none
wrong; most of the other 370 changes set labels right. The words are those of the jieba package
(`requirements-models.txt`), with the words that forms print.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

from extractors.models import package_folder
from extractors.words import Choice, Choices

PACKAGE = "jieba"
#: Rarer words make more mistakes than they mend, and longer ones are made of shorter ones.
_LEAST_OFTEN, _LONGEST = 10, 4
#: As often as a common word: what a form prints stands on every such form.
_AS_OFTEN = 20_000
#: How much words weigh against what was seen, and what a character costs that is in none. With
#: more than that, made pages lost rare characters of names to common words.
_WEIGHT, _ALONE = 0.4, -9.0
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_WORDS = re.compile(r"[\u4e00-\u9fff]{2,}")
#: Sums in words have their own proof (`layout.proving`), and are no words of a language.
_FIGURES = frozenset("零〇壹贰叁肆伍陆柒捌玖拾佰仟万亿圆元角分整正")
_MOST_FIGURES = 3


class Lexicon:
    """How likely texts are. `often` says how often words of two and more characters are written,
    `printed` are words of forms."""

    def __init__(self, often: Mapping[str, int], printed: Iterable[str] = ()) -> None:
        counted = dict(often)
        for word in printed:
            for part in _WORDS.findall(word):
                counted[part] = max(counted.get(part, 0), _AS_OFTEN)
        whole = math.log(sum(counted.values()) + 1)
        self._likely = {
            word: _WEIGHT * (math.log(count) - whole) for word, count in counted.items()
        }
        self._begun = {word[:end] for word in counted for end in range(1, len(word))}

    def reworded(self, weighed: Sequence[Choices]) -> str:
        """The likeliest text that takes of each character one of its choices: itself, or a Chinese
        one that makes a word with its neighbours. A sum in words stays what it is."""
        said = "".join(choices[0][0] for choices in weighed)
        if sum(char in _FIGURES for char in said) > _MOST_FIGURES:
            return said
        open_ = [_open(choices) for choices in weighed]
        best: list[tuple[float, int, str]] = [(0.0, 0, "")]
        best += [(-math.inf, 0, "")] * len(open_)
        for start in range(len(open_)):
            for word, cost in self._from(open_, start):
                end, value = start + len(word), best[start][0] + cost
                if value > best[end][0]:
                    best[end] = value, start, word
        words, end = [], len(open_)
        while end:
            _, end, word = best[end]
            words.append(word)
        return "".join(reversed(words))

    def _from(self, choices: Sequence[Sequence[Choice]], start: int) -> Iterator[Choice]:
        """The character at a place by itself, and the words that may begin there, each with what
        it costs."""
        yield choices[start][0][0], _WEIGHT * _ALONE
        begun = list(choices[start])
        for place in range(start + 1, len(choices)):
            begun = [
                (text + char, cost + more)
                for text, cost in begun
                if text in self._begun
                for char, more in choices[place]
            ]
            if not begun:
                return
            for word, cost in begun:
                if (likely := self._likely.get(word)) is not None:
                    yield word, cost + likely


@cache
def common_words() -> Mapping[str, int]:
    """Chinese words and how often each is written; none where the package that lists them is not
    installed."""
    folder = package_folder(PACKAGE)
    if folder is None:
        return {}
    listed = (folder / "dict.txt").read_text(encoding="utf-8")
    told = (line.split(" ") for line in listed.splitlines())
    return {
        word: int(often)
        for word, often, *_ in told
        if 1 < len(word) <= _LONGEST and int(often) >= _LEAST_OFTEN and _CHINESE.match(word)
    }


def _open(choices: Choices) -> list[Choice]:
    """The choices of a character that words may decide between."""
    first, *others = choices
    return [first, *([] if first[0] in _FIGURES else filter(_is_offered, others))]


def _is_offered(choice: Choice) -> bool:
    return _CHINESE.match(choice[0]) is not None and choice[0] not in _FIGURES
