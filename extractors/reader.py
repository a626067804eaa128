"""A file becomes its invoices: open it as leaves, take the cheap sources, recognise only where
they leave a needed field empty or do not say where one invoice ends, merge each.

Order and economy live here; how each source is read lives in its own module.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
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
from extractors.leaves import Leaf, Opened, grouped, readings_of, share_out
from extractors.limits import Limits
from extractors.merge import merge
from extractors.model import Finding, Invoice, Severity
from extractors.opening import open_file, parsed_codes
from extractors.recogniser import Recogniser
from extractors.sniff import sniff


class Reader:
    """Reads documents one at a time; holds no state between them.

    Without a `recogniser` scans yield only what their QR code states.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        recogniser: Recogniser | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits or Limits()
        self._recogniser = recogniser
        self._clock = clock

    def read(self, path: Path) -> tuple[Invoice, ...]:
        """The invoices in the file at `path`, at least one, whatever its name says.

        Raises `DocumentError` of many kinds for a file that cannot be read or holds no invoice,
        `EngineMissing` when only recognition could read it and there is none.
        """
        try:
            size = path.stat().st_size
            if size > self._limits.max_bytes:
                raise FileTooLarge(size=size, limit=self._limits.max_bytes)
            data = path.read_bytes()
        except OSError as error:
            raise DocumentError(detail=error.strerror or type(error).__name__) from error
        return self.read_all(data)

    def read_bytes(self, data: bytes) -> Invoice:
        """The one invoice in `data`. Where there are several, the first, with the finding
        `several_invoices` (BLOCK); raises as `read` does."""
        invoices = self.read_all(data)
        first = invoices[0]
        if len(invoices) == 1:
            return first
        return first.model_copy(update={"findings": (_several(len(invoices)), *first.findings)})

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

    def _tell_leaves_apart(self, opened: Opened, deadline: float) -> None:
        """Among several leaves, look at those that say nothing by themselves: each may be an
        invoice of its own."""
        silent = [leaf for leaf in opened.leaves if leaf.words is None and not leaf.codes]
        if self._recogniser is None:
            for leaf in silent:
                leaf.codes.extend(_codes_of(leaf))
        elif len(opened.leaves) > 1:
            self._recognise([leaf for leaf in silent if leaf.number is None], opened, deadline)

    def _invoices(self, opened: Opened, deadline: float) -> list[Invoice]:
        groups = grouped(opened.leaves) or [[]]
        found = []
        for group, whole in zip(groups, share_out(opened.whole, groups), strict=True):
            invoice = merge([*whole, *readings_of(group)])
            if missing_fields(invoice) and self._recognise(group, opened, deadline):
                invoice = merge([*whole, *readings_of(group)])
            if _says_anything(invoice):
                pages = {leaf.page for leaf in group}
                found.append(
                    invoice.model_copy(
                        update={
                            "pages": max(1, len(pages)),
                            "first_page": min(pages, default=0),
                            "region": group[0].region if group else None,
                        }
                    )
                )
        return found

    def _recognise(self, leaves: Sequence[Leaf], opened: Opened, deadline: float) -> bool:
        """Look at the leaves that can be drawn and were not looked at. Whether any was.

        Pages beyond the limits stay unseen, and `pages_unseen` (BLOCK) says how many.
        """
        waiting = [leaf for leaf in leaves if leaf.picture and leaf.recognised is None]
        if self._recogniser is None or not waiting:
            return False
        seen = sum(leaf.recognised is not None for leaf in opened.leaves)
        for count, leaf in enumerate(waiting):
            late = count > 0 and self._clock() > deadline
            if late or seen + count >= self._limits.max_recognised_pages:
                opened.findings.append(_unseen(len(waiting) - count))
                return count > 0
            self._look_at(leaf, self._recogniser)
        return True

    def _look_at(self, leaf: Leaf, recogniser: Recogniser) -> None:
        """Recognise one leaf; read its codes where they were not, in the picture as it is or
        else in the straightened one."""
        assert leaf.picture is not None  # noqa: S101 - the caller chose leaves that have one
        picture = leaf.picture()
        if leaf.words is None and not leaf.codes:
            leaf.codes.extend(parsed_codes(picture, leaf.page))
        page = recogniser.recognise(picture, leaf.page)
        leaf.recognised, leaf.rotation = page.words, page.rotation
        if not leaf.codes:
            leaf.codes.extend(parsed_codes(page.image, leaf.page))


def _codes_of(leaf: Leaf) -> list[Invoice]:
    try:
        return parsed_codes(leaf.picture(), leaf.page) if leaf.picture is not None else []
    except DamagedFile:
        return []


def _several(count: int) -> Finding:
    return Finding(code="several_invoices", severity=Severity.BLOCK, params={"count": str(count)})


def _unseen(count: int) -> Finding:
    return Finding(code="pages_unseen", severity=Severity.BLOCK, params={"count": str(count)})


def _says_anything(invoice: Invoice) -> bool:
    return any((invoice.invoice_number, invoice.total_with_tax, invoice.total_without_tax))
