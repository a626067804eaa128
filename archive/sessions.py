"""Sessions: who is signed in, in which browser. The cookie holds a random token; the database only
its digest, and only until the session has rested or lived too long."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from archive import audit
from archive.people import Person, PersonSession
from archive.records import now
from archive.secrets import digest_of_token, new_token

#: A session's last use is written at most this often.
_REMEMBERED_EVERY = dt.timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session may rest, and live at all."""

    idle: dt.timedelta
    longest: dt.timedelta


def begin(
    session: Session,
    person: Person,
    *,
    address: str = "",
    browser: str = "",
    factor_proved: bool = False,
) -> str:
    """Sign in, in one browser: always a new token, so that none known before counts."""
    token = new_token()
    session.add(
        PersonSession(
            token_hash=digest_of_token(token),
            person_id=person.id,
            factor_at=now() if factor_proved else None,
            address=address[:64],
            browser=browser[:160],
        )
    )
    audit.record(session, "signed_in", actor=person.id)
    return token


def find(session: Session, token: str, limits: Limits) -> PersonSession | None:
    """The session of a cookie, with its person; None when there is none, or it is over, or the
    account is locked."""
    found = session.get(PersonSession, digest_of_token(token))
    if found is None or found.person.disabled_at is not None:
        return None
    moment = now()
    rested, lived = moment - found.seen_at, moment - found.created_at
    return None if rested > limits.idle or lived > limits.longest else found


def is_stale(found: PersonSession) -> bool:
    """Whether its last use ought to be written down again."""
    return now() - found.seen_at > _REMEMBERED_EVERY


def touch(session: Session, token_hash: str) -> None:
    """Remember that the session was used just now."""
    if (found := session.get(PersonSession, token_hash)) is not None:
        found.seen_at = now()


def prove_factor(session: Session, token_hash: str) -> None:
    """Remember that the second factor was proved in this session."""
    if (found := session.get(PersonSession, token_hash)) is not None:
        found.factor_at = now()


def end(session: Session, token: str) -> None:
    """Sign out."""
    found = session.get(PersonSession, digest_of_token(token))
    if found is not None:
        audit.record(session, "signed_out", actor=found.person_id)
        session.delete(found)


def of_person(session: Session, person_id: str, limits: Limits) -> list[PersonSession]:
    """The person's living sessions, latest use first."""
    moment = now()
    query = (
        select(PersonSession)
        .where(
            PersonSession.person_id == person_id,
            PersonSession.seen_at > moment - limits.idle,
            PersonSession.created_at > moment - limits.longest,
        )
        .order_by(PersonSession.seen_at.desc())
    )
    return list(session.scalars(query))


def forget_old(session: Session, limits: Limits) -> None:
    """Throw away the sessions that are over."""
    moment = now()
    session.execute(
        delete(PersonSession).where(
            or_(
                PersonSession.seen_at < moment - limits.idle,
                PersonSession.created_at < moment - limits.longest,
            )
        )
    )
