"""Idempotency keys: a request that is sent again, because its answer was lost, gets that answer and
does nothing a second time (draft-ietf-httpapi-idempotency-key-header)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import ForeignKey, String, Text, delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from archive.records import Base, now
from extractors.errors import YanpiaoError

_KEPT = dt.timedelta(days=1)
#: A request that has not ended by then was killed; the next may do it.
_LONGEST = dt.timedelta(minutes=5)


class RequestKey(Base):
    """A request that carried a key, what it asked, and what was answered."""

    __tablename__ = "request_keys"

    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    #: SHA-256 of what was asked.
    asked: Mapped[str] = mapped_column(String(64))
    begun_at: Mapped[dt.datetime] = mapped_column(default=now)
    #: None while it is being done.
    status: Mapped[int | None]
    body: Mapped[str] = mapped_column(Text, default="")


class KeyReused(YanpiaoError):
    """The key was used for something else."""

    code = "key_reused"


class StillBeingDone(YanpiaoError):
    """The first request with this key has not been answered yet."""

    code = "still_being_done"
    retryable = True


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: str


def begin(session: Session, person_id: str, key: str, asked: str) -> Answer | None:
    """Take the key for this request; the answer, where it was done before. Raises `KeyReused`,
    `StillBeingDone`."""
    session.execute(delete(RequestKey).where(RequestKey.begun_at < now() - _KEPT))
    row = session.get(RequestKey, (person_id, key), with_for_update=True)
    if row is not None:
        if row.asked != asked:
            raise KeyReused
        if row.status is not None:
            return Answer(row.status, row.body)
        if abs(now() - row.begun_at) < _LONGEST:
            raise StillBeingDone
        row.begun_at = now()
        return None
    row = RequestKey(person_id=person_id, key=key, asked=asked, begun_at=now(), status=None)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:  # the same came twice at the same moment
        raise StillBeingDone from error
    return None


def end(session: Session, person_id: str, key: str, answer: Answer | None) -> None:
    """Keep the answer; None lets the key go, for a request that did nothing."""
    row = session.get_one(RequestKey, (person_id, key))
    if answer is None:
        session.delete(row)
    else:
        row.status, row.body = answer.status, answer.body
