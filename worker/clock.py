"""The clock: brings back what stalled, what waited long enough, and what the inbox holds.

It asks only the database. So a wiped Redis, a killed worker or a machine that lost its power
costs nothing but the time until the next round.
"""

from __future__ import annotations

import datetime as dt
import signal
import threading
from collections.abc import Mapping

import redis
from sqlalchemy import or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from archive import leases, vouchers
from archive.records import Document, State, now
from extractors.errors import YanpiaoError
from verifiers.model import Reason
from worker import again
from worker.fair_queue import Share
from worker.housekeeping import Housekeeping
from worker.inspections import inspect_due
from worker.log import logger
from worker.meters import Meters
from worker.queues import Stage, enqueue, job_id, queued_keys
from worker.sending import Sending
from worker.services import Services
from worker.shares import share_of
from worker.voucher_folder import VoucherFolder
from worker.watch import WatchedFolder

log = logger("clock")

_ROUND_LIMIT = 5000
_FEW_AGAIN = 20
_LONGEST_BACK_OFF = dt.timedelta(hours=1)


def _rested(document: Document, moment: dt.datetime, pause: dt.timedelta) -> bool:
    """True once a document has lain still long enough: longer after each
    failed attempt, and after two whose worker was lost. What was
    changed in the future was so by a clock that has been put back: nobody knows how long it lies.
    """
    if document.updated_at > moment + pause:
        return True
    tries = document.failures + document.losses // 2
    wait = min(pause * 2 ** min(tries, 12), _LONGEST_BACK_OFF)
    rested: bool = document.updated_at + wait <= moment
    return rested


class Clock:
    """One round at a time; `run` repeats it until told to stop."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._watched = WatchedFolder(services)
        self._voucher_files = VoucherFolder(services)
        self._housekeeping = Housekeeping(services)
        self._pause = dt.timedelta(seconds=services.settings.clock_seconds)
        self._stop = threading.Event()

    def round(self) -> int:
        """Enqueue whatever should be on its way and is not; returns how many."""
        try:
            return (
                self._stalled(State.RECEIVED, Stage.OCR)
                + self._stalled(State.READ, Stage.VERIFY)
                + self._stalled(State.VERIFIED, Stage.OCR)
                + self._due()
                + self._due_again()
                + self._ready_vouchers()
            )
        except redis.RedisError as error:
            log.warning("broker_unreachable", error=type(error).__name__)
            return 0

    def _stalled(self, state: State, stage: Stage) -> int:
        moment = now()
        query = (
            select(Document)
            .where(
                Document.state == state,
                leases.free(Document, moment),
                or_(
                    Document.updated_at <= moment - self._pause,
                    Document.updated_at > moment + self._pause,
                ),
            )
            .order_by(Document.id)
            .limit(_ROUND_LIMIT)
        )
        with self._services.database.read() as session:
            stalled = [
                document
                for document in session.scalars(query)
                if _rested(document, moment, self._pause)
            ]
        return self._enqueue_documents(stage, stalled)

    def _due(self) -> int:
        self._call_back_for_the_desk()
        moment = now()
        query = (
            select(Document)
            .where(
                Document.state == State.WAITING,
                Document.next_try_at <= moment,
                leases.free(Document, moment),
            )
            .order_by(Document.next_try_at)
            .limit(_ROUND_LIMIT)
        )
        with self._services.database.read() as session:
            due = list(session.scalars(query))
        return self._enqueue_documents(Stage.VERIFY, due)

    def _due_again(self) -> int:
        """Archived documents to verify again, a few at a time and only while nothing else waits:
        each costs a person a captcha."""
        if queued_keys(self._services.redis, Stage.VERIFY):
            return 0
        with self._services.database.read() as session:
            due = again.due(session, _FEW_AGAIN)
        return self._enqueue_missing(Stage.VERIFY, due)

    def _call_back_for_the_desk(self) -> None:
        """Somebody sits at the desk: what found nobody there need not wait for its time."""
        if not self._services.desk.attended():
            return
        with self._services.database.write() as session:
            session.execute(
                update(Document)
                .where(
                    Document.state == State.WAITING,
                    Document.reason == Reason.CAPTCHA_UNANSWERED,
                    Document.next_try_at > now(),
                )
                .values(next_try_at=now())
            )

    def _ready_vouchers(self) -> int:
        with self._services.database.read() as session:
            ready = vouchers.vouchers_ready(session)
        return self._enqueue_missing(Stage.ARCHIVE, ready)

    def _enqueue_documents(self, stage: Stage, documents: list[Document]) -> int:
        shares = {document.id: share_of(document) for document in documents}
        return self._enqueue_missing(stage, list(shares), shares)

    def _enqueue_missing(
        self, stage: Stage, keys: list[str], shares: Mapping[str, Share] | None = None
    ) -> int:
        if not keys:
            return 0
        client = self._services.redis
        queued = queued_keys(client, stage)
        missing = [key for key in keys if job_id(stage, key) not in queued]
        share = shares or {}
        brought_back = sum(enqueue(client, stage, key, share.get(key, Share())) for key in missing)
        if brought_back:
            Meters(client).count("brought_back", stage, by=brought_back)
            log.info("brought_back", stage=stage, count=brought_back)
        return brought_back

    def run(self) -> None:
        """Round after round until SIGTERM or SIGINT; one that fails is logged, not fatal."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        sending = Sending(self._services)
        sending.start()
        while not self._stop.is_set():
            try:
                self._watched.scan()
                self._voucher_files.scan()
                self.round()
                self._housekeeping.round()
                inspect_due(self._services)
            except (SQLAlchemyError, redis.RedisError, OSError, YanpiaoError) as error:
                log.exception("round_failed", error=type(error).__name__)
            self._stop.wait(self._services.settings.clock_seconds)
        sending.stop()
