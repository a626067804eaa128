"""How long vouchers are kept, and how they may go: never early, never under a legal hold, never
by one person, and never without a list that stays for ever.

Periods are data (`retention.toml`). The list that two people agreed on is the permission; this
module deletes nothing, `archive.disposal` carries lists out.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import ForeignKey, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from archive import audit
from archive.accounting import VoucherFacts
from archive.actors import SYSTEM, Actor, Role
from archive.locking import one_writer
from archive.records import BagRow, Base, Voucher, new_id, now
from extractors.errors import YanpiaoError

_CHINA = ZoneInfo("Asia/Shanghai")
#: What is kept in this archive: vouchers with what belongs to them.
VOUCHERS = "voucher"


class NotDue(YanpiaoError):
    """A voucher may not be disposed of: too early, held, or not sealed."""

    code = "retention_not_due"


class SamePerson(YanpiaoError):
    """Who proposed a list must not approve it."""

    code = "retention_same_person"


class MayNotDispose(YanpiaoError):
    code = "retention_may_not"


class UnknownList(YanpiaoError):
    code = "retention_unknown_list"


class NotHeld(YanpiaoError):
    code = "retention_not_held"


class BeingDisposed(YanpiaoError):
    """The voucher is on a list that is being carried out, or was."""

    code = "retention_disposed"


class LegalHold(Base):
    """While one is not lifted, its voucher stays, whatever the calendar says."""

    __tablename__ = "legal_holds"
    __proven__ = (
        *("id", "voucher_no", "reason", "placed_by", "placed_at", "lifted_by", "lifted_at"),
    )

    id: Mapped[str] = mapped_column(String(24), primary_key=True, default=new_id)
    voucher_no: Mapped[str] = mapped_column(ForeignKey("vouchers.voucher_no"), index=True)
    reason: Mapped[str] = mapped_column(Text)
    placed_by: Mapped[str] = mapped_column(String(64))
    placed_at: Mapped[dt.datetime] = mapped_column(default=now)
    lifted_by: Mapped[str | None] = mapped_column(String(64))
    lifted_at: Mapped[dt.datetime | None]


class DisposalItem(Base):
    """One voucher of a list; triggers refuse its change or deletion."""

    __tablename__ = "disposal_items"
    __proven__ = (
        *("list_id", "voucher_no", "fiscal_year", "years", "expired_on", "bag_digest"),
        "invoices",
    )

    list_id: Mapped[str] = mapped_column(ForeignKey("disposal_lists.id"), primary_key=True)
    voucher_no: Mapped[str] = mapped_column(String(64), primary_key=True)
    fiscal_year: Mapped[int]
    years: Mapped[int]
    expired_on: Mapped[dt.date]
    bag_digest: Mapped[str] = mapped_column(String(64))
    invoices: Mapped[int]


class DisposalList(Base):
    """A 销毁清册: proposed by one person, approved by another."""

    __tablename__ = "disposal_lists"
    __proven__ = (
        *("id", "proposed_by", "proposed_at", "approved_by", "approved_at", "begun_at"),
        *("begun_by", "ended_at"),
    )

    id: Mapped[str] = mapped_column(String(24), primary_key=True, default=new_id)
    proposed_by: Mapped[str] = mapped_column(String(64))
    proposed_at: Mapped[dt.datetime] = mapped_column(default=now)
    approved_by: Mapped[str | None] = mapped_column(String(64))
    approved_at: Mapped[dt.datetime | None]
    #: From when on nothing stops it, who began it, and when all of it was gone.
    begun_at: Mapped[dt.datetime | None]
    begun_by: Mapped[str | None] = mapped_column(String(64))
    ended_at: Mapped[dt.datetime | None]

    items: Mapped[list[DisposalItem]] = relationship(order_by=DisposalItem.voucher_no)


@dataclass(frozen=True, slots=True)
class Period:
    """`years` is None for ever."""

    name: str
    years: int | None
    source: str


@cache
def periods() -> dict[str, Period]:
    """Every kind's period, from the shipped file."""
    said = tomllib.loads((Path(__file__).parent / "retention.toml").read_text(encoding="utf-8"))
    return {
        kind: Period(entry["name"], entry["years"] or None, entry["source"])
        for kind, entry in said.items()
    }


def expires(fiscal_year: int, years: int | None) -> dt.date | None:
    """The first day on which it may go: counted from the day after the fiscal year's end."""
    return None if years is None else dt.date(fiscal_year + 1 + years, 1, 1)


@dataclass(frozen=True, slots=True)
class Kept:
    """How long a sealed voucher is kept. `expires` is None for ever."""

    voucher_no: str
    fiscal_year: int
    years: int | None
    expires: dt.date | None
    held: bool
    bag_digest: str
    invoices: int

    def may_go(self, today: dt.date) -> bool:
        return not self.held and self.expires is not None and self.expires <= today


