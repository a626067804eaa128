"""The steps of a document's life. Each takes a lease, works without a lock, and writes its
result in one transaction before the next step is enqueued; run twice, it does nothing twice.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from archive import accounting, gate, leases, vouchers
from archive.alone import alone
from archive.drawing.pages import thumbnail_name
from archive.records import IN_MOTION, Document, State, VerificationRow, Voucher
from archive.store import StorageUnreachable
from extractors.errors import ReaderCrashed, YanpiaoError
from extractors.model import Box, Finding, Invoice, Kind
from extractors.words import Look
from worker import again, attempts, outcomes, relook, tracing
from worker.lanes import Hold, Lanes
from worker.lease_keeper import LeaseKeeper
from worker.log import logger
from worker.offline import with_findings
from worker.queues import Stage, enqueue
from worker.services import Services
from worker.shares import share_of
from worker.visit import Visit, VisitResult, visit_portal

log = logger("pipeline")

_LONGEST_REST_SECONDS = 3600


class DocumentReader(Protocol):
    """Whatever turns a file into its invoices (`worker.reader_process.ReaderProcess`)."""

    def read(self, path: Path) -> tuple[Invoice, ...]: ...

    def signatures(self, path: Path) -> tuple[Finding, ...]: ...

    def thumbnail(self, path: Path, page: int) -> bytes | None: ...

    def look_again(
        self, path: Path, page: int, region: Box | None, places: Mapping[str, Box]
    ) -> dict[str, tuple[Look, ...]]: ...


class Pipeline:
    """The three steps, on given services."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._settings = services.settings
        self._database = services.database

    @property
    def services(self) -> Services:
        """What the steps work with."""
        return self._services

    # -- reading -------------------------------------------------------------------------

    def read(self, document_id: str, reader: DocumentReader) -> bool:
        """received -> read (or in_review for a duplicate, or failed). A file that holds several
        invoices becomes as many documents, each on its own way from here. False where there was
        nothing to read."""
        taken = self._take(document_id, (State.RECEIVED,))
        if taken is None:
            return False
        with tracing.step("read", document_id):
            self._read(*taken, reader)
        return True

    def _read(self, document: Document, token: str, reader: DocumentReader) -> None:
        document_id = document.id
        began = time.monotonic()
        try:
            with self._keeper(Document, document_id, token):
                invoices = self._invoices_in(document, reader)
        except StorageUnreachable as error:
            # No try of a reading: the document waits until its bytes can be had again.
            log.warning("reading_put_off", document_id=document_id, code=error.code)
            self._release(document_id, token, keep_attempts=False)
            return
        except YanpiaoError as error:
            self._reading_failed(document, token, error, time.monotonic() - began)
            return
        except Exception:
            self._release(document_id, token)
            raise
        seconds = time.monotonic() - began
        with self._database.write() as session:
            if not leases.end(session, Document, document_id, token):
                return
            fresh = session.get_one(Document, document_id)
            documents = outcomes.record_parts(session, fresh, invoices, seconds)
        for each in documents:
            if each.id != document_id:
                tracing.handed_in(each.id, time.time_ns(), first=True, split_from=document_id)
            self._go_on(each)

    def _invoices_in(self, document: Document, reader: DocumentReader) -> tuple[Invoice, ...]:
        """What the file holds. Raises the reader's errors, `StorageUnreachable`, and
        `ReaderCrashed` for a document over which workers or the reading broke off too often."""
        if self._is_worn_out(document):
            raise ReaderCrashed(detail="the reading worker was lost")
        with self._services.store.local(document.sha256) as path:
            invoices = with_findings(reader.read(path), reader.signatures(path))
            self._draw_pages(document, path, reader, invoices)
        return invoices

    def _draw_pages(
        self, document: Document, path: Path, reader: DocumentReader, invoices: Sequence[Invoice]
    ) -> None:
        """Small pictures for the voucher's cover, drawn where untrusted files are opened anyway."""
        store = self._services.store
        for page in {invoice.first_page for invoice in invoices}:
            small = reader.thumbnail(path, page)
            if small is None:
                continue
            try:
                store.keep_derived(document.sha256, thumbnail_name(page), small)
            except OSError as error:  # no room for what can be drawn again: the reading stands
                log.warning("page_not_drawn", document_id=document.id, error=error.strerror)

    def _reading_failed(
        self, document: Document, token: str, error: YanpiaoError, seconds: float
    ) -> None:
        tried = document.failures >= self._settings.max_tries
        final = not error.retryable or tried or self._is_worn_out(document)
        log.warning("reading_failed", document_id=document.id, code=error.code, final=final)
        with self._database.write() as session:
            if not leases.end(session, Document, document.id, token, keep_attempts=not final):
                return
            fresh = session.get_one(Document, document.id)
            outcomes.record_failed_try(session, fresh, error, seconds, final=final)
        self._go_on(fresh)

    # -- verifying -----------------------------------------------------------------------

    def verify(self, document_id: str, visit: Visit) -> bool:
        """read or waiting -> passed, in_review or waiting. False where that was not due."""
        lanes = Lanes(self._database, visit.portal)
        with self._database.read() as session:
            document = session.get(Document, document_id)
            if document is None or outcomes.too_early(document):
                return False
        needed = visit.needs_portal(_kind_of(document))
        if needed and (hold := lanes.hold()) is not None:
            self._put_off(document_id, hold)
            return False
        taken = self._take(document_id, (State.READ, State.WAITING))
        if taken is None:
            return False
        with tracing.step("verify", document_id):
            self._verify(*taken, visit)
        return True

    def _verify(self, document: Document, token: str, visit: Visit) -> None:
        document_id = document.id
        began = time.monotonic()
        result = self._visited(document, token, visit)
        seconds = time.monotonic() - began
        with self._database.write() as session:
            if not leases.end(session, Document, document_id, token):
                return
            fresh = session.get_one(Document, document_id)
            outcomes.record_verification(session, fresh, result, visit.portal, seconds)
        self._go_on(fresh)

    def verify_again(self, document_id: str, visit: Visit) -> None:
        """archived stays archived: the tax authority is asked whether anything changed."""
        with self._database.read() as session:
            document = session.get(Document, document_id)
            if document is None or not again.is_due(document):
                return
        needed = visit.needs_portal(_kind_of(document))
        if needed and Lanes(self._database, visit.portal).hold() is not None:
            return  # the clock asks again
        taken = self._take(document_id, (State.ARCHIVED,))
        if taken is None:
            return
        document, token = taken
        with tracing.step("verify again", document_id):
            result = self._visited(document, token, visit)
        with self._database.write() as session:
            if not leases.end(session, Document, document_id, token):
                return
            fresh = session.get_one(Document, document_id)
            row = attempts.keep(session, fresh, result, visit.portal)
            policy = self._services.policy.again
            again.record_again(session, fresh, row, result.verification, policy)

    def _visited(self, document: Document, token: str, visit: Visit) -> VisitResult:
        """Ask under the lease; whatever breaks off the asking gives the document free."""
        try:
            with self._keeper(Document, document.id, token):
                return visit_portal(visit, document, _invoice_of(document), self._services)
        except BaseException:
            self._release(document.id, token)
            raise

    def _put_off(self, document_id: str, hold: Hold) -> None:
        with self._database.write() as session:
            document = session.get_one(Document, document_id)
            outcomes.put_off(session, document, hold.reason, hold.until)

    # -- looking again -------------------------------------------------------------------

    def look_again(self, document_id: str, reader: DocumentReader) -> bool:
        """verified -> passed or in_review, once closer looks told misread from altered values. A
        look that cannot be taken explains nothing: the difference then goes to a person. False
        where there was nothing to look at."""
        taken = self._take(document_id, (State.VERIFIED,))
        if taken is None:
            return False
        document, token = taken
        with self._database.read() as session:
            row = session.get_one(Document, document_id).verifications[-1]
        seen: dict[str, tuple[Look, ...]] = {}
        if not self._is_worn_out(document):
            try:
                with (
                    tracing.step("second look", document_id),
                    self._keeper(Document, document_id, token),
                ):
                    seen = self._looks(document, row, reader)
            except StorageUnreachable as error:
                log.warning("second_look_put_off", document_id=document_id, code=error.code)
                self._release(document_id, token, keep_attempts=False)
                return True
            except YanpiaoError as error:
                log.warning("second_look_failed", document_id=document_id, code=error.code)
        with self._database.write() as session:
            if not leases.end(session, Document, document_id, token):
                return True
            fresh = session.get_one(Document, document_id)
            relook.record_looks(session, fresh, fresh.verifications[-1], seen)
        self._go_on(fresh)
        return True

    def _looks(
        self, document: Document, row: VerificationRow, reader: DocumentReader
    ) -> dict[str, tuple[Look, ...]]:
        places = relook.places(row)
        invoice = _invoice_of(document)
        page = next((box.page for box in places.values()), invoice.first_page)
        here = {name: box for name, box in places.items() if box.page == page}
        with self._services.store.local(document.sha256) as path:
            return reader.look_again(path, page, invoice.region, here)

    # -- sealing -------------------------------------------------------------------------

    def seal(self, voucher_no: str) -> None:
        """Seal what has passed of a voucher into its next bag: passed -> archived. Where another
        worker is at it, nothing: the clock brings it back."""
        with alone(self._database, self._settings.root / "locks", voucher_no) as nobody_else:
            if nobody_else:
                self._seal(voucher_no)

    def _seal(self, voucher_no: str) -> None:
        with self._database.write() as session:
            token = leases.take(session, Voucher, voucher_no, self._settings.lease_seconds)
        if token is None:
            return
        looked = time.time_ns()
        if self._held_back(voucher_no, token):
            return
        began, planned = time.monotonic(), time.time_ns()
        try:
            with self._keeper(Voucher, voucher_no, token) as keeper:
                with self._database.read() as session:
                    plan = vouchers.plan_seal(session, voucher_no)
                planned = time.time_ns()
                sealed = None
                if plan:
                    insist = keeper.insist
                    write = partial(vouchers.write_bag, plan, self._services.store, insist=insist)
                    sealed = self._services.bags.seal(write, insist)
        except gate.SealingRefused as refused:
            log.warning("sealing_refused", voucher_no=voucher_no, codes=refused.params["codes"])
            with self._database.write() as session:
                gate.note_refused(session, refused)
            self._rest_voucher(voucher_no, token)
            return
        except (YanpiaoError, OSError) as error:
            log.warning("sealing_failed", voucher_no=voucher_no, error=type(error).__name__)
            self._rest_voucher(voucher_no, token)
            raise
        seconds = time.monotonic() - began
        with self._database.write() as session:
            if not leases.end(session, Voucher, voucher_no, token):
                return
            if plan and sealed:
                policy = self._services.policy.again
                outcomes.record_sealing(session, plan, sealed, seconds, policy)
        for each in plan.documents if plan and sealed else ():
            tracing.past("voucher", each.id, looked, planned, voucher=voucher_no)
            tracing.past("seal", each.id, planned, voucher=voucher_no)

    def _held_back(self, voucher_no: str, token: str) -> bool:
        """Whether differences hold the voucher up; it is given free then, and a person decides."""
        with self._database.write() as session:
            held = vouchers.held_back(session, voucher_no, self._services.policy)
            if held is None:
                return False
            accounting.note_blocked(session, held)
            leases.end(session, Voucher, voucher_no, token)
        log.info("sealing_blocked", voucher_no=voucher_no, differences=len(held.blocking))
        return True

    def _rest_voucher(self, voucher_no: str, token: str) -> None:
        """Keep off a voucher that cannot be sealed, longer after each try: a damaged original
        does not mend itself, but a full disk may."""
        with self._database.write() as session:
            tries = session.get_one(Voucher, voucher_no).attempts
            pause = min(self._settings.lease_seconds * 2 ** min(tries, 12), _LONGEST_REST_SECONDS)
            leases.renew(session, Voucher, voucher_no, token, pause)

    # -- shared --------------------------------------------------------------------------

    def _take(self, document_id: str, states: tuple[State, ...]) -> tuple[Document, str] | None:
        """The document as it is now that it is leased, and the lease."""
        seconds = self._settings.lease_seconds
        with self._database.write() as session:
            token = leases.take(session, Document, document_id, seconds, states)
            return (session.get_one(Document, document_id), token) if token else None

    def _is_worn_out(self, document: Document) -> bool:
        """Whether the present try is one too many, however the earlier ones ended."""
        settings = self._settings
        return document.losses > settings.max_losses or document.failures > settings.max_tries

    def _release(self, document_id: str, token: str, *, keep_attempts: bool = True) -> None:
        with self._database.write() as session:
            leases.end(session, Document, document_id, token, keep_attempts=keep_attempts)

    def _keeper(self, table: leases.Row, key: str, token: str) -> LeaseKeeper:
        return LeaseKeeper(self._database, table, key, token, self._settings.lease_seconds)

    def _go_on(self, document: Document) -> None:
        """Enqueue what the document's new state asks for; its row is committed already."""
        client = self._services.redis
        if document.state in (State.RECEIVED, State.VERIFIED, State.IN_REVIEW):
            # In review a person will look at it: its pages are to be drawn.
            enqueue(client, Stage.OCR, document.id, share_of(document))
        elif document.state == State.READ:
            enqueue(client, Stage.VERIFY, document.id, share_of(document))
        if document.state in IN_MOTION:
            return  # its voucher waits for it
        with self._database.read() as session:
            ready = vouchers.ready_to_seal(session, document.voucher_no)
        if ready:
            enqueue(client, Stage.ARCHIVE, document.voucher_no)


def _invoice_of(document: Document) -> Invoice:
    if document.invoice is None:
        raise YanpiaoError(detail=f"document {document.id} was never read")
    return Invoice.model_validate(document.invoice.data)


def _kind_of(document: Document) -> Kind:
    return Kind(document.invoice.kind) if document.invoice is not None else Kind.UNKNOWN
