"""Words on pages become an `Invoice`: each face says how well a document suits it, the best reads.

Pure geometry and patterns, no files and no engine: text layers, OFD pages and recognition all
come through here. What cannot be read, or read but not be true, stays None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from extractors.layout import air, rail, vat
from extractors.layout.goods_list import read_list, split_lists
from extractors.layout.page import Sheet
from extractors.layout.reading import Face
from extractors.model import Invoice, Source
from extractors.words import PageWords


@dataclass(frozen=True)
class Reader:
    """One family of faces. `score` declines with None; the highest reads."""

    name: str
    score: Callable[[Face], int | None]
    read: Callable[[Face], Invoice]


READERS: tuple[Reader, ...] = (
    Reader("rail invoice", rail.score_electronic, rail.read_electronic),
    Reader("air itinerary", air.score, air.read),
    Reader("train ticket", rail.score_ticket, rail.read_ticket),
    Reader("vat", vat.score, vat.read),
)


def invoice_from_words(pages: Sequence[PageWords], source: Source) -> Invoice:
    """Read one document from the words of all its pages, in order.

    `source` says whether the text is given (`PDF_TEXT`, `OFD_TEXT`) or recognised (`OCR`):
    recognised values are kept only when nothing contradicts them. A document that no face
    knows yields an `Invoice` without values.
    """
    faces, lists = split_lists(pages)
    invoice = _read_face(faces, source)
    amount = invoice.total_without_tax
    listed = read_list(lists, source, amount.value) if lists and amount is not None else ()
    return invoice.model_copy(
        update={"pages": max(1, len(pages)), "lines": listed or invoice.lines}
    )


def _read_face(pages: Sequence[PageWords], source: Source) -> Invoice:
    scored = []
    for rank, reader in enumerate(READERS):
        # Every face reads from its own slate.
        score = reader.score(Face(Sheet(pages), source))
        if score is not None:
            scored.append((score, -rank, reader))
    if not scored:
        return Invoice(sources=(source,))
    best = max(scored, key=lambda entry: entry[:2])[2]
    return best.read(Face(Sheet(pages), source))
