"""The guarded rows (`archive.row_proof`) against the digests that the audit trail holds of them."""

from __future__ import annotations

import json

from sqlalchemy import select
from sqlalchemy.orm import Session

from archive import audit
from archive.locking import one_writer
from archive.noticing import Walk
from archive.readable import unreadable
from archive.records import AuditRow, Base
from archive.row_proof import digest_of, key_of
from archive.tables import MODULES

#: The deed by which rows that are older than this proof entered it, once in a database's life.
ADOPTED = "rows_adopted"
_A_DEED = 200


def guarded() -> list[type[Base]]:
    """Every mapped class that names guarded columns, in the order of its table's name."""
    assert MODULES  # noqa: S101 - named, so that importing them is seen to be what makes them known
    found = {mapper.class_ for mapper in Base.registry.mappers if mapper.class_.__proven__}
    return sorted(found, key=lambda each: str(each.__tablename__))


def begin(session: Session) -> None:
    """Take the rows of an older database into the trail; does nothing a second time."""
    done = select(Walk.name).where(Walk.name == ADOPTED)
    if session.scalar(done) is not None:
        return
    one_writer(session)
    if session.scalar(done) is not None:
        return  # another process came first
    session.add(Walk(name=ADOPTED, seq=0))
    rows = [
        (key_of(row), digest_of(row)) for each in guarded() for row in session.scalars(select(each))
    ]
    for start in range(0, len(rows), _A_DEED):
        some = dict(rows[start : start + _A_DEED])
        audit.record(session, ADOPTED, detail={"rows": some})


def differing(session: Session) -> list[str]:
    """Every guarded row that is not as the trail has it, is missing, or is not known to it."""
    tables = guarded()
    if faults := unreadable(session, tables):
        return faults
    said, faults = _said(session)
    for each in tables:
        for row in session.scalars(select(each)).yield_per(1000):
            key = key_of(row)
            called = f"{each.__tablename__} row {key.partition(':')[2]}"
            if said.get(key) is None:
                faults.append(f"{called}: the audit trail does not know it")
            elif said[key] != digest_of(row):
                faults.append(f"{called}: not as the audit trail has it")
            said.pop(key, None)
    for key, digest in said.items():
        if digest is not None:
            table, _, own = key.partition(":")
            faults.append(f"{table} row {own}: missing, though the audit trail knows it")
    return faults


def _said(session: Session) -> tuple[dict[str, str | None], list[str]]:
    """The newest digest of each row; and adoptions that came after the first other digest, by
    which somebody would have let forged rows in."""
    query = (
        select(AuditRow.seq, AuditRow.action, AuditRow.detail)
        .where(AuditRow.detail.contains('"rows": {'))
        .order_by(AuditRow.seq)
    )
    said: dict[str, str | None] = {}
    faults, begun = [], False
    for seq, action, detail in session.execute(query).yield_per(1000):
        rows = _rows(detail)
        if action == ADOPTED and begun:
            faults.append(f"row {seq}: rows were adopted a second time")
        begun = begun or action != ADOPTED
        said.update(rows)
    return said, faults


def _rows(detail: str) -> dict[str, str | None]:
    try:
        rows = json.loads(detail)["rows"]
    except (ValueError, KeyError, TypeError):
        return {}  # a changed row of the trail, which its chain names
    return rows if isinstance(rows, dict) else {}
