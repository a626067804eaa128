"""What one document may cost: the ceilings every reader keeps before it spends memory or time."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Ceilings for one document. The defaults are far above any real invoice seen, and low
    enough that a hostile file cannot exhaust a small server."""

    max_bytes: int = 50 * _MIB
    max_pages: int = 50
    #: Pages of one file that recognition is spent on; what is left unseen is said.
    max_recognised_pages: int = 30
    #: Width x height of one picture or rendered page.
    max_pixels: int = 60_000_000
    max_zip_entries: int = 2000
    #: Bytes of a ZIP (OFD) once unpacked, over all entries that are read.
    max_unpacked: int = 200 * _MIB
    #: Unpacked over packed size of one entry; ordinary XML stays below 40.
    max_ratio: int = 200
    max_xml_bytes: int = 20 * _MIB
    max_xml_depth: int = 100
    #: Opening angle brackets in one XML file, which bounds its elements and so its memory.
    max_xml_tags: int = 400_000
    #: Words taken from one page; the densest list of goods seen has 250, and geometry's cost
    #: grows with their square.
    max_words: int = 5_000
    #: Words taken from one document; fifty dense pages of goods have 12,500. What lies on pages
    #: beyond is said to be unread.
    max_document_words: int = 20_000
    #: What one PDF page draws: forms, letters (each costs 200 bytes), and, over the document,
    #: bytes of content. Counted before anything is drawn.
    max_pdf_draws: int = 30_000
    max_pdf_letters: int = 500_000
    #: Beginnings of marked content on one page, closed or not; a tagged page of goods has 500, and
    #: PDFium's memory grows with the square of those left open.
    max_pdf_marks: int = 5_000
    max_pdf_content: int = 64 * _MIB
    #: Wall clock for one document; the reader stops starting new work after it.
    max_seconds: float = 100.0
