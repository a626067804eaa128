"""The second road to a PDF's words: pdfplumber (pdfminer), slower, and wiser with some fonts."""

from __future__ import annotations

import io
import logging
from typing import Any

import pdfplumber

from extractors.limits import Limits
from extractors.model import Box
from extractors.words import PageWords, Word

# It warns about every oddity of every font, quoting the file; what matters here is raised.
logging.getLogger("pdfminer").setLevel(logging.ERROR)


def plumbed_words(data: bytes, index: int, limits: Limits) -> PageWords:
    """The words of page `index`. Raises whatever a bad file provokes."""
    with pdfplumber.open(io.BytesIO(data), pages=[index + 1]) as document:
        page = document.pages[0]
        raw_words = page.dedupe_chars().extract_words(x_tolerance=1.5, y_tolerance=2)
        words = tuple(
            word
            for raw in raw_words[: limits.max_words]
            if (word := _word(raw, page.bbox, index)) is not None
        )
        return PageWords(
            page=index, width=float(page.width), height=float(page.height), words=words
        )


def _word(raw: dict[str, Any], bbox: tuple[float, float, float, float], index: int) -> Word | None:
    """One word as fractions of the visible page; None for text that lies outside it."""
    left, top, right, bottom = bbox
    width, height = right - left, bottom - top
    text = str(raw["text"]).strip()
    if not text or width <= 0 or height <= 0:
        return None
    x0, x1 = (raw["x0"] - left) / width, (raw["x1"] - left) / width
    y0, y1 = (raw["top"] - top) / height, (raw["bottom"] - top) / height
    inside = 0 <= (x0 + x1) / 2 <= 1 and 0 <= (y0 + y1) / 2 <= 1
    if not inside or x1 < x0 or y1 < y0:
        return None
    return Word(text=text, box=Box(page=index, x0=x0, y0=y0, x1=x1, y1=y1))
