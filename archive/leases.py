"""Leases: one worker at a time on one row, and a dead worker's row set free by the clock.

A lease is taken, renewed and ended by single guarded updates, so it holds across processes
and machines; whoever lost it finds out at `end` and must drop its result.
"""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, case, or_, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from archive.records import Document, Voucher, now

Row = type[Document] | type[Voucher]

#: Nothing is held for so long: such a lease was given by a clock that has been put back since.
_LONGEST = dt.timedelta(hours=2)


def free(table: Row, moment: dt.datetime) -> ColumnElement[bool]:
    """The condition that nobody works on the row."""
    until = table.lease_until
    return or_(until.is_(None), until < moment, until > moment + _LONGEST)


def is_held(row: Document | Voucher, moment: dt.datetime) -> bool:
    """Whether somebody works on the row."""
    return row.lease_until is not None and moment <= row.lease_until <= moment + _LONGEST


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
    """Lease the row and count the attempt, and the one before as lost where it never ended; None if
    the row is leased, gone, or in another state."""
    moment = now()
    token = secrets.token_hex(16)
    conditions = [
        _key(table) == key,
        free(table, moment),
    ]
    if states is not None:
        conditions.append(Document.state.in_(states))
    values: dict[str, object] = {
        "lease": token,
        "lease_until": moment + dt.timedelta(seconds=seconds),
        "attempts": table.attempts + 1,
    }
    if table is Document:  # who left a lease behind did not come to its end
        values["losses"] = Document.losses + case((Document.lease.is_not(None), 1), else_=0)
    statement = (
        update(table).where(*conditions).values(values).execution_options(synchronize_session=False)
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
        values |= dict.fromkeys(("attempts", "losses") if table is Document else ("attempts",), 0)
    statement = (
        update(table)
        .where(_key(table) == key, table.lease == token)
        .values(values)
        .execution_options(synchronize_session=False)
    )
    return _changed(session.execute(statement))
