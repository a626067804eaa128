"""`yanpiao bag` and `yanpiao handover`: sealed bags shown, packed and handed over."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from archive import audit
from archive.handover import hand_over, of_year
from archive.records import BagRow, Voucher, now
from archive.transfer import pack
from worker.errors import UnknownVoucher
from worker.services import Services
from worker.settings import Settings


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def bag(
    voucher_no: Annotated[str, typer.Argument(help="Voucher number.")],
    target: Annotated[
        Path | None, typer.Option("--zip", help="Pack the newest bag into this file.")
    ] = None,
) -> None:
    """The sealed bags of a voucher: version, folder, digest; or the newest as one ZIP."""
    services = Services.open(Settings())
    with services.database.read() as session:
        voucher = session.get(Voucher, voucher_no)
        if voucher is None or not voucher.bags:
            raise UnknownVoucher(voucher=voucher_no)
        rows = list(voucher.bags)
    for row in rows if target is None else rows[-1:]:
        shown = _shown(services, row)
        if target is not None:
            with services.bags.local(row.path) as folder:
                pack(folder, target)
            _note_export(services, [row])
            shown["zip"] = str(target)
        _print_json(shown)


def _shown(services: Services, row: BagRow) -> dict[str, object]:
    return {
        "voucher": row.voucher_no,
        "version": row.version,
        "path": services.bags.where(row.path),
        "digest": row.digest,
        "invoices": row.invoices,
        "sealed_at": row.sealed_at.isoformat(),
    }


def _note_export(services: Services, rows: list[BagRow]) -> None:
    with services.database.write() as session:
        for row in rows:
            detail = {"version": row.version, "digest": row.digest}
            audit.record(
                session, "bag_exported", actor="cli", voucher_no=row.voucher_no, detail=detail
            )


def handover(
    year: Annotated[int, typer.Option(help="Fiscal year.", min=1990, max=2099)],
    out: Annotated[Path, typer.Option(help="New or empty folder to write to.")],
) -> None:
    """Pack a fiscal year's bags with the list to sign (移交清册) and the volume's catalogue. Exit
    status 1 when a bag fails its four-property test: it is listed so and not packed."""
    services = Services.open(Settings())
    with services.database.read() as session:
        items = of_year(session, year)
    listing = hand_over(items, services.bags, year, out, now())
    packed = {path.stem for path in (out / "bags").glob("*.zip")}
    taken = [i.bag for i in items if f"{i.voucher_no}-v{i.bag.version:04d}" in packed]
    _note_export(services, taken)
    failed = len(items) - len(taken)
    _print_json({"list": str(listing), "vouchers": len(items), "failed": failed})
    raise typer.Exit(1 if failed else 0)
