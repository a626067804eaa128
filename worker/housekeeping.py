"""What the clock does beside moving documents: writes down what people and other systems are to be
told (`worker.sending` sends it), keeps the dashboard's figures, signs the audit trail's head, and
forgets files that nobody finished."""

from __future__ import annotations

import time

from worker import webhooks
from worker.alarms import Alarms
from worker.audit_signing import AuditSigner
from worker.figures import Figuring
from worker.living import clear_left_overs
from worker.log import logger
from worker.notices import Notices
from worker.outgoing import senders
from worker.services import Services
from worker.tallying import Tallying
from worker.transfers import Transfers

log = logger("housekeeping")

_TIDY_SECONDS = 20


class Housekeeping:
    """One `round` after another, each after what happened since the last."""

    def __init__(self, services: Services) -> None:
        self._services = services
        ways = senders(services.settings)
        groups = sorted(set(ways) - {"email"})
        self._notices = Notices(services.database, groups, mail="email" in ways)
        self._transfers = Transfers(services)
        self._signer = AuditSigner(services.settings, services.database)
        self._alarms = Alarms(services)
        self._figures = Figuring(services.database)
        self._store = services.store
        self._tidied = float("-inf")
        self._tallies = Tallying(services.database)

    def round(self) -> None:
        self._alarms.round()
        self._notices.round()
        webhooks.follow(self._services)
        self._transfers.sweep()
        self._tidy()
        self._signer.round()
        self._figures.round()
        self._tallies.round()

    def _tidy(self) -> None:
        """Files that killed processes left half written are thrown away."""
        if time.monotonic() - self._tidied < _TIDY_SECONDS:
            return
        self._tidied = time.monotonic()
        clear_left_overs()
        if count := self._store.tidy():
            log.info("left_overs_cleared", count=count)
