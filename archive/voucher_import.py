"""Vouchers of the accounting system taken into the database. The same again changes nothing; a
changed one is updated while it is unsealed; a sealed one is refused."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from archive import audit, vouchers
from archive.accounting import VoucherEntry, VoucherFacts
from archive.bags import BadVoucherNumber, check_voucher_no
from archive.database import Database
from archive.records import BagRow, new_id, now
from archive.voucher_json import facts_digest
from archive.voucher_rows import Gathered, RowFault, VoucherData, gather
from archive.voucher_sheets import open_rows
from extractors.model import Frozen

#: Columns that are copied as they are.
_COPIED = (
    *("fiscal_year", "account_set", "agency_code", "agency_name", "campus", "period", "word"),
    *("number", "voucher_date", "posting_date", "summary", "invoice_amount", "debit_total"),
    *("credit_total", "attachments", "preparer", "reviewer", "poster", "red", "fingerprint"),
)
#: A voucher is posted after it was prepared, and often after it was sealed here.
_MAY_FOLLOW = ("posting_date", "poster")


class ImportReport(Frozen):
    """Numbers of the vouchers that were new, changed, or known just so; and every fault."""

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    faults: tuple[RowFault, ...] = ()


def read_file(content: bytes) -> tuple[str, Gathered]:
    """What stands in a CSV or XLSX file, and which of the two it is.

    Raises `VoucherFileUnreadable`, `VoucherFileTooLarge`, `VoucherColumnsMissing`.
    """
    origin, rows = open_rows(content)
    return origin, gather(rows)


def take_file(database: Database, content: bytes, actor: str) -> ImportReport:
    """Take in the vouchers of a file that is trusted: others are read by a process of their own
    first (`worker.opening`). Raises as `read_file`; then nothing was taken."""
    origin, gathered = read_file(content)
    return take_gathered(database, origin, gathered, actor)


def take_gathered(database: Database, origin: str, gathered: Gathered, actor: str) -> ImportReport:
    """Take in what was read."""
    with database.write() as session:
        report = take(session, gathered.vouchers, origin, actor)
    faults = sorted((*gathered.faults, *report.faults), key=lambda fault: fault.row)
    return report.model_copy(update={"faults": tuple(faults)})


def take(session: Session, stated: Sequence[VoucherData], origin: str, actor: str) -> ImportReport:
    """Take vouchers in, inside the caller's transaction; each wholly or, with a fault, not."""
    created: list[str] = []
    updated: list[str] = []
    unchanged: list[str] = []
    faults: list[RowFault] = []
    for voucher in stated:
        fault = _refusal(session, voucher)
        if fault is not None:
            faults.append(fault)
            continue
        known = session.get(VoucherFacts, voucher.own_no)
        if known is not None and known.fingerprint == voucher.fingerprint:
            unchanged.append(voucher.own_no)
            continue
        _keep(session, voucher, known, origin, actor)
        (created if known is None else updated).append(voucher.own_no)
    return ImportReport(
        created=tuple(created),
        updated=tuple(updated),
        unchanged=tuple(unchanged),
        faults=tuple(faults),
    )


def _refusal(session: Session, voucher: VoucherData) -> RowFault | None:
    row = voucher.rows[0] if voucher.rows else 0

    def fault(code: str, **params: object) -> RowFault:
        texts = {name: str(value) for name, value in params.items()}
        return RowFault(row=row, code=code, params=texts)

    try:
        check_voucher_no(voucher.own_no)
    except BadVoucherNumber:
        return fault("bad_voucher_number", voucher=voucher.own_no[:64])
    holder = _holder_of_key(session, voucher)
    if holder is not None and holder.voucher_no != voucher.own_no:
        return fault("voucher_key_known", voucher=voucher.own_no, other=holder.voucher_no)
    known = session.get(VoucherFacts, voucher.own_no)
    if known is not None and _key(known) != _key(voucher):
        return fault("voucher_no_taken", voucher=voucher.own_no)
    if known is not None and known.fingerprint == voucher.fingerprint:
        return None
    if _is_sealed_otherwise(session, known, voucher):
        return fault("voucher_sealed", voucher=voucher.own_no)
    return None


def _is_sealed_otherwise(
    session: Session, known: VoucherFacts | None, voucher: VoucherData
) -> bool:
    """Whether a bag already says otherwise. One that was sealed before the accounting system
    said anything says nothing: its next version will."""
    return (
        known is not None
        and _sealed(session, known.voucher_no)
        and not _only_posted(known, voucher)
    )


def _key(voucher: VoucherFacts | VoucherData) -> tuple[object, ...]:
    return (
        *(voucher.fiscal_year, voucher.account_set, voucher.agency_code),
        *(voucher.period, voucher.word, voucher.number),
    )


def _holder_of_key(session: Session, voucher: VoucherData) -> VoucherFacts | None:
    return session.scalars(
        select(VoucherFacts).where(
            VoucherFacts.fiscal_year == voucher.fiscal_year,
            VoucherFacts.account_set == voucher.account_set,
            VoucherFacts.agency_code == voucher.agency_code,
            VoucherFacts.period == voucher.period,
            VoucherFacts.word == voucher.word,
            VoucherFacts.number == voucher.number,
        )
    ).first()


def _sealed(session: Session, voucher_no: str) -> bool:
    query = select(BagRow.id).where(BagRow.voucher_no == voucher_no).limit(1)
    return session.scalars(query).first() is not None


def _only_posted(known: VoucherFacts, voucher: VoucherData) -> bool:
    """Whether nothing is new but who posted it and when, where that was empty before."""
    for name in _COPIED:
        before, after = getattr(known, name), getattr(voucher, name)
        if name == "fingerprint" or before == after:
            continue
        if name not in _MAY_FOLLOW or before:
            return False
    return [_entry_values(e) for e in known.entries] == [_entry_values(e) for e in voucher.entries]


def _entry_values(entry: object) -> tuple[object, ...]:
    names = ("summary", "account_code", "account_name", "debit", "credit")
    return tuple(getattr(entry, name) for name in names)


def _keep(
    session: Session, voucher: VoucherData, known: VoucherFacts | None, origin: str, actor: str
) -> None:
    vouchers.ensure(session, voucher.own_no, actor)
    row = known or VoucherFacts(voucher_no=voucher.own_no)
    changed = [name for name in _COPIED if known and getattr(row, name) != getattr(voucher, name)]
    for name in _COPIED:
        setattr(row, name, getattr(voucher, name))
    row.origin, row.blocked_at, row.updated_at = origin, None, now()
    if known is None or not _sealed(session, voucher.own_no):
        row.stated_at = row.updated_at  # else it was only posted, and its bag may stay as it is
    session.add(row)
    row.entries.clear()
    session.flush()  # the old lines must be gone before new ones of the same number come
    row.entries.extend(
        VoucherEntry(id=new_id(), line=line, **entry.model_dump())
        for line, entry in enumerate(voucher.entries, start=1)
    )
    session.flush()
    audit.record(
        session,
        "voucher_facts_changed" if known else "voucher_facts_taken",
        actor=actor,
        voucher_no=voucher.own_no,
        detail={
            "origin": origin,
            "fingerprint": voucher.fingerprint,
            "facts": facts_digest(row),
            "changed": sorted(changed),
        },
    )
