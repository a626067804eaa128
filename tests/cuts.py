"""Made pages as words, cut the ways that text layers and recognition cut them."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterable, Iterator

from extractors.model import Box
from extractors.words import PageWords, Word
from fixtures.maker import Truth, face
from fixtures.maker.fonts import width_of
from fixtures.maker.sheet import Text

TODAY = dt.date(2026, 11, 22)

Cutter = Callable[[Text], Iterable[Text]]


def whole(item: Text) -> Iterable[Text]:
    """As an OFD text object: everything that was set at once."""
    yield item


def characters(item: Text) -> Iterable[Text]:
    """As some PDF extractors give it: one word a character."""
    x = item.x
    for char in item.text:
        piece = Text(x, item.y, char, item.pen, item.value)
        x += piece.width
        if not char.isspace():
            yield piece


def spaced(item: Text) -> Iterable[Text]:
    """As other extractors do: cut at spaces."""
    x = item.x
    for part in item.text.split(" "):
        piece = Text(x, item.y, part, item.pen, item.value)
        x += width_of(part + " ", item.pen.font, item.pen.size)
        if part:
            yield piece


def garbage(item: Text) -> Iterable[Text]:
    """Labels in a subset font without a usable encoding: values right, labels nonsense."""
    if item.value:
        yield item
        return
    draw = random.Random(item.text)  # noqa: S311  # repeatable nonsense, no secret
    yield Text(item.x, item.y, "".join(draw.choice("ÃûÐÂæ§þ") for _ in item.text), item.pen)


def words_of(truth: Truth, seed: int, cut: Cutter) -> PageWords:
    sheet = face(truth, seed)
    words = []
    for item in sheet.items:
        if not isinstance(item, Text) or not item.text.strip():
            continue
        for piece in cut(item):
            box = Box(
                page=0,
                x0=piece.x / sheet.width,
                y0=(piece.y - 0.85 * piece.pen.size) / sheet.height,
                x1=(piece.x + piece.width) / sheet.width,
                y1=(piece.y + 0.15 * piece.pen.size) / sheet.height,
            )
            words.append(Word(text=piece.text, box=box))
    return PageWords(page=0, width=sheet.width, height=sheet.height, words=tuple(words))


def altered(page: PageWords, change: Callable[[str], str]) -> PageWords:
    words = tuple(word.model_copy(update={"text": change(word.text)}) for word in page.words)
    return page.model_copy(update={"words": words})


def recognised(page: PageWords, seed: int) -> PageWords:
    """The same words as engines cut them: neighbours joined, words split, boxes a little off,
    the page leaning, and a score for each."""
    draw = random.Random(seed)  # noqa: S311  # repeatable, no secret
    lean = draw.uniform(-0.004, 0.004)
    words = [piece for word in _joined(page, draw) for piece in _split(word, draw)]
    return page.model_copy(update={"words": tuple(_moved(word, draw, lean) for word in words)})


def _joined(page: PageWords, draw: random.Random) -> Iterator[Word]:
    """Two thirds of the neighbours closer than a character become one word."""
    rows = sorted(page.words, key=lambda word: (round(word.box.y1, 2), word.box.x0))
    last: Word | None = None
    for word in rows:
        if last is not None and _touch(page, last, word) and draw.random() < 0.66:
            box = last.box.model_copy(update={"x1": word.box.x1})
            last = Word(text=last.text + word.text, box=box)
            continue
        if last is not None:
            yield last
        last = word
    if last is not None:
        yield last


def _touch(page: PageWords, one: Word, two: Word) -> bool:
    height = (one.box.y1 - one.box.y0) * page.height / page.width
    gap = two.box.x0 - one.box.x1
    level = abs(one.box.y1 - two.box.y1) * page.height / page.width
    return -0.1 * height < gap < 0.8 * height and level < 0.2 * height


def _split(word: Word, draw: random.Random) -> Iterable[Word]:
    """One long Chinese word in twelve is cut in two."""
    if len(word.text) < 6 or word.text.isascii() or draw.random() > 1 / 12:
        return (word,)
    index = draw.randint(2, len(word.text) - 2)
    edge = word.box.x0 + (word.box.x1 - word.box.x0) * index / len(word.text)
    return (
        Word(text=word.text[:index], box=word.box.model_copy(update={"x1": edge})),
        Word(text=word.text[index:], box=word.box.model_copy(update={"x0": edge})),
    )


def _moved(word: Word, draw: random.Random, lean: float) -> Word:
    box = word.box
    height = box.y1 - box.y0
    down = lean * (box.x0 + box.x1) / 2 + draw.uniform(-0.06, 0.06) * height
    place = box.model_copy(
        update={"y0": box.y0 + down - 0.08 * height, "y1": box.y1 + down + 0.08 * height}
    )
    return Word(text=word.text, box=place, confidence=draw.uniform(0.9, 0.999))
