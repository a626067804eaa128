"""A file becomes its invoices: open it as leaves, take the cheap sources, recognise only where
they leave a needed field empty or do not say where one invoice ends, merge each.

Order and economy live here; how each source is read lives in its own module.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from extractors.checks import missing_fields
from extractors.errors import (
    DamagedFile,
    DocumentError,
    EmptyFile,
    EngineMissing,
    FileTooLarge,
    NoInvoiceFound,
)
from extractors.leaves import (
    Leaf,
    Opened,
    are_documents,
    code_count,
    grouped,
    pack_most,
    parts_of,
    place_of,
    readings_of,
    share_out,
)
from extractors.limits import Limits
from extractors.merge import merge
from extractors.model import Box, Invoice, Kind, Source
from extractors.opening import open_file, parsed_codes, several, unseen
from extractors.ours import Party, mended_by_ours
from extractors.picturing import PagePicture, drawn
from extractors.qr import placed_as
from extractors.recogniser import Recogniser
from extractors.relook import looks
from extractors.second_look import faults, keeps, mended, places, replaced
from extractors.sniff import sniff
from extractors.split import cut_out
from extractors.words import Look


class Reader:
    """Reads documents one at a time; holds no state between them.

    Without a `recogniser` scans yield only what their QR code states. `ours` are our own names,
    which recognition may misread.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        recogniser: Recogniser | None = None,
        *,
        ours: Sequence[Party] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits or Limits()
        self._recogniser = recogniser
        self._ours = tuple(ours)
        self._clock = clock

    def read(self, path: Path) -> tuple[Invoice, ...]:
        """The invoices in the file at `path`, at least one, whatever its name says.

        Raises `DocumentError` of many kinds for a file that cannot be read or holds no invoice,
        `EngineMissing` when only recognition could read it and there is none.
        """
        return self.read_all(self._content(path))

    def read_bytes(self, data: bytes) -> Invoice:
        """The one invoice in `data`. Where there are several, the first, with the finding
        `several_invoices` (BLOCK); raises as `read` does."""
        invoices = self.read_all(data)
        first = invoices[0]
        if len(invoices) == 1:
            return first
        return first.model_copy(update={"findings": (several(len(invoices)), *first.findings)})

    def read_all(self, data: bytes) -> tuple[Invoice, ...]:
        """Every invoice in `data`, in the order of its pages; raises as `read` does."""
        if not data:
            raise EmptyFile
        if len(data) > self._limits.max_bytes:
            raise FileTooLarge(size=len(data), limit=self._limits.max_bytes)
        deadline = self._clock() + self._limits.max_seconds
        media_type = sniff(data)
        with ExitStack() as stack:
            opened = open_file(media_type, data, self._limits, stack)
            self._tell_leaves_apart(opened, deadline)
            invoices = self._invoices(opened, deadline)
        if not invoices:
            drawable = any(leaf.picture is not None for leaf in opened.leaves)
            if drawable and self._recogniser is None:
                raise EngineMissing(detail="a scan needs text recognition")
            raise NoInvoiceFound
        count = len(invoices)
        return tuple(
            invoice.model_copy(
                update={
                    "findings": (*opened.findings, *invoice.findings),
                    "pages": opened.pages if count == 1 else invoice.pages,
                    "part": part,
                    "parts": count,
                }
            )
            for part, invoice in enumerate(invoices, start=1)
        )

    def look_again(
        self, file: Path | bytes, page: int, region: Box | None, places: Mapping[str, Box]
    ) -> dict[str, tuple[Look, ...]]:
        """Several closer looks at `places` (fractions of the upright picture, as the fields of a
        recognised invoice have them) on one page of a file, or on one region of it; {} for a page
        that has no picture. Raises as `read` does."""
        if self._recogniser is None:
            raise EngineMissing(detail="a second look needs text recognition")
        data = self._content(file)
        with ExitStack() as stack:
            opened = open_file(sniff(data), data, self._limits, stack)
            leaf = next((leaf for leaf in opened.leaves if leaf.page == page), None)
            picture = leaf.draw() if leaf is not None else None
            if picture is None:
                return {}
            part = cut_out(picture, region) if region is not None else picture
            upright = self._recogniser.recognise(part, page).image
        return looks(self._recogniser, upright, places)

    def pictures(self, file: Path | bytes, invoice: Invoice | None) -> tuple[PagePicture, ...]:
        """The pages that an invoice of the file lies on, drawn anew as its boxes have them; all
        pages while nothing was read of it. Raises as `read` does."""
        data = self._content(file)
        with ExitStack() as stack:
            opened = open_file(sniff(data), data, self._limits, stack)
            return drawn(opened.leaves, invoice, self._recogniser)

    def _content(self, path: Path | bytes) -> bytes:
        """The bytes at `path`, or those given. Raises `FileTooLarge`, and `DocumentError` where
        it cannot be read."""
        if isinstance(path, bytes):
            return path
        try:
            size = path.stat().st_size
            if size > self._limits.max_bytes:
                raise FileTooLarge(size=size, limit=self._limits.max_bytes)
            return path.read_bytes()
        except OSError as error:
            raise DocumentError(detail=error.strerror or type(error).__name__) from error

    def _tell_leaves_apart(self, opened: Opened, deadline: float) -> None:
        """Among several leaves, look at those that say nothing by themselves: each may be an
        invoice of its own."""
        silent = [leaf for leaf in opened.leaves if leaf.words is None]
        if self._recogniser is None:
            for leaf in silent:
                leaf.codes.extend([] if leaf.codes or leaf.searched else _codes_of(leaf))
            return
        alone = len(opened.leaves) == 1
        for leaf in silent:
            self._part(leaf, opened, deadline)
            if not alone and leaf in opened.leaves and leaf.number is None:
                self._recognise([leaf], opened, deadline)

    def _part(self, leaf: Leaf, opened: Opened, deadline: float) -> None:
        """Put the documents that lie apart on one picture in its place, each looked at by
        itself, if each proves to be one."""
        parts = parts_of(leaf)
        if len(parts) < 2:
            return
        place = opened.leaves.index(leaf)
        opened.leaves[place : place + 1] = parts
        self._recognise(parts, opened, deadline)
        if not are_documents(parts):
            opened.leaves[place : place + len(parts)] = [leaf]

    def _invoices(self, opened: Opened, deadline: float) -> list[Invoice]:
        groups = grouped(opened.leaves, opened.whole) or [[]]
        found = []
        for group, whole in zip(groups, share_out(opened.whole, groups), strict=True):
            invoice = merge([*whole, *self._readings(group)])
            # A code proves few values: what else a picture shows, or shows otherwise, must be seen.
            unread = [leaf for leaf in group if leaf.words is None]
            wanted = group if missing_fields(invoice) else unread
            if self._recognise(wanted, opened, deadline):
                invoice = merge([*whole, *self._readings(group)])
            invoice = self._looked_at_again(group, whole, invoice)
            if (count := code_count(group)) > 1:
                opened.findings.append(several(count))
            if _says_anything(invoice):
                found.append(invoice.model_copy(update=place_of(group)))
        if opened.unseen:
            opened.findings.append(unseen(opened.unseen))
        return found

    def _readings(self, group: Sequence[Leaf]) -> Iterator[Invoice]:
        return (mended_by_ours(reading, self._ours) for reading in readings_of(group))

    def _recognise(self, leaves: Sequence[Leaf], opened: Opened, deadline: float) -> bool:
        """Look at the leaves that can be drawn and were not looked at. Whether any was; pages
        beyond the limits, or broken ones among others, stay unseen and are counted."""
        if self._recogniser is None:
            return False
        looked = False
        for leaf in leaves:
            if leaf.picture is None or leaf.recognised is not None:
                continue
            seen = sum(each.recognised is not None for each in opened.leaves)
            late = seen > 0 and self._clock() > deadline
            if late or seen >= self._limits.max_recognised_pages:
                opened.unseen += 1
                continue
            try:
                self._look_at(leaf, self._recogniser)
                looked = True
                pack_most(opened.leaves)
            except DamagedFile:
                if len(opened.leaves) == 1:
                    raise
                opened.unseen += 1
        return looked

    def _look_at(self, leaf: Leaf, recogniser: Recogniser) -> None:
        """Recognise one leaf; read its codes where they were not, in the picture as it is or
        else in the straightened one, which is what people are shown. Raises `DamagedFile` where it
        cannot be drawn."""
        picture = leaf.draw()
        assert picture is not None  # noqa: S101 - the caller chose leaves that have one
        if leaf.words is None and not leaf.codes and not leaf.searched:
            leaf.codes.extend(parsed_codes(picture, leaf.page))
        page = recogniser.recognise(picture, leaf.page)
        leaf.see(page.words)
        leaf.rotation = page.rotation
        if page.image is not picture and (leaf.words is None or not leaf.codes):
            shown = parsed_codes(page.image, leaf.page)
            leaf.codes = [placed_as(code, shown) for code in leaf.codes] or shown
        leaf.hold(page.image)

    def _looked_at_again(
        self, group: Sequence[Leaf], whole: Sequence[Invoice], invoice: Invoice
    ) -> Invoice:
        """The invoice after a closer look at what left it in doubt, if that mended anything."""
        leaves = [leaf for leaf in group if leaf.recognised is not None]
        before = [leaf.recognised for leaf in leaves]
        looked = False
        if self._recogniser is not None and faults(invoice) > 0:
            for leaf in leaves:
                looked |= _look_closer(leaf, invoice, self._recogniser)
        for leaf in leaves:
            leaf.let_go()
        if not looked:
            return invoice
        readings = list(self._readings(group))
        again = merge([*whole, *readings])
        seen = [reading for reading in readings if Source.OCR in reading.sources]
        if faults(again) < faults(invoice) and keeps(invoice, again, seen):
            return mended(invoice, again)
        for leaf, words in zip(leaves, before, strict=True):
            if words is not None:
                leaf.see(words)
        return invoice


def _look_closer(leaf: Leaf, invoice: Invoice, recogniser: Recogniser) -> bool:
    """Replace the words of a leaf in the places that are in doubt. Whether there were any."""
    seen = leaf.reading() if leaf.words is None else None
    if leaf.recognised is None or seen is None:
        return False
    boxes = places(invoice, seen, leaf.recognised)
    upright = leaf.upright if boxes else None
    found = recogniser.recognise_region(upright, boxes) if upright is not None else ()
    if not found:
        return False
    leaf.see(replaced(leaf.recognised, boxes, found))
    return True


def _codes_of(leaf: Leaf) -> list[Invoice]:
    try:
        picture = leaf.draw()
        return parsed_codes(picture, leaf.page) if picture is not None else []
    except DamagedFile:
        return []


def _says_anything(invoice: Invoice) -> bool:
    """Is this a document? A face that shows who sold and when is one without number and total."""
    sold = invoice.kind is not Kind.UNKNOWN and invoice.issue_date and invoice.seller_name
    return bool(
        sold or invoice.invoice_number or invoice.total_with_tax or invoice.total_without_tax
    )
