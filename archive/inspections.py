"""When each sealed bag had its four-property test, and what failed."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, String, func, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from archive import audit
from archive.records import Alarm, BagRow, Base, JsonText, new_id, now

#: The alarm that a failed test raises on the voucher.
ALARM = "bag_unsound"


class BagInspection(Base):
    """One four-property test (四性检测) of a bag in the store. `failed`: codes of its items."""

    __tablename__ = "bag_inspections"

    id: Mapped[str] = mapped_column(String(24), primary_key=True, default=new_id)
    bag_id: Mapped[str] = mapped_column(ForeignKey("bags.id"), index=True)
    at: Mapped[dt.datetime] = mapped_column(default=now, index=True)
    sound: Mapped[bool]
    failed: Mapped[list[str]] = mapped_column(JsonText, default=list)


def due(session: Session, after_days: int, limit: int) -> list[BagRow]:
    """Bags that were last tested, or else sealed, longer ago than that, the longest ago first."""
    last = (
        select(BagInspection.bag_id, func.max(BagInspection.at).label("at"))
        .group_by(BagInspection.bag_id)
        .subquery()
    )
    before = now() - dt.timedelta(days=after_days)
    query = (
        select(BagRow)
        .outerjoin(last, last.c.bag_id == BagRow.id)
        .where(
            BagRow.sealed_at < before,
            or_(last.c.at.is_(None), last.c.at < before),
        )
        .order_by(func.coalesce(last.c.at, BagRow.sealed_at))
        .limit(limit)
    )
    return list(session.scalars(query))


def record(session: Session, bag: BagRow, failed: list[str]) -> BagInspection:
    """Keep the outcome; a failure raises an alarm on the voucher, one until it is settled."""
    row = BagInspection(id=new_id(), bag_id=bag.id, sound=not failed, failed=failed)
    session.add(row)
    audit.record(
        session,
        "bag_inspected",
        voucher_no=bag.voucher_no,
        detail={"version": bag.version, "sound": not failed, "failed": failed},
    )
    if failed:
        raise_alarm(session, ALARM, bag.voucher_no, {"bag": bag.path, "items": ", ".join(failed)})
    return row


def raise_alarm(session: Session, code: str, voucher_no: str, params: dict[str, str]) -> None:
    """An alarm on a voucher, unless one of that code is still unsettled."""
    known = session.scalars(
        select(Alarm).where(
            Alarm.voucher_no == voucher_no,
            Alarm.code == code,
            Alarm.document_id.is_(None),
            Alarm.settled_at.is_(None),
        )
    ).first()
    if known is None:
        session.add(Alarm(id=new_id(), code=code, params=params, voucher_no=voucher_no))
        audit.record(session, "alarm_raised", voucher_no=voucher_no, detail={"code": code})
