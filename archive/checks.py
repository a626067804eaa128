"""The checks that were asked of a portal: how many an invoice may still have today.

A row is written before the portal's button is pressed, so that no crash forgets one; the unique
ordinal makes the limit hold however many workers race. Days are the portal's own.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from archive.records import PortalCheck, new_id


def used(session: Session, portal: str, invoice_key: str, day: dt.date) -> int:
    """How many of the invoice's checks of that day are spent."""
    return len(_ordinals(session, portal, invoice_key, day))


def take(
    session: Session, portal: str, invoice_key: str, day: dt.date, document_id: str, limit: int
) -> bool:
    """Spend one check; False when the day's are spent already. Of two that race for the last
    one, the second gets the database's `IntegrityError` at commit, if not False."""
    spent = _ordinals(session, portal, invoice_key, day)
    free = next((number for number in range(1, limit + 1) if number not in spent), None)
    if free is None:
        return False
    session.add(
        PortalCheck(
            id=new_id(),
            portal=portal,
            invoice_key=invoice_key,
            day=day,
            ordinal=free,
            document_id=document_id,
        )
    )
    return True


def give_back(session: Session, portal: str, invoice_key: str, day: dt.date) -> None:
    """The portal did not count the last check: it stays written, but spends nothing."""
    last = session.scalars(
        _of(portal, invoice_key, day).order_by(PortalCheck.at.desc(), PortalCheck.id.desc())
    ).first()
    if last is not None:
        last.ordinal = None


def asked_since(session: Session, portal: str, moment: dt.datetime) -> list[dt.datetime]:
    """When the portal was asked for checks since then, whether it counted them or not."""
    query = select(PortalCheck.at).where(PortalCheck.portal == portal, PortalCheck.at >= moment)
    return list(session.scalars(query.order_by(PortalCheck.at)))


def asked_on(session: Session, portal: str, day: dt.date) -> int:
    """How many checks the portal was asked for on a day."""
    query = select(func.count(PortalCheck.id)).where(
        PortalCheck.portal == portal, PortalCheck.day == day
    )
    return session.scalar(query) or 0


def _of(portal: str, invoice_key: str, day: dt.date) -> Select[PortalCheck]:
    return select(PortalCheck).where(
        PortalCheck.portal == portal,
        PortalCheck.invoice_key == invoice_key,
        PortalCheck.day == day,
        PortalCheck.ordinal.is_not(None),
    )


def _ordinals(session: Session, portal: str, invoice_key: str, day: dt.date) -> set[int]:
    rows = session.scalars(_of(portal, invoice_key, day))
    return {row.ordinal for row in rows if row.ordinal is not None}
