"""Guessing is slow: failed sign-ins are counted by account and by address, in the database, so that
a restart forgets nothing. An attempt is counted before the password is looked at, hence many at
once gain nothing; one that succeeds is taken back."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from archive.people import LoginThrottle
from archive.records import now
from archive.secrets import digest_of_token

_FORGOTTEN_AFTER = dt.timedelta(days=1)
_FIRST_PAUSE = dt.timedelta(seconds=30)
_LONGEST_PAUSE = dt.timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Counter:
    """What is counted, and how many failures are free."""

    key: str
    free: int


def account(login: str) -> Counter:
    """Failures at one login, whether anybody has it or not: so nobody learns who is there."""
    return Counter(f"account:{digest_of_token(login.strip().lower())}", 5)


def address(host: str) -> Counter:
    """Failures from one address; a whole office may stand behind it."""
    return Counter(f"address:{host}"[:96], 30)


def factor(person_id: str) -> Counter:
    """Failures at the second factor: six digits would not stand long guessing."""
    return Counter(f"factor:{person_id}", 5)


def attempt(session: Session, *counters: Counter) -> dt.timedelta | None:
    """Count one attempt. None: it may be looked at; else how long nothing is."""
    moment = now()
    rows = [_row(session, counter, moment) for counter in counters]
    waits = [row.blocked_until - moment for row in rows if row.blocked_until is not None]
    if waits and max(waits) > dt.timedelta(0):
        return max(waits)
    for row, counter in zip(rows, counters, strict=True):
        row.failures += 1
        row.last_at = moment
        beyond = row.failures - counter.free
        if beyond >= 0:
            pause = _FIRST_PAUSE * 2 ** min(beyond, 10)
            row.blocked_until = moment + min(pause, _LONGEST_PAUSE)
    return None


def _row(session: Session, counter: Counter, moment: dt.datetime) -> LoginThrottle:
    row = session.get(LoginThrottle, counter.key, with_for_update=True)
    if row is not None and moment - row.last_at > _FORGOTTEN_AFTER:
        session.delete(row)
        session.flush()
        row = None
    if row is None:
        row = LoginThrottle(key=counter.key, failures=0, last_at=moment, blocked_until=None)
        try:
            with session.begin_nested():
                session.add(row)
        except IntegrityError:  # another attempt at the same moment was the first
            row = session.get_one(LoginThrottle, counter.key, with_for_update=True)
    return row


def succeeded(session: Session, *counters: Counter) -> None:
    """The attempt was right: an account starts afresh, an address gets this one back. Otherwise
    an attacker with one good account could clear the way by signing in to it."""
    for counter in counters:
        if counter.key.startswith("address:"):
            row = session.get(LoginThrottle, counter.key, with_for_update=True)
            if row is not None:
                row.failures = max(0, row.failures - 1)
                if row.failures < counter.free:
                    row.blocked_until = None
        else:
            session.execute(delete(LoginThrottle).where(LoginThrottle.key == counter.key))
