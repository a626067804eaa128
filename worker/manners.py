"""The good manners that all workers share: the lane's state and each invoice's checks in the
database, the pace in Redis."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.exc import IntegrityError

from archive import checks
from archive.records import now
from verifiers.model import PortalKeys, Reason
from verifiers.outcome import CHINA
from verifiers.portal.layout import load_layout
from verifiers.portal.manners import Manners, refused
from worker.lanes import Lanes
from worker.pace import Pace
from worker.services import Services


class SharedManners(Manners):
    """`verifiers.portal.manners.Manners` over processes and machines."""

    def __init__(self, services: Services) -> None:
        settings = services.settings
        self._database = services.database
        self._portal = str(settings.portal_url)
        self._lanes = Lanes(services.database, self._portal)
        self._pace = Pace(
            services.database,
            services.redis,
            self._portal,
            per_minute=settings.portal_per_minute,
            per_day=settings.portal_per_day,
        )
        self._checks_a_day = load_layout().limits.checks_a_day

    def stopped(self) -> Reason | None:
        return self._lanes.stopped()

    def stop(self, reason: Reason) -> None:
        self._lanes.stop(reason)

    def patience(self) -> dt.datetime | None:
        return self._lanes.patience()

    def back_off(self, planned: dt.datetime) -> dt.datetime:
        return self._lanes.back_off(planned)

    def welcome(self) -> None:
        self._lanes.welcome()

    def turn(self) -> dt.timedelta | None:
        return self._pace.turn()

    def checks_left(self, keys: PortalKeys) -> int:
        with self._database.read() as session:
            used = checks.used(session, self._portal, _invoice(keys), _today())
        return self._checks_a_day - used

    def begin_check(self, keys: PortalKeys, document_id: str) -> Reason | None:
        reason = refused(self, now())
        if reason is not None:
            return reason
        try:
            with self._database.write() as session:
                taken = checks.take(
                    session,
                    self._portal,
                    _invoice(keys),
                    _today(),
                    document_id,
                    self._checks_a_day,
                )
        except IntegrityError:  # another worker checks the same invoice at this very moment
            return Reason.DAILY_LIMIT
        return None if taken else Reason.DAILY_LIMIT

    def uncount_check(self, keys: PortalKeys) -> None:
        with self._database.write() as session:
            checks.give_back(session, self._portal, _invoice(keys), _today())


def _invoice(keys: PortalKeys) -> str:
    return f"{keys.invoice_code}:{keys.invoice_number}"


def _today() -> dt.date:
    """The calendar day that the tax authority counts by."""
    return now().astimezone(CHINA).date()
