"""Files that come in pieces: begun, continued where they broke off, and taken in once whole.

The row says how much of a file is durably here; the piece's file on the disk may be longer after a
crash, and what is beyond is written again. So the server may be killed, and the phone may lose its
network or reload its page, at any moment.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from archive import audit
from archive.actors import Actor
from archive.bags import check_voucher_no
from archive.claiming import Claim, Transfer
from archive.records import Document, State, now
from extractors.errors import FileTooLarge, YanpiaoError
from worker.errors import TooManyFiles, UnknownDocument
from worker.intake import Receipt, clean_name
from worker.log import logger
from worker.opening import unpacked
from worker.retaking import claim_of
from worker.review.errors import NotNow
from worker.review.replacing import replaceable, take_better
from worker.services import Services
from worker.settings import Settings
from worker.unpacking import Limits, is_bundle

log = logger("transfers")

#: A file that nobody continued for so long is not waited for any more.
ABANDONED = dt.timedelta(days=3)
_LONGEST_NOTE = 500


class UnknownTransfer(YanpiaoError):
    code = "unknown_transfer"


class WrongOffset(YanpiaoError):
    """The piece does not begin where the last one ended; `offset` says where that is."""

    code = "wrong_offset"


class TransferBusy(YanpiaoError):
    """Another request is writing this very file."""

    code = "transfer_busy"
    retryable = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file: `document_id` "" where it could not even be kept. `repeated`: it
    was known already; then `own` says whether the person handed it in, `state` where it stands."""

    name: str
    document_id: str = ""
    repeated: bool = False
    own: bool = False
    state: str = ""
    error: str = ""
    error_params: dict[str, str] | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Transfers:
    """Files on their way into one data folder."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._folder = services.settings.root / "transfers"

    # -- claims ----------------------------------------------------------------------------

    def open_claim(self, actor: Actor, campus: str, voucher_no: str, note: str) -> Claim:
        """Begin to hand in. Raises `BadVoucherNumber`, or `Overloaded`."""
        self._services.intake.check_pressure()
        if voucher_no:
            check_voucher_no(voucher_no)
        claim = Claim(
            person_id=actor.id,
            campus=campus,
            voucher_no=voucher_no,
            note=note.strip()[:_LONGEST_NOTE],
        )
        with self._services.database.write() as session:
            session.add(claim)
        return claim

    def claim_for_better(self, actor: Actor, document_id: str) -> str:
        """The id of the claim that a better picture of this document comes in: its own, or one
        made now for what was not handed in on a page. Raises `UnknownDocument` for somebody
        else's, and `Overloaded`."""
        with self._services.database.read() as session:
            old = session.get(Document, document_id)
            if old is None or old.submitter != actor.id:
                raise UnknownDocument(id=document_id)
            known = claim_of(session, old)
        return (known or self.open_claim(actor, old.campus, old.voucher_no, "")).id

    def batch_of(self, claim_id: str, actor: Actor) -> str:
        """The claim's batch, opened with its first file."""
        with self._services.database.read() as session:
            claim = _claim(session, claim_id, actor)
        if claim.batch_id is not None:
            return claim.batch_id
        batch_id = self._services.intake.open_batch(
            "web", actor.id, claim.voucher_no or None, claim.campus, admitted=True
        )
        with self._services.database.write() as session:
            kept = _claim(session, claim_id, actor)
            # Two files of a claim may end at once; the batch that was first is everybody's.
            kept.batch_id = kept.batch_id or batch_id
            return kept.batch_id

    def take_better(self, actor: Actor, document_id: str, name: str, stream: BinaryIO) -> str:
        """A whole file in a document's place; the new document's id. Raises what
        `worker.review.replacing.take_better` does, and `Overloaded`."""
        batch_id = self.batch_of(self.claim_for_better(actor, document_id), actor)
        return take_better(self._services, actor, document_id, batch_id, name, stream)

    # -- pieces ----------------------------------------------------------------------------

    def begin(self, actor: Actor, claim_id: str, name: str, size: int) -> Transfer:
        """Announce a file. Raises `UnknownTransfer`, `FileTooLarge` or `TooManyFiles`."""
        bundle = name.lower().endswith(".zip")
        settings = self._services.settings
        limit = settings.max_upload_size if bundle else settings.max_file_size
        return self._begin(actor, claim_id, name, size, limit)

    def begin_better(self, actor: Actor, document_id: str, name: str, size: int) -> Transfer:
        """Announce a file that is to take the place of a document. Raises `UnknownDocument`,
        `NotNow`, and what `begin` does."""
        claim_id = self.claim_for_better(actor, document_id)
        with self._services.database.read() as session:
            old = session.get_one(Document, document_id)
            if not replaceable(session, old):
                raise NotNow(action="replace", state=old.state)
        limit = self._services.settings.max_file_size
        return self._begin(actor, claim_id, name, size, limit, document_id)

    def _begin(
        self,
        actor: Actor,
        claim_id: str,
        name: str,
        size: int,
        limit: int,
        replaces: str | None = None,
    ) -> Transfer:
        settings = self._services.settings
        if size > limit:
            raise FileTooLarge(size=size, limit=limit)
        with self._services.database.write() as session:
            _claim(session, claim_id, actor)
            query = select(func.count(Transfer.id)).where(
                Transfer.person_id == actor.id, Transfer.finished_at.is_(None)
            )
            if (session.scalar(query) or 0) >= settings.max_files:
                raise TooManyFiles(limit=settings.max_files, count=settings.max_files + 1)
            transfer = Transfer(
                claim_id=claim_id,
                person_id=actor.id,
                replaces=replaces,
                name=clean_name(name),
                size=size,
            )
            session.add(transfer)
        return transfer

    def get(self, actor: Actor, transfer_id: str) -> Transfer:
        """The person's own transfer. Raises `UnknownTransfer`."""
        with self._services.database.read() as session:
            return _transfer(session, transfer_id, actor)

    def unfinished(self, actor: Actor) -> list[Transfer]:
        """What the person began and has not ended, oldest first."""
        query = select(Transfer).where(
            Transfer.person_id == actor.id, Transfer.finished_at.is_(None)
        )
        with self._services.database.read() as session:
            return list(session.scalars(query.order_by(Transfer.id)))

    def append(self, actor: Actor, transfer_id: str, offset: int, piece: bytes) -> Transfer:
        """Write a piece; the transfer that comes back says how far the file has come, and once
        it is whole, what became of it.

        Raises `UnknownTransfer`, `WrongOffset`, `TransferBusy`, or `FileTooLarge` for more than
        was announced. Repeating the last piece of a finished file changes nothing.
        """
        transfer = self.get(actor, transfer_id)
        if transfer.finished_at is not None:
            return transfer
        with self._alone(transfer_id) as part:
            transfer = self.get(actor, transfer_id)
            if offset != transfer.offset:
                raise WrongOffset(offset=transfer.offset)
            reached = offset + len(piece)
            if reached > transfer.size:
                raise FileTooLarge(size=reached, limit=transfer.size)
            _write(part, offset, piece)
            self._note(transfer_id, offset=reached, updated_at=now())
            if reached == transfer.size:
                self._finish(actor, transfer, part)
        return self.get(actor, transfer_id)

    def drop(self, actor: Actor, transfer_id: str) -> None:
        """The person does not want to hand this file in after all."""
        with self._services.database.write() as session:
            session.delete(_transfer(session, transfer_id, actor))
        self._part(transfer_id).unlink(missing_ok=True)

    def sweep(self) -> int:
        """Forget files that nobody continued for days, and pieces without a row; how many."""
        oldest = now() - ABANDONED
        stale = select(Transfer).where(Transfer.finished_at.is_(None), Transfer.updated_at < oldest)
        with self._services.database.write() as session:
            gone = list(session.scalars(stale))
            for transfer in gone:
                session.delete(transfer)
        for transfer in gone:
            self._part(transfer.id).unlink(missing_ok=True)
        return len(gone)

    # -- one file --------------------------------------------------------------------------

    def _part(self, transfer_id: str) -> Path:
        return self._folder / f"{transfer_id}.part"

    @contextmanager
    def _alone(self, transfer_id: str) -> Iterator[BinaryIO]:
        """The piece's file, for one request at a time."""
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._part(transfer_id), os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b") as part:
            try:
                fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise TransferBusy from None
            yield part

    def _note(self, transfer_id: str, **values: object) -> None:
        with self._services.database.write() as session:
            transfer = session.get_one(Transfer, transfer_id)
            for name, value in values.items():
                setattr(transfer, name, value)

    def _finish(self, actor: Actor, transfer: Transfer, part: BinaryIO) -> None:
        batch_id = self.batch_of(transfer.claim_id, actor)
        part.seek(0)
        outcomes: Sequence[Outcome]
        if transfer.replaces is None:
            outcomes = take_in(self._services, actor, batch_id, transfer.name, part)
        else:
            outcomes = (self._better(actor, transfer, transfer.replaces, batch_id, part),)
        self._note(
            transfer.id, finished_at=now(), outcome=[outcome.to_json() for outcome in outcomes]
        )
        # The bytes lie in the store now; a piece that outlives a crash here is a finished one's,
        # and taking it in again would only find it known.
        self._part(transfer.id).unlink(missing_ok=True)

    def _better(
        self, actor: Actor, transfer: Transfer, old: str, batch_id: str, part: BinaryIO
    ) -> Outcome:
        """Let the file take a document's place; why not, where that is for good."""
        try:
            new = take_better(self._services, actor, old, batch_id, transfer.name, part)
        except YanpiaoError as error:
            if error.retryable:
                raise
            return _refused(transfer.name, error)
        return Outcome(transfer.name, document_id=new, own=True)

    # -- known already ---------------------------------------------------------------------

    def known(self, actor: Actor, sha256: str) -> Outcome | None:
        """What is known of these bytes before they are sent; that somebody was told so is
        written down, because it is a duplicate that was caught."""
        with self._services.database.read() as session:
            document = session.scalars(
                select(Document).where(Document.sha256 == sha256).order_by(Document.part)
            ).first()
        if document is None:
            return None
        with self._services.database.write() as session:
            audit.record(session, "duplicate_noticed", actor=actor.id, document_id=document.id)
        return Outcome(
            name=document.name if document.submitter == actor.id else "",
            document_id=document.id,
            repeated=True,
            own=document.submitter == actor.id,
            state=document.state,
        )


