"""Disposal lists as they come back from their sealed records."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from archive import audit
from archive.disposal_tables import DisposalRecord
from archive.records import Voucher, now
from archive.retention import DisposalItem, DisposalList


def enter(session: Session, said: Mapping[str, Any], path: str, digest: str) -> None:
    """Enter a list that a record tells of, its vouchers gone; once, however often it is asked."""
    if session.get(DisposalList, said["list"]) is not None:
        return
    deeds = {name: said[name] for name in ("proposed", "approved", "begun")}
    session.add(
        DisposalList(
            id=said["list"],
            **{f"{name}_by": deed["by"] for name, deed in deeds.items()},
            **{f"{name}_at": dt.datetime.fromisoformat(deed["at"]) for name, deed in deeds.items()},
            ended_at=now(),
        )
    )
    session.flush()
    for each in said["vouchers"]:
        _voucher(session, said["list"], each)
    session.add(DisposalRecord(list_id=said["list"], path=path, digest=digest, sealed_at=now()))
    detail = {"list": said["list"], "vouchers": len(said["vouchers"]), "digest": digest}
    audit.record(session, "disposal_restored", detail=detail)


def _voucher(session: Session, list_id: str, said: Mapping[str, Any]) -> None:
    """The number stays taken: nothing new is opened under it."""
    number = said["voucher_no"]
    if session.get(Voucher, number) is None:
        session.add(Voucher(voucher_no=number))
        audit.record(session, "voucher_opened", voucher_no=number, detail={"list": list_id})
    bags = said["bags"]
    session.add(
        DisposalItem(
            list_id=list_id,
            voucher_no=number,
            fiscal_year=said["fiscal_year"],
            years=said["years"],
            expired_on=dt.date.fromisoformat(said["expired_on"]),
            bag_digest=bags[-1]["digest"] if bags else "",
            invoices=said["invoices"],
        )
    )
