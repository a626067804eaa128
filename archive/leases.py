"""Leases: one worker at a time on one row, and a dead worker's row set free by the clock.

A lease is taken, renewed and ended by single guarded updates, so it holds across processes
and machines; whoever lost it finds out at `end` and must drop its result.
"""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Any

from sqlalchemy import CursorResult, or_, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from archive.records import Document, Voucher, now

Row = type[Document] | type[Voucher]


def _key(table: Row) -> InstrumentedAttribute[str]:
    return Document.id if table is Document else Voucher.voucher_no


def _changed(result: Any) -> bool:
    return isinstance(result, CursorResult) and result.rowcount == 1


def take(
    session: Session,
    table: Row,
    key: str,
    seconds: float,
    states: tuple[str, ...] | None = None,
) -> str | None:
    """Lease the row and count the attempt; None if it is leased, gone, or in another state."""
    moment = now()
    token = secrets.token_hex(16)
    conditions = [
        _key(table) == key,
        or_(table.lease_until.is_(None), table.lease_until < moment),
    ]
    if states is not None:
        conditions.append(Document.state.in_(states))
    statement = (
        update(table)
        .where(*conditions)
        .values(
            lease=token,
            lease_until=moment + dt.timedelta(seconds=seconds),
            attempts=table.attempts + 1,
        )
        .execution_options(synchronize_session=False)
    )
    return token if _changed(session.execute(statement)) else None


def renew(session: Session, table: Row, key: str, token: str, seconds: float) -> bool:
    """Hold on for `seconds` more; False when the lease is no longer ours."""
    statement = (
        update(table)
        .where(_key(table) == key, table.lease == token)
        .values(lease_until=now() + dt.timedelta(seconds=seconds))
        .execution_options(synchronize_session=False)
    )
    return _changed(session.execute(statement))


def end(session: Session, table: Row, key: str, token: str, *, keep_attempts: bool = False) -> bool:
    """Give the lease up inside the transaction that writes the result.

    False when another worker has taken over meanwhile: then nothing may be written.
    """
    values: dict[str, object] = {"lease": None, "lease_until": None}
    if not keep_attempts:
        values["attempts"] = 0
    statement = (
        update(table)
        .where(_key(table) == key, table.lease == token)
        .values(values)
        .execution_options(synchronize_session=False)
    )
    return _changed(session.execute(statement))
