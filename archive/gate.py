"""The four-property test before sealing: what fails keeps the voucher unsealed, raises an alarm,
and waits for somebody to mend it or, item by item and with a reason, to let it pass."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from archive import audit
from archive.accounting import MayNotAccept, NothingToAccept, ReasonMissing, VoucherDecision
from archive.actors import Actor, Role
from archive.four_properties import examine
from archive.inspections import raise_alarm
from archive.records import Alarm, BagRow, new_id, now
from extractors.errors import YanpiaoError
from extractors.messages import say

#: Code of the alarm; a decision's code is this prefix and the item's.
ALARM = "sealing_refused"
_PREFIX = "four_"


class SealingRefused(YanpiaoError):
    """The bag as it would be sealed fails items of the four-property test: `codes`, and `items`
    as people call them."""

    code = ALARM


def approve(folder: Path, voucher_no: str, accepted: Collection[str] = ()) -> None:
    """Test a finished folder before it becomes a bag. `accepted`: codes of items let pass.

    Raises `SealingRefused`.
    """
    failed = [each for each in examine(folder, recheck=False).failed if each.code not in accepted]
    if failed:
        raise SealingRefused(
            voucher=voucher_no,
            codes=",".join(each.code for each in failed),
            items="、".join(say(f"{_PREFIX}{each.code}", "zh") for each in failed),
            details="; ".join(each.details[0] for each in failed if each.details)[:500],
        )


def next_version(session: Session, voucher_no: str) -> int:
    """The version that the voucher's next bag will have."""
    newest = select(func.max(BagRow.version)).where(BagRow.voucher_no == voucher_no)
    return (session.scalar(newest) or 0) + 1


def accepted_items(session: Session, voucher_no: str) -> frozenset[str]:
    """Codes of the items that people let pass for the voucher's next bag."""
    query = select(VoucherDecision).where(
        VoucherDecision.voucher_no == voucher_no, VoucherDecision.code.startswith(_PREFIX)
    )
    rows = list(session.scalars(query))
    version = str(next_version(session, voucher_no)) if rows else ""
    return frozenset(
        row.code.removeprefix(_PREFIX) for row in rows if row.params.get("version") == version
    )


def note_refused(session: Session, refused: SealingRefused) -> None:
    """An alarm and a row in the trail; the alarm once until it is settled."""
    voucher_no = refused.params["voucher"]
    raise_alarm(session, ALARM, voucher_no, refused.params)


def accept_failed_item(
    session: Session, actor: Actor, voucher_no: str, item: str, reason: str
) -> VoucherDecision:
    """A person lets one failed item pass, for the voucher's next bag only.

    Raises `ReasonMissing`, `MayNotAccept`, `NothingToAccept`.
    """
    if not reason.strip():
        raise ReasonMissing
    if not any(actor.may(role) for role in (Role.REVIEWER, Role.ARCHIVIST)):
        raise MayNotAccept(voucher=voucher_no)
    alarm = _open_alarm(session, voucher_no)
    failed = alarm.params.get("codes", "").split(",") if alarm is not None else []
    if alarm is None or item not in failed:
        raise NothingToAccept(voucher=voucher_no, code=item)
    row = VoucherDecision(
        id=new_id(),
        voucher_no=voucher_no,
        code=f"{_PREFIX}{item}",
        params={"version": str(next_version(session, voucher_no))},
        reason=reason.strip(),
        actor=actor.id,
    )
    session.add(row)
    session.flush()
    if set(failed) <= accepted_items(session, voucher_no):
        alarm.settled_at, alarm.settled_by = now(), actor.id
    detail = {"item": item, "decision": row.id}
    audit.record(
        session, "failed_item_accepted", actor=actor.id, voucher_no=voucher_no, detail=detail
    )
    return row


def _open_alarm(session: Session, voucher_no: str) -> Alarm | None:
    return session.scalars(
        select(Alarm).where(
            Alarm.voucher_no == voucher_no, Alarm.code == ALARM, Alarm.settled_at.is_(None)
        )
    ).first()
