"""A file as leaves: the pictures and texts that may each hold an invoice, and how they belong
together.

A leaf is a page, or a part of a page on which several documents lie. One invoice may run over
several leaves (a list of goods), and one file may hold many invoices: what tells them apart is
their number, or, where a document has none, a face of its own with a total of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from extractors.errors import DamagedFile
from extractors.faces import invoice_from_words
from extractors.images import jpeg, pixels_of
from extractors.model import Box, Finding, Invoice, Kind, Source
from extractors.recogniser import Image
from extractors.split import cut_out, split_documents
from extractors.words import PageWords

#: Upright pictures that wait for a closer look as they are.
_UNPACKED = 3
#: A number this long does not stand on a page by chance.
_TELLING = 8


@dataclass(slots=True)
class Leaf:
    """`page` counts from 0. `codes` are the readings of its QR codes, and `searched` says that its
    picture was looked through for them; `words` its text layer, given by `source`; `recognised`
    what recognition saw once it has looked. `picture` is None for what cannot be drawn. `region`
    is the part of the page that it was cut from."""

    page: int
    codes: list[Invoice] = field(default_factory=list)
    searched: bool = False
    words: PageWords | None = None
    source: Source = Source.PDF_TEXT
    picture: Callable[[], Image] | None = None
    region: Box | None = None
    recognised: PageWords | None = None
    rotation: int = 0
    #: The picture that recognition saw, upright and level: its pixels, or packed.
    _upright: Image | bytes | None = None
    _reading: Invoice | None = None
    _drawn: Image | None = None

    def see(self, words: PageWords) -> None:
        """Take what recognition saw."""
        self.recognised, self._reading = words, None

    def draw(self) -> Image | None:
        """Its picture, kept until `let_go`: drawing a page costs as much as reading a text layer.
        None for what cannot be drawn; raises `DamagedFile` where drawing fails."""
        if self._drawn is None and self.picture is not None:
            self._drawn = self.picture()
        return self._drawn

    def let_go(self) -> None:
        """Forget the pictures; each takes some 12 MB."""
        self._drawn = self._upright = None

    def hold(self, upright: Image) -> None:
        """Keep the picture that recognition saw, upright and level, for a closer look; forget
        the one that it was made from."""
        self._drawn, self._upright = None, upright

    def pack(self) -> None:
        """Hold the upright picture in a tenth of the room. What a closer look reads from it is
        enlarged print, which this quality leaves as it is."""
        if self._upright is not None and not isinstance(self._upright, bytes):
            self._upright = jpeg(self._upright)

    @property
    def upright(self) -> Image | None:
        """The picture for a closer look; None where nobody looked, or it was let go."""
        held = self._upright
        return pixels_of(held) if isinstance(held, bytes) else held

    def reading(self) -> Invoice | None:
        """What its own words say, the given before the recognised; None without any."""
        if self._reading is None:
            if self.words is not None:
                self._reading = invoice_from_words([self.words], self.source)
            elif self.recognised is not None:
                self._reading = invoice_from_words([self.recognised], Source.OCR, self.codes)
        return self._reading

    @property
    def number(self) -> str | None:
        """The invoice number that the leaf shows, by its code or else by its words."""
        for code in self.codes:
            if code.invoice_number is not None:
                return code.invoice_number.value
        own = self.reading()
        return own.invoice_number.value if own and own.invoice_number else None

    def shows(self, number: str) -> bool:
        """Does a long number stand on it, and no other of its length (as on a red invoice, which
        names the one that it offsets)? Cheaper than to read the leaf."""
        words = self.words or self.recognised
        if words is None or len(number) < _TELLING:
            return False
        alike = re.compile(rf"(?<!\d)\d{{{len(number)}}}(?!\d)")
        return {found for word in words.words for found in alike.findall(word.text)} == {number}

    @property
    def stands_alone(self) -> bool:
        """Does it show a face of its own, with a total?"""
        own = self.reading()
        return own is not None and own.kind is not Kind.UNKNOWN and own.total_with_tax is not None


@dataclass(slots=True)
class Opened:
    """A file once opened: its leaves, and what the file as a whole says (its information, its
    attachments, its data)."""

    leaves: list[Leaf] = field(default_factory=list)
    whole: list[Invoice] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    pages: int = 1
    #: Pages that nobody looked at: there were too many, or they could not be drawn.
    unseen: int = 0


def grouped(leaves: Sequence[Leaf], whole: Sequence[Invoice] = ()) -> list[list[Leaf]]:
    """Leaves in groups of one invoice each, in order; `whole` are readings of the whole file.

    A leaf that shows the number of the group before it, or neither a number nor a face and
    total of its own, belongs to that group.
    """
    told = {reading.invoice_number.value for reading in whole if reading.invoice_number}
    if len(leaves) > 1 and len(told) == 1 and all(leaf.shows(*told) for leaf in leaves):
        return [list(leaves)]
    groups: list[list[Leaf]] = []
    for leaf in leaves:
        if groups and not _begins_anew(groups[-1], leaf):
            groups[-1].append(leaf)
        else:
            groups.append([leaf])
    return groups


def _begins_anew(group: list[Leaf], leaf: Leaf) -> bool:
    numbers = {each.number for each in group} - {None}
    if not leaf.codes and any(leaf.shows(number) for number in numbers if number is not None):
        return False
    number = leaf.number
    if number is not None and numbers:
        return number not in numbers
    begun = bool(numbers) or any(each.stands_alone for each in group)
    if number is not None:
        return begun
    return begun and leaf.stands_alone


def parts_of(leaf: Leaf) -> list[Leaf]:
    """The documents that plainly lie apart on the leaf's picture, a leaf each; the leaf itself
    where there is one, or where the picture cannot be drawn."""
    try:
        picture = leaf.draw()
    except DamagedFile:
        return [leaf]
    boxes = split_documents(picture, leaf.page) if picture is not None else []
    if picture is None or len(boxes) < 2:
        return [leaf]
    return [
        Leaf(leaf.page, picture=partial(cut_out, picture, box), region=box, source=leaf.source)
        for box in boxes
    ]


def are_documents(parts: Sequence[Leaf]) -> bool:
    """Is each part a document of its own: with a number, or a face and total, no number twice?"""
    numbers = [leaf.number for leaf in parts if leaf.number is not None]
    signed = all(leaf.number is not None or leaf.stands_alone for leaf in parts)
    return signed and len(numbers) == len(set(numbers))


def pack_most(leaves: Sequence[Leaf]) -> None:
    """Pack the upright pictures of all leaves but the last few that were looked at: those of a
    long scan wait until all its pages are told apart."""
    for leaf in [leaf for leaf in leaves if leaf.recognised is not None][:-_UNPACKED]:
        leaf.pack()


def code_count(group: Sequence[Leaf]) -> int:
    """How many invoices the codes of a group speak of."""
    codes = [code.invoice_number for leaf in group for code in leaf.codes]
    return len({number.value for number in codes if number is not None})


def place_of(group: Sequence[Leaf]) -> dict[str, object]:
    """Where in its file the invoice of a group lies, as attributes of `Invoice`."""
    pages = {leaf.page for leaf in group}
    return {
        "pages": max(1, len(pages)),
        "first_page": min(pages, default=0),
        "region": group[0].region if group else None,
    }


def readings_of(group: Sequence[Leaf]) -> Iterator[Invoice]:
    """Every reading of a group: codes, the given words, the recognised words."""
    for leaf in group:
        yield from leaf.codes
    given = [leaf for leaf in group if leaf.words is not None]
    if given:
        yield _together(given, [leaf.words for leaf in given if leaf.words], given[0].source)
    seen = [leaf for leaf in group if leaf.recognised is not None]
    if seen:
        words = [leaf.recognised for leaf in seen if leaf.recognised]
        codes = [code for leaf in seen for code in leaf.codes]
        reading = _together(seen, words, Source.OCR, codes)
        rotation = next((leaf.rotation for leaf in seen if leaf.rotation), 0)
        yield reading.model_copy(update={"rotation": rotation})


def _together(
    leaves: Sequence[Leaf],
    words: Sequence[PageWords],
    source: Source,
    codes: Sequence[Invoice] = (),
) -> Invoice:
    alone = leaves[0].reading() if len(leaves) == 1 else None
    if alone is not None and alone.sources == (source,):
        return alone
    return invoice_from_words(words, source, codes)


def share_out(whole: Sequence[Invoice], groups: Sequence[list[Leaf]]) -> list[list[Invoice]]:
    """Which group each reading of the whole file speaks of: the one with its number, else the
    first, where a number that differs then becomes a finding."""
    if len(groups) == 1:
        return [list(whole)]
    shares: list[list[Invoice]] = [[] for _ in groups]
    for reading in whole:
        number = reading.invoice_number.value if reading.invoice_number else None
        owner = next(
            (
                index
                for index, group in enumerate(groups)
                if number is not None and any(leaf.number == number for leaf in group)
            ),
            0,
        )
        shares[owner].append(reading)
    return shares