def take_in(
    services: Services, actor: Actor, batch_id: str, name: str, stream: BinaryIO
) -> Sequence[Outcome]:
    """Take in a whole file, or every file of a ZIP."""
    if not is_bundle(stream):
        return (_outcome(services, actor, services.intake.accept(batch_id, name, stream)),)
    return _take_bundle(services, actor, batch_id, name, stream)


def _take_bundle(
    services: Services, actor: Actor, batch_id: str, name: str, stream: BinaryIO
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    try:
        for entry in unpacked(services.settings, stream, _limits(services.settings)):
            if entry.error is not None:
                outcomes.append(_refused(clean_name(entry.name), entry.error))
            else:
                receipt = services.intake.accept(batch_id, entry.name, BytesIO(entry.content))
                outcomes.append(_outcome(services, actor, receipt))
    except YanpiaoError as error:
        log.info("bundle_refused", reason=error.code)
        outcomes.append(_refused(name, error))
    return outcomes


def check_bundle(settings: Settings, stream: BinaryIO) -> None:
    """Raises what a ZIP as a whole is refused for; the stream is left at its beginning."""
    with closing(unpacked(settings, stream, _limits(settings))) as entries:
        next(entries, None)
    stream.seek(0)


def _limits(settings: Settings) -> Limits:
    return Limits(settings.max_files, settings.max_file_size, settings.max_upload_size)


def _refused(name: str, error: YanpiaoError) -> Outcome:
    params = {key: str(value) for key, value in error.params.items()}
    return Outcome(name, error=error.code, error_params=params)


def _outcome(services: Services, actor: Actor, receipt: Receipt) -> Outcome:
    with services.database.read() as session:
        document = session.get_one(Document, receipt.document_id)
    error = receipt.error
    return Outcome(
        name=receipt.name,
        document_id=receipt.document_id,
        repeated=receipt.repeated,
        own=document.submitter == actor.id,
        state=State(document.state),
        error=error.code if error else "",
        error_params={key: str(value) for key, value in error.params.items()} if error else None,
    )


def _claim(session: Session, claim_id: str, actor: Actor) -> Claim:
    claim = session.get(Claim, claim_id)
    if claim is None or claim.person_id != actor.id:
        raise UnknownTransfer(id=claim_id)
    return claim


def _transfer(session: Session, transfer_id: str, actor: Actor) -> Transfer:
    transfer = session.get(Transfer, transfer_id)
    if transfer is None or transfer.person_id != actor.id:
        raise UnknownTransfer(id=transfer_id)
    return transfer


def _write(part: BinaryIO, offset: int, piece: bytes) -> None:
    """Write a piece at its place, cut off what a crash left behind it, and reach the disk."""
    part.truncate(offset)
    part.seek(offset)
    part.write(piece)
    part.flush()
    os.fsync(part.fileno())
