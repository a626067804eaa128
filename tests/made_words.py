"""Words of made pages for the tests of faces, as a text layer or as recognition would give them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from types import ModuleType

import pytest

from extractors.model import FIELD_NAMES, Box, Invoice
from extractors.words import PageWords, Word
from fixtures.maker import Truth
from fixtures.maker.sheet import Sheet, Text


def words_of_pages(sheets: Sequence[Sheet]) -> list[PageWords]:
    """Every text object of every page as one word."""
    return [_words(sheet, number) for number, sheet in enumerate(sheets)]


def _words(sheet: Sheet, number: int) -> PageWords:
    words = tuple(
        Word(text=item.text, box=_box(sheet, item, number))
        for item in sheet.items
        if isinstance(item, Text) and item.text.strip()
    )
    return PageWords(page=number, width=sheet.width, height=sheet.height, words=words)


def _box(sheet: Sheet, item: Text, number: int) -> Box:
    return Box(
        page=number,
        x0=item.x / sheet.width,
        y0=(item.y - 0.85 * item.pen.size) / sheet.height,
        x1=(item.x + item.width) / sheet.width,
        y1=(item.y + 0.15 * item.pen.size) / sheet.height,
    )


def recognised_words(pages: Iterable[PageWords], seed: int) -> list[PageWords]:
    """The same words with the scores of an engine, their boxes a hair larger."""
    draw = random.Random(seed)  # noqa: S311  # repeatable, no secret

    def scored(word: Word) -> Word:
        box = word.box
        grow = draw.uniform(0.0, 0.06) * (box.y1 - box.y0)
        place = box.model_copy(update={"y0": box.y0 - grow, "y1": box.y1 + grow})
        return word.model_copy(update={"box": place, "confidence": draw.uniform(0.9, 0.99)})

    return [_with(page, [scored(word) for word in page.words]) for page in pages]


def glued(page: PageWords) -> PageWords:
    """Labels that end in a colon become one word with the value right behind them."""
    words: list[Word] = []
    for word in page.words:
        last = words[-1] if words else None
        if (
            last is not None
            and last.text.endswith(("：", ":"))
            and 0 <= word.box.x0 - last.box.x1 < 0.03
            and abs(word.box.y0 - last.box.y0) < 0.004
        ):
            box = last.box.model_copy(update={"x1": word.box.x1, "y1": word.box.y1})
            words[-1] = last.model_copy(update={"text": last.text + word.text, "box": box})
        else:
            words.append(word)
    return _with(page, words)


def leaning(page: PageWords) -> PageWords:
    """The page turned by half a degree."""
    lean = 0.008 * page.width / page.height

    def lower(word: Word) -> Word:
        box, down = word.box, lean * (word.box.x0 + word.box.x1) / 2
        return word.model_copy(
            update={"box": box.model_copy(update={"y0": box.y0 + down, "y1": box.y1 + down})}
        )

    return _with(page, [lower(word) for word in page.words])


def replaced(page: PageWords, old: str, new: str, *, once: bool = False) -> PageWords:
    """The page with a text changed wherever it stands (or the first time only)."""
    words, done = [], False
    for word in page.words:
        if old in word.text and not (once and done):
            words.append(word.model_copy(update={"text": word.text.replace(old, new)}))
            done = True
        else:
            words.append(word)
    assert done, f"{old} is not on the page"
    return _with(page, words)


def _with(page: PageWords, words: Sequence[Word]) -> PageWords:
    return page.model_copy(update={"words": tuple(words)})


def differences(
    truth: Truth, invoice: Invoice, keys: Iterable[str]
) -> list[tuple[str, object, object]]:
    """What was read otherwise than it stands: name, value read, value printed."""
    found: list[tuple[str, object, object]] = []
    if invoice.kind != truth.kind:
        found.append(("kind", invoice.kind, truth.kind))
    for name in FIELD_NAMES:
        field = getattr(invoice, name)
        found.append((name, field.value if field else None, truth.shown(name)))
    found.append(("lines", invoice.lines or None, truth.lines or None))
    for key in {*keys, *invoice.extra}:
        extra = invoice.extra.get(key)
        found.append((key, extra.value if extra else None, truth.extra.get(key)))
    return [entry for entry in found if entry[1] != entry[2]]


def without_seals(monkeypatch: pytest.MonkeyPatch, *makers: ModuleType) -> None:
    """Seals are pictures, slow to draw, and say nothing in a text layer."""
    for maker in makers:
        if hasattr(maker, "seller_seal"):
            monkeypatch.setattr(maker, "seller_seal", lambda *_: b"")
