"""One writer at a time where an order must hold: the audit chain, and distinct names."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

#: Any number, as long as nothing else in the database uses it.
_LOCK = 0x59616E7069616F


def one_writer(session: Session) -> None:
    """Wait until no other transaction holds this lock, and hold it until the end of this one.

    SQLite's writers hold the whole database already (BEGIN IMMEDIATE, `archive.database`).
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
