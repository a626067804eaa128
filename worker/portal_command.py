"""`yanpiao portal ...`: see the portal's lane, what stopped it, and the live page's shape."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from archive import checks
from archive.records import VerificationRow, now
from verifiers.outcome import CHINA, STOPPING
from worker.lanes import Lanes
from worker.services import Services
from worker.settings import Settings

portal_app = typer.Typer(help="The verification portal's lane.", no_args_is_help=True)
out = Console()


@portal_app.command("resume")
def resume() -> None:
    """Open the portal's lane again after you have looked at why it stopped."""
    settings = Settings()
    services = Services.open(settings)
    Lanes(services.database, str(settings.portal_url)).resume(actor="cli")
    typer.echo("The lane is open; waiting documents come back by themselves.")


@portal_app.command("status")
def status(
    save: Annotated[
        Path | None, typer.Option(help="Folder to copy the evidence of the stop into.")
    ] = None,
) -> None:
    """Whether the portal's lane is open; else since when and why not, with the evidence. Exit
    status 1 when it is stopped."""
    services = Services.open(Settings())
    report = lane_report(services)
    for name, value in report.items():
        if name != "evidence":
            typer.echo(f"{name}: {value}")
    for proof in report.get("evidence", []):
        typer.echo(f"  {proof['name']}  {proof['path']}")
        if save is not None:
            save.mkdir(parents=True, exist_ok=True)
            (save / proof["name"]).write_bytes(services.store.get(proof["sha256"]))
    if save is not None:
        typer.echo(f"Copied to {save}; `playwright show-trace` opens trace.zip.")
    raise typer.Exit(1 if report["lane"] == "stopped" else 0)


def lane_report(services: Services) -> dict[str, Any]:
    """The lane as plain data: `lane` is open, held back or stopped."""
    portal = str(services.settings.portal_url)
    row = Lanes(services.database, portal).row()
    with services.database.read() as session:
        asked = checks.asked_on(session, portal, now().astimezone(CHINA).date())
    report: dict[str, Any] = {"portal": portal, "lane": "open", "checks_today": asked}
    if row is not None and row.stopped_at is not None:
        report |= {
            "lane": "stopped",
            "since": row.stopped_at.isoformat(timespec="seconds"),
            "reason": row.reason,
            **_what_stopped_it(services, portal),
        }
    elif row is not None and row.resume_at is not None and row.resume_at > now():
        report |= {"lane": "held back", "until": row.resume_at.isoformat(timespec="seconds")}
    return report


def _what_stopped_it(services: Services, portal: str) -> dict[str, Any]:
    """The words and files of the visit that stopped the lane: the newest of its kind with
    evidence, since visits that it interrupted have none."""
    query = (
        select(VerificationRow)
        .where(
            VerificationRow.portal == portal,
            VerificationRow.reason.in_([str(reason) for reason in STOPPING]),
        )
        .order_by(VerificationRow.id.desc())
        .limit(50)
    )
    with services.database.read() as session:
        rows = [row for row in session.scalars(query) if row.evidence]
    if not rows:
        return {}
    return {
        "detail": rows[0].portal_message,
        "document": rows[0].document_id,
        "evidence": [
            {
                "name": proof.name,
                "sha256": proof.sha256,
                "path": services.store.place(proof.sha256),
            }
            for proof in rows[0].evidence
        ],
    }


@portal_app.command("probe")
def probe() -> None:
    """Check the live page's shape against portal.toml: every selector, label and message
    container. Verifies nothing and asks for no captcha. Exit status 1 on a mismatch."""
    from verifiers.portal.probe import probe as look  # loads the browser's driver
    from worker.jobs import portal_settings

    settings = Settings()
    found = look(portal_settings(settings))
    table = Table(
        "", "what", "expected", "seen", title=f"{settings.portal_url}", title_justify="left"
    )
    for one in found:
        mark = "[green]ok[/]" if one.sound else "[red]differs[/]"
        table.add_row(mark, one.what, one.expected, one.seen)
    out.print(table)
    raise typer.Exit(0 if all(one.sound for one in found) else 1)
