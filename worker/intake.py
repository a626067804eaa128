"""Intake: bytes come in, are measured, kept, recorded and enqueued, in that order.

A file that cannot be an invoice still gets its row, with the reason and what to do; only a
file over the size limit is not kept, and its row says so.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import redis
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from archive import audit, vouchers
from archive.database import Database
from archive.locking import one_writer
from archive.records import Batch, Document, State, Upload, new_id, now
from archive.store import Store, digest_of
from extractors.errors import DocumentError, FileTooLarge
from extractors.sniff import sniff
from worker import tracing
from worker.errors import FileMissing
from worker.log import logger
from worker.pressure import Pressure
from worker.queues import Stage, enqueue
from worker.settings import Settings
from worker.shares import SMALL_BATCH, share_of
from worker.states import move

log = logger("intake")

_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one handed-in file. `repeated`: these bytes were known already."""

    upload_id: str
    document_id: str
    name: str
    repeated: bool
    error: DocumentError | None = None


def clean_name(name: str) -> str:
    """A file name as a label only: the last part, printable, bounded; never used as a path."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(letter for letter in last if letter.isprintable()).strip()
    return printable[-_LONGEST_NAME:] or "unnamed"


def batch_voucher_no(batch_id: str) -> str:
    """The voucher number made for a batch that names none."""
    return f"B{now():%Y%m%d}-{batch_id[-8:].upper()}"


class Intake:
    """Takes files in for one data folder."""

    def __init__(
        self, settings: Settings, database: Database, store: Store, client: redis.Redis
    ) -> None:
        self._settings = settings
        self._database = database
        self._store = store
        self._redis = client
        self._pressure = Pressure(settings, database)

    def check_pressure(self) -> None:
        """Return when more may be taken in. Raises `Overloaded`."""
        self._pressure.check()

    def open_batch(
        self,
        channel: str,
        submitter: str = "",
        voucher_no: str | None = None,
        campus: str = "",
        *,
        admitted: bool = False,
    ) -> str:
        """Begin a batch and return its id; `submitter` is a person's id. Raises
        `BadVoucherNumber`, and `Overloaded` when nothing may be taken in now; whoever was
        `admitted` before that is not turned away half-way."""
        if not admitted:
            self.check_pressure()
        batch = Batch(id=new_id(), channel=channel, submitter=submitter, campus=campus)
        batch.voucher_no = voucher_no or batch_voucher_no(batch.id)
        actor = submitter or channel
        with self._database.write() as session:
            vouchers.ensure(session, batch.voucher_no, actor)
            session.add(batch)
            audit.record(session, "batch_opened", actor=actor, voucher_no=batch.voucher_no)
        return batch.id

    def accept_path(self, batch_id: str, path: Path) -> Receipt:
        """Take in a file of this machine. Raises `OSError` when it cannot be read."""
        with path.open("rb") as stream:
            return self.accept(batch_id, path.name, stream)

    def accept(self, batch_id: str, name: str, stream: BinaryIO) -> Receipt:
        """Take in one file. When this returns, the bytes and their row survive a power cut."""
        limit = self._settings.max_file_size
        content = stream.read(limit + 1)
        if len(content) > limit:
            return self._refuse_large(batch_id, clean_name(name), content, stream)
        sha256 = self._store.put(content)
        error: DocumentError | None = None
        media_type = ""
        try:
            media_type = sniff(content).value
        except DocumentError as fault:
            error = fault
        receipt = self._record(
            batch_id, clean_name(name), sha256, len(content), media_type, error, kept=True
        )
        # A disposal may have taken the same bytes away before their new row stood.
        self._store.put(content)
        return receipt

    def _refuse_large(self, batch_id: str, name: str, begun: bytes, stream: BinaryIO) -> Receipt:
        head, head_size = digest_of(BytesIO(begun))
        tail, tail_size = digest_of(stream)
        size = head_size + tail_size
        # Not the digest of the whole, which would need a second pass over a stream that may
        # not rewind: it only has to be the same for the same bytes.
        sha256, _ = digest_of(BytesIO(f"{head}{tail}".encode()))
        error = FileTooLarge(size=size, limit=self._settings.max_file_size)
        return self._record(batch_id, name, sha256, size, "", error, kept=False)

    def _record(
        self,
        batch_id: str,
        name: str,
        sha256: str,
        size: int,
        media_type: str,
        error: DocumentError | None,
        *,
        kept: bool,
    ) -> Receipt:
        began = time.time_ns()
        with self._database.write() as session:
            batch = session.get_one(Batch, batch_id)
            bulk = _is_bulk(session, batch_id)
            one_writer(session)  # the same bytes may be coming in by another hand
            parts = _parts(session, sha256)
            known = parts[0] if parts else None
            document = known or Document(
                id=new_id(),
                sha256=sha256,
                size=size,
                kept=kept,
                media_type=media_type,
                name=name,
                voucher_no=batch.voucher_no,
                submitter=batch.submitter,
                campus=batch.campus,
                bulk=bulk,
            )
            upload = Upload(
                id=new_id(),
                batch_id=batch_id,
                document_id=document.id,
                name=name,
                received_at=now(),
                repeated=known is not None,
            )
            if known is None:
                session.add(document)
                session.flush()
                self._record_new(session, batch, document, error)
            else:
                self._record_repeat(session, batch, document)
            session.add(upload)
            for part in parts[1:]:
                session.add(_upload(upload, part))
        tracing.handed_in(
            document.id, began, first=known is None, batch=batch_id, channel=batch.channel
        )
        if document.state == State.RECEIVED:
            enqueue(self._redis, Stage.OCR, document.id, share_of(document))
        log.info("document_received", document_id=document.id, repeated=upload.repeated)
        return Receipt(upload.id, document.id, name, upload.repeated, error)

    def _record_new(
        self, session: Session, batch: Batch, document: Document, error: DocumentError | None
    ) -> None:
        actor = batch.submitter or batch.channel
        audit.record(
            session,
            "document_received",
            actor=actor,
            document_id=document.id,
            voucher_no=document.voucher_no,
            detail={"sha256": document.sha256, "size": document.size, "channel": batch.channel},
        )
        if error is not None:
            move(session, document, State.FAILED, reason=error.code, params=error.params)

    def _record_repeat(self, session: Session, batch: Batch, document: Document) -> None:
        audit.record(
            session,
            "document_repeated",
            actor=batch.submitter or batch.channel,
            document_id=document.id,
            voucher_no=batch.voucher_no,
        )


def _parts(session: Session, sha256: str) -> Sequence[Document]:
    """The documents that these bytes are known as, in order; none for new bytes."""
    query = select(Document).where(Document.sha256 == sha256).order_by(Document.part)
    return session.scalars(query).unique().all()


def _is_bulk(session: Session, batch_id: str) -> bool:
    """Whether the batch has had so many files that the next ones give way to others."""
    first = select(Upload.id).where(Upload.batch_id == batch_id).limit(SMALL_BATCH).subquery()
    return (session.scalar(select(func.count()).select_from(first)) or 0) >= SMALL_BATCH


def _upload(first: Upload, part: Document) -> Upload:
    """The same act of handing in, as it concerns a further part of the file."""
    return Upload(
        id=new_id(),
        batch_id=first.batch_id,
        document_id=part.id,
        name=first.name,
        received_at=first.received_at,
        repeated=first.repeated,
    )


def files_in(paths: list[Path]) -> list[Path]:
    """The files meant by a list of files and folders, folders in order of name, hidden ones
    left out. Raises `FileMissing` for a path at which there is nothing."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(
                child
                for child in path.rglob("*")
                if child.is_file() and not child.name.startswith(".")
            )
        elif path.is_file():
            found.append(path)
        else:
            raise FileMissing(path=path)
    return found
