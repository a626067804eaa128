"""Labels that recognition read badly on a poor page, set right before anything is looked for.

A face knows the words that its form prints. A doubtful word of the page that begins with one of
them but for a character or two (机盟编号, 收效单位) can only be that label, so every pattern that
looks for labels finds it. Values are never touched: what stands behind the label stays as it was
read, with the certainty that it was read with.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence

from rapidfuzz.distance import Levenshtein

from extractors.layout.page import Sheet, plain
from extractors.layout.reading import Face
from extractors.words import PageWords, Word

#: Words surer than this are not mended: what they say stands there.
_SURE = 0.9
_LEAST = 3
#: So many characters make a label that may begin in the middle of a word, as titles do.
_TITLE = 6
_ENDS = frozenset(":;,.。、 ")
#: Where a label gives way to its value, whatever became of the label.
_VALUE = re.compile(r"[0-9¥:]")


def relabelled(face: Face, labels: tuple[str, ...]) -> Face:
    """The face with its labels as the form must have printed them; itself where the text is
    given, or nothing is to be mended. `labels` are literal, in plain characters."""
    if not face.recognised:
        return face
    kept = face.sheet.relabelled
    if labels not in kept:
        pages = [_mended_page(page, labels) for page in face.sheet.pages]
        changed = any(new is not old for new, old in zip(pages, face.sheet.pages, strict=True))
        kept[labels] = Sheet(pages) if changed else face.sheet
    return dataclasses.replace(face, sheet=kept[labels])


def _mended_page(page: PageWords, labels: tuple[str, ...]) -> PageWords:
    words = [_mended_word(word, labels) for word in page.words]
    if all(new is old for new, old in zip(words, page.words, strict=True)):
        return page
    return page.model_copy(update={"words": tuple(words)})


def _mended_word(word: Word, labels: tuple[str, ...]) -> Word:
    if word.confidence >= _SURE or len(word.text) < _LEAST:
        return word
    text = mended_text(word.text, labels)
    return word if text == word.text else word.model_copy(update={"text": text})


def mended_text(text: str, labels: tuple[str, ...]) -> str:
    """The text with every misread label in it set right, and the colon behind a label too."""
    start = 0
    while start < len(text):
        flat = plain(text)
        exact = max(
            (label for label in labels if flat.startswith(label, start)), key=len, default=""
        )
        found = (start + len(exact), exact) if exact else _nearest(flat, start, labels)
        if found is None:
            start += 1
            continue
        end, label = found
        behind = text[end:]
        if plain(behind[:1]) in (",", ".", "。", "、", ";") and behind[1:2].strip():
            behind = ":" + behind[1:]
        text = text[:start] + (text[start:end] if exact else label) + behind
        start += len(label)
    return text


def _nearest(flat: str, start: int, labels: Sequence[str]) -> tuple[int, str] | None:
    """Where the one label nearest to what begins at `start` ends, and the label; None where none
    is near enough, or two are as near."""
    if flat[start].isspace():
        return None
    begins = start == 0 or flat[start - 1] in _ENDS
    ranked = sorted(
        (distance / len(label), -len(label), abs(length - len(label)), label, start + length)
        for label in labels
        if begins or len(label) >= _TITLE or flat[start] == label[0]
        for distance, length in _distances(flat, start, label, begins=begins)
    )
    if not ranked:
        return None
    best = ranked[0]
    if any(each[:2] == best[:2] and each[3] != best[3] for each in ranked):
        return None
    return best[4], best[3]


def _distances(flat: str, start: int, label: str, *, begins: bool) -> Iterator[tuple[int, int]]:
    """How far the label is from the next characters, taken as many as it has, or one less or
    more; where that is near enough."""
    value = _VALUE.search(flat, start)
    most_length = (value.start() if value else len(flat)) - start
    for length in (len(label), len(label) - 1, len(label) + 1) if begins else (len(label),):
        if not _LEAST - 1 <= length <= most_length:
            continue
        piece = flat[start : start + length]
        if " " in piece.strip():
            continue
        closed = start + length in (len(flat), start + most_length) or flat[start + length] in _ENDS
        if not begins and len(label) < _TITLE and not closed:
            continue
        most = _most_wrong(len(label), closed=closed)
        if length != len(label) and not closed:
            most -= 1
        distance = Levenshtein.distance(piece, label)
        if distance <= most:
            yield distance, length


def _most_wrong(length: int, *, closed: bool) -> int:
    """How many characters of a label may be wrong: half of them where what follows closes it,
    fewer where nothing says that it ends."""
    if length <= _LEAST:
        return int(closed and length == _LEAST)
    if closed:
        return min(length // 2, 4)
    return 1 if length == 4 else 2 if length <= 6 else 3
