"""Following the audit trail: each follower goes on from where it left off."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from archive.noticing import Walk
from archive.records import AuditRow


def new_rows(session: Session, follower: str, most: int) -> list[AuditRow]:
    """The trail's next rows, at most so many, and in the same transaction the follower's place
    behind them. The first time ever it only takes its place: what was before is history."""
    walk = session.get(Walk, follower, with_for_update=True)
    if walk is None:
        last = session.scalar(select(func.max(AuditRow.seq))) or 0
        session.add(Walk(name=follower, seq=last))
        return []
    query = select(AuditRow).where(AuditRow.seq > walk.seq).order_by(AuditRow.seq).limit(most)
    rows = list(session.scalars(query))
    if rows:
        walk.seq = rows[-1].seq
    return rows
