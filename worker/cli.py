"""The `yanpiao` command. Its names and JSON are stable: scripts and measurements rely on them.

Results go to standard output, everything else to standard error.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from archive import search
from archive.records import Document
from extractors.errors import YanpiaoError
from worker import serving, storage_command
from worker.archive_command import register as register_archive
from worker.audit_command import audit_app
from worker.cancelling import cancel_batch
from worker.errors import NothingToDrop, UnknownDocument
from worker.handover_command import bag, handover
from worker.inspect_command import inspect
from worker.inspecting import show_document, status_report
from worker.intake import files_in
from worker.log import configure
from worker.people_command import admin_app, people_app
from worker.policy_command import policy
from worker.portal_command import portal_app
from worker.results import ResultRow, batch_rows, document_row, result_table, still_moving
from worker.services import Services
from worker.settings import Settings
from worker.voucher_command import vouchers_app

app = typer.Typer(
    name="yanpiao",
    help="Read, verify, attach, archive and find Chinese invoices.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(audit_app, name="audit")
app.add_typer(portal_app, name="portal")
app.add_typer(vouchers_app, name="vouchers")
app.add_typer(people_app, name="people")
app.add_typer(admin_app, name="admin")
serving.register(app)
register_archive(app)
app.add_typer(storage_command.app, name="storage")
app.command()(policy)
app.command()(inspect)
app.command()(bag)
app.command()(handover)

out = Console(soft_wrap=False)
err = Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Files = Annotated[list[Path], typer.Argument(help="Files or folders.")]


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _print_each(results: Iterator[dict[str, Any]], as_json: bool) -> NoReturn:
    """Print results as they come, and exit 1 when any of them is an error."""
    failed = False
    for result in results:
        failed |= "error" in result
        if as_json:
            _print_json(result)
        else:
            out.print_json(json.dumps(result, ensure_ascii=False))
    raise typer.Exit(1 if failed else 0)


@app.command()
def read(files: Files, as_json: Json = False) -> None:
    """Read files and print their values; nothing is kept."""
    from worker.one_shot import read_files  # loads slowly; other commands need not wait for it

    _print_each(read_files(files, Settings()), as_json)


@app.command()
def check(files: Files, as_json: Json = False) -> None:
    """Read and verify files now, without archiving. Captchas are typed at the desk."""
    from worker.one_shot import check_files

    _print_each(check_files(files, Settings(), err), as_json)


@app.command()
def drop(
    paths: Files,
    voucher: Annotated[
        str | None, typer.Option(help="Voucher number; default: a new one for this batch.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Show progress and end with the results.")
    ] = False,
    submitter: Annotated[str, typer.Option(help="Who hands this in (an id).")] = "",
    as_json: Json = False,
) -> None:
    """Hand files in; services that run work on them."""
    settings = Settings()
    services = Services.open(settings)
    files = files_in(paths)
    if not files:
        raise NothingToDrop
    batch_id = services.intake.open_batch("cli", submitter, voucher)
    for path in files:
        services.intake.accept_path(batch_id, path)
    if wait:
        _wait(services, batch_id)
    with services.database.read() as session:
        rows = batch_rows(session, batch_id, settings.language)
    _print_rows(rows, settings, as_json)


def _wait(services: Services, batch_id: str) -> None:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True) as progress:
        with services.database.read() as session:
            total = len(batch_rows(session, batch_id, "en"))
        task = progress.add_task("working", total=total)
        while True:
            with services.database.read() as session:
                left = still_moving(session, batch_id)
            waiting = services.desk.waiting()
            note = f", {waiting} captchas wait at the desk" if waiting else ""
            progress.update(task, completed=total - left, description=f"working{note}")
            if left == 0:
                return
            time.sleep(0.5)


def _print_rows(rows: list[ResultRow], settings: Settings, as_json: bool) -> None:
    if as_json:
        for row in rows:
            _print_json(row.to_json())
        return
    title = "Results"
    if not settings.is_tax_authority:
        title += f" — verified by {settings.portal_url}, which is NOT the tax authority"
    out.print(result_table(rows, title))


@app.command()
def cancel(batch_id: Annotated[str, typer.Argument(help="Id of a batch.")]) -> None:
    """Call a batch off: reject what it brought and nobody has passed yet."""
    services = Services.open(Settings())
    done = cancel_batch(services.database, batch_id, "cli")
    _print_json({"batch": batch_id, **asdict(done)})
    raise typer.Exit(1 if done.busy else 0)


@app.command()
def find(
    numbers: Annotated[list[str], typer.Argument(help="Numbers, beginnings or last digits.")],
    as_json: Json = False,
) -> None:
    """Find invoices by number: exact, beginning, or last digits."""
    settings = Settings()
    services = Services.open(settings)
    missing = 0
    for number in numbers:
        with services.database.read() as session:
            found = search.find(session, number)
            rows = [(match, document_row(one, settings.language)) for match, one in found]
        missing += not rows
        if as_json:
            for match, row in rows:
                _print_json({"query": number, "match": match, **row.to_json()})
        elif rows:
            out.print(result_table([row for _, row in rows], f"{number}: {len(rows)} found"))
        else:
            err.print(f"{number}: nothing found")
    raise typer.Exit(1 if missing else 0)


@app.command()
def show(document_id: Annotated[str, typer.Argument(help="Id from `find` or `drop`.")]) -> None:
    """Everything about one document: values, findings, verifications, history."""
    settings = Settings()
    services = Services.open(settings)
    with services.database.read() as session:
        document = session.get(Document, document_id)
        if document is None:
            raise UnknownDocument(id=document_id)
        show_document(out, session, document, settings.language)


@app.command()
def status(as_json: Json = False) -> None:
    """What stands where: documents by state, queues, workers, captchas, the portal's lane."""
    services = Services.open(Settings())
    report = status_report(services)
    if as_json:
        _print_json(report)
    else:
        out.print_json(json.dumps(report, ensure_ascii=False))


@app.command()
def doctor(
    fix: Annotated[bool, typer.Option("--fix", help="Install what is missing.")] = False,
) -> None:
    """What this machine lacks, and the command that mends it."""
    from worker.doctor import checks, mend

    settings = Settings()
    if fix:
        mend(settings, err.print)
    faults = 0
    for result in checks(settings):
        faults += not result.sound
        mark = "[green]ok[/]     " if result.sound else "[red]missing[/]"
        out.print(f"{mark} {result.name}: {result.detail}")
        if not result.sound:
            out.print(f"        mend it with: {result.remedy}", markup=False)
    raise typer.Exit(1 if faults else 0)


def main() -> None:
    """Entry of the `yanpiao` command: errors become one clear line and a hint."""
    configure("warning")  # a command's own output is its news; services log more
    try:
        app()
    except YanpiaoError as error:
        language = Settings().language
        err.print(f"[red]{error.message(language)}[/]")
        if hint := error.hint(language):
            err.print(hint)
        sys.exit(1)
    except OSError as error:
        err.print(f"[red]{error.strerror or error}: {error.filename or ''}[/]")
        sys.exit(1)


if __name__ == "__main__":
    main()
