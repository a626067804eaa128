"""Digests of rows in the audit trail: of decisions, holds, disposal lists, people and what they may
do, which no bag vouches for.

Of a table that names its guarded columns in `__proven__`, the trail holds the digest of each row as
a transaction left it (none for one that was taken away): with the next deed that is recorded, or
from the writing sessions of `archive.database` at the end of the transaction.
`archive.row_agreement` holds the rows against it. Bulk statements go around the sessions, so these
tables are written by way of mapped rows only.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from decimal import Decimal
from typing import Any

from sqlalchemy import event, inspect
from sqlalchemy.orm import Session, object_session

from archive.records import Base

_TOUCHED = "rows touched and not yet in the trail"


def key_of(row: Base) -> str:
    """`table:key`, the parts of a longer key parted by `/`."""
    state = inspect(row)
    key = "/".join(str(part) for part in state.mapper.primary_key_from_instance(row))
    return f"{row.__tablename__}:{key}"


def digest_of(row: Base) -> str:
    """SHA-256 in hex over the guarded columns that say anything, and their names: a column that is
    added later, and is empty in older rows, changes no digest."""
    values = ((name, _plain(getattr(row, name))) for name in row.__proven__)
    said = [row.__tablename__, *(pair for pair in values if pair[1] is not None)]
    body = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(body.encode()).hexdigest()


def _plain(value: object) -> object:
    """The value as JSON, the same before it is written and after it was read back."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(timespec="microseconds")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return value


def _touch(row: Base) -> None:
    session = object_session(row)
    if session is not None:
        touched: dict[str, Base] = session.info.setdefault(_TOUCHED, {})
        touched[key_of(row)] = row


# By mapper rather than by flush: a row that was taken out of its owner's list is deleted without
# standing in `session.deleted`.
@event.listens_for(Base, "after_insert", propagate=True)
@event.listens_for(Base, "after_delete", propagate=True)
def _come_or_gone(_mapper: object, _connection: object, row: Base) -> None:
    if row.__proven__:
        _touch(row)


@event.listens_for(Base, "after_update", propagate=True)
def _changed(_mapper: object, _connection: object, row: Base) -> None:
    if row.__proven__:
        attributes = inspect(row).attrs
        if any(attributes[name].history.has_changes() for name in row.__proven__):
            _touch(row)


def _guarded(row: Base) -> bool:
    """Whether writing this row may touch a guarded one: itself, or one of those that it owns."""
    owned = (each.mapper.class_ for each in inspect(row).mapper.relationships if each.uselist)
    return bool(row.__proven__) or any(each.__proven__ for each in owned)


def pending(session: Session) -> dict[str, str | None]:
    """Digest by key of each row that was touched and is not in the trail yet, None for one that was
    taken away; they are pending no longer."""
    if any(_guarded(row) for row in (*session.new, *session.dirty, *session.deleted)):
        session.flush()
    touched: dict[str, Base] = session.info.pop(_TOUCHED, {})
    found: dict[str, str | None] = {}
    for key, row in touched.items():
        state: Any = inspect(row)
        if state.persistent:
            found[key] = digest_of(row)
        elif state.deleted:
            found[key] = None
        # Anything else was rolled back to a savepoint: it never was.
    return found