def kept(session: Session, voucher_nos: Iterable[str] | None = None) -> list[Kept]:
    """Sealed vouchers with their periods; all, or those named. Without the accounting system's
    word the fiscal year is that of the newest bag, which is never too early."""
    years = periods()[VOUCHERS].years
    held = set(session.scalars(select(LegalHold.voucher_no).where(LegalHold.lifted_at.is_(None))))
    query = select(BagRow).order_by(BagRow.voucher_no, BagRow.version)
    if voucher_nos is not None:
        query = query.where(BagRow.voucher_no.in_(list(voucher_nos)))
    stated = select(VoucherFacts.voucher_no, VoucherFacts.fiscal_year)
    fiscal = dict(session.execute(stated).all())
    newest = {row.voucher_no: row for row in session.scalars(query)}
    return [
        Kept(
            number,
            year := fiscal.get(number, bag.sealed_at.astimezone(_CHINA).year),
            years,
            expires(year, years),
            number in held,
            bag.digest,
            bag.invoices,
        )
        for number, bag in newest.items()
    ]


def due(session: Session, today: dt.date) -> list[Kept]:
    """Vouchers whose period is over and that nothing holds."""
    return [each for each in kept(session) if each.may_go(today)]


def insist_on_archivist(actor: Actor) -> None:
    """Raises `MayNotDispose`."""
    if actor != SYSTEM and not actor.may(Role.ARCHIVIST):
        raise MayNotDispose


def hold(session: Session, voucher_no: str, reason: str, actor: Actor) -> LegalHold:
    """Keep a voucher beyond its period, for a lawsuit, an audit or an open claim."""
    insist_on_archivist(actor)
    if session.get(Voucher, voucher_no) is None:
        raise NotDue(voucher=voucher_no)
    one_writer(session)  # of a hold and the beginning of a disposal, one comes first
    if is_disposed(session, voucher_no):
        raise BeingDisposed(voucher=voucher_no)
    row = LegalHold(id=new_id(), voucher_no=voucher_no, reason=reason, placed_by=actor.id)
    session.add(row)
    audit.record(session, "hold_placed", actor=actor.id, voucher_no=voucher_no)
    return row


def lift(session: Session, voucher_no: str, actor: Actor) -> None:
    """End every hold of a voucher. Raises `NotHeld`."""
    insist_on_archivist(actor)
    query = select(LegalHold).where(
        LegalHold.voucher_no == voucher_no, LegalHold.lifted_at.is_(None)
    )
    rows = list(session.scalars(query))
    if not rows:
        raise NotHeld(voucher=voucher_no)
    for row in rows:
        row.lifted_by, row.lifted_at = actor.id, now()
    audit.record(session, "hold_lifted", actor=actor.id, voucher_no=voucher_no)


def propose(session: Session, voucher_nos: list[str], actor: Actor, today: dt.date) -> DisposalList:
    """A list of vouchers to dispose of. Raises `NotDue` for the first that may not go yet."""
    insist_on_archivist(actor)
    found = {each.voucher_no: each for each in kept(session, voucher_nos)}
    _all_due(voucher_nos, found, today)
    listed = DisposalList(id=new_id(), proposed_by=actor.id)
    session.add(listed)
    session.flush()
    for number in sorted(set(voucher_nos)):
        each = found[number]
        session.add(
            DisposalItem(
                list_id=listed.id,
                voucher_no=number,
                fiscal_year=each.fiscal_year,
                years=each.years,
                expired_on=each.expires,
                bag_digest=each.bag_digest,
                invoices=each.invoices,
            )
        )
    detail = {"list": listed.id, "vouchers": len(set(voucher_nos))}
    audit.record(session, "disposal_proposed", actor=actor.id, detail=detail)
    return listed


def approve(session: Session, list_id: str, actor: Actor, today: dt.date) -> DisposalList:
    """The second person's word. Everything is looked at again: a hold may have come, or a new
    version of a bag. Raises `UnknownList`, `SamePerson`, `NotDue`."""
    insist_on_archivist(actor)
    listed = session.get(DisposalList, list_id)
    if listed is None or listed.approved_at is not None:
        raise UnknownList(list=list_id)
    if actor.id == listed.proposed_by or actor == SYSTEM:
        raise SamePerson
    insist_on_due(session, listed, today)
    listed.approved_by, listed.approved_at = actor.id, now()
    detail = {"list": list_id, "vouchers": len(listed.items)}
    audit.record(session, "disposal_approved", actor=actor.id, detail=detail)
    return listed


def insist_on_due(session: Session, listed: DisposalList, today: dt.date) -> None:
    """Look at everything again. Raises `NotDue` for a voucher that is held, not due, or of which
    there is a newer bag than the list names."""
    numbers = [item.voucher_no for item in listed.items]
    found = {each.voucher_no: each for each in kept(session, numbers)}
    _all_due(numbers, found, today)
    for item in listed.items:
        if found[item.voucher_no].bag_digest != item.bag_digest:
            raise NotDue(voucher=item.voucher_no)


def is_disposed(session: Session, voucher_no: str) -> bool:
    """Whether the voucher is on a list that is being carried out, or was."""
    query = (
        select(DisposalItem.list_id)
        .join(DisposalList, DisposalList.id == DisposalItem.list_id)
        .where(DisposalItem.voucher_no == voucher_no, DisposalList.begun_at.is_not(None))
    )
    return session.scalar(query.limit(1)) is not None


def _all_due(numbers: list[str], found: dict[str, Kept], today: dt.date) -> None:
    if not numbers:
        raise NotDue(voucher="")
    for number in numbers:
        if number not in found or not found[number].may_go(today):
            raise NotDue(voucher=number)
