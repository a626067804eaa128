"""`yanpiao vouchers`: vouchers of the accounting system in, and how they stand."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from archive import accounting, results_back
from archive.records import Voucher
from archive.tabular import write_csv
from archive.voucher_json import facts_json
from worker.errors import UnknownVoucher
from worker.opening import take_vouchers
from worker.services import Services
from worker.settings import Settings
from worker.voucher_reports import report_json, report_lines, standing_json

vouchers_app = typer.Typer(help="Vouchers of the accounting system.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


@vouchers_app.command("import")
def import_vouchers(
    files: Annotated[list[Path], typer.Argument(help="CSV or XLSX files, one row an entry.")],
    as_json: Json = False,
) -> None:
    """Take vouchers in. Exit status 1 when any row is bad; good vouchers are taken all the same."""
    settings = Settings()
    services = Services.open(settings)
    console = Console()
    faults = 0
    for path in files:
        report = take_vouchers(services, path.read_bytes(), "cli")
        faults += len(report.faults)
        if as_json:
            _print_json({"file": str(path), **report_json(report, settings.language)})
            continue
        for line in report_lines(report, settings.language):
            console.print(line, markup=False, highlight=False)
    raise typer.Exit(1 if faults else 0)


@vouchers_app.command("show")
def show_voucher(
    voucher_no: Annotated[str, typer.Argument(help="Voucher number.")], as_json: Json = False
) -> None:
    """What the accounting system says of a voucher, and what of it does not agree."""
    settings = Settings()
    services = Services.open(settings)
    with services.database.read() as session:
        if session.get(Voucher, voucher_no) is None:
            raise UnknownVoucher(voucher=voucher_no)
        facts = session.get(accounting.VoucherFacts, voucher_no)
        found = accounting.standing(session, voucher_no, services.policy)
        shown = standing_json(found, settings.language)
        shown["facts"] = facts_json(facts) if facts is not None else None
    if as_json:
        _print_json(shown)
    else:
        Console().print_json(json.dumps(shown, ensure_ascii=False))


@vouchers_app.command()
def results(
    csv: Annotated[
        Path | None, typer.Option("--csv", help="File to write; without it, JSON lines.")
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(help="Only what changed from this day on (local time).")
    ] = None,
) -> None:
    """Checked and booked marks of each invoice, for the accounting system."""
    services = Services.open(Settings())
    moment = since.astimezone() if since is not None else None
    with services.database.read() as session:
        rows = results_back.results(session, moment)
        if csv is None:
            for row in rows:
                _print_json(row)
            return
        temporary = csv.with_name(f".{csv.name}.part")
        with temporary.open("w", encoding="utf-8", newline="") as stream:
            count = write_csv(stream, results_back.COLUMNS, (tuple(row.values()) for row in rows))
        temporary.replace(csv)  # whoever watches the folder never sees half a file
    _print_json({"file": str(csv), "rows": count})
