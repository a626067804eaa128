"""`yanpiao reindex`, `backup`, `restore` and `retention ...`."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from sqlalchemy.orm import Session

from archive import accounts, backup, restoring, retention
from archive.actors import Actor
from archive.database import Database
from archive.records import now
from archive.search import index
from worker.again import next_time
from worker.errors import StorageElsewhere
from worker.services import Services
from worker.settings import Settings

retention_app = typer.Typer(
    help="How long vouchers are kept, holds, and disposal lists.", no_args_is_help=True
)

As = Annotated[str, typer.Option("--as", help="Login of the archivist who does this.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.add_typer(retention_app, name="retention")
    app.command()(reindex)
    app.command()(restore)
    app.command("backup")(make_backup)


def _database() -> Database:
    return Services.open(Settings()).database


def _today() -> dt.date:
    return dt.datetime.now(ZoneInfo("Asia/Shanghai")).date()


def _actor(session: Session, login: str) -> Actor:
    person = accounts.by_login(session, login)
    if person is None or person.disabled_at is not None:
        raise accounts.UnknownPerson
    return accounts.actor_of(person)


def _say(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, default=str))


def reindex() -> None:
    """Make the search index again from the invoices. Nothing is written meanwhile."""
    with _database().write() as session:
        _say({"invoices": index.rebuild(session)})


def _with_files_here() -> Settings:
    """The settings, if files and bags lie in the data folder. Raises `StorageElsewhere`: a backup
    without them must not look like one."""
    settings = Settings()
    if settings.storage_url:
        raise StorageElsewhere
    return settings


def restore(
    from_bags: Annotated[
        Path | None, typer.Option("--from-bags", help="Folder of a bag store: nothing else needed.")
    ] = None,
    from_backup: Annotated[
        Path | None, typer.Option("--from-backup", help="Folder of `yanpiao backup`.")
    ] = None,
    backup_id: Annotated[
        str, typer.Option("--id", help="Which of the backups; default: the newest.")
    ] = "",
) -> None:
    """Bring an archive back into an empty data folder and database. From bags alone come vouchers,
    documents, invoices, verifications and the search index. Exit status 1 when a bag was not
    believed. `yanpiao audit verify --deep` then proves it."""
    settings = _with_files_here()
    if (from_bags is None) == (from_backup is None):
        raise typer.BadParameter("name either --from-bags or --from-backup")
    if from_backup is not None:
        folder = from_backup.resolve()
        made = backup.restore(
            folder, settings.root, settings.database, backup_id or None, settings.keyring
        )
        _say({"backup": made.id, "files": len(made.files)})
        return
    assert from_bags is not None  # noqa: S101 - said for the type checker, decided above
    services = Services.open(settings)

    def again_at(sealed: dt.datetime) -> dt.datetime | None:
        return next_time(services.policy.again, sealed, now())

    done = restoring.restore(
        services.database, services.store, from_bags.resolve(), settings.bags, again_at
    )
    _say(asdict(done))
    raise typer.Exit(1 if done.faults else 0)


def make_backup(
    folder: Annotated[Path, typer.Argument(help="Where backups are kept; best another disk.")],
    listing: Annotated[
        bool, typer.Option("--list", help="Only name the finished backups, oldest first.")
    ] = False,
) -> None:
    """Copy the database and every file while everything runs; what an earlier backup in the
    folder holds is not copied again. With STORAGE_KEY the database's copy is sealed too."""
    if listing:
        for each in backup.backups(folder):
            _say({"backup": each})
        return
    settings = _with_files_here()
    made = backup.backup(folder.resolve(), settings.root, settings.database, settings.keyring)
    _say(
        {
            "backup": made.id,
            "files": len(made.files),
            "new": made.new,
            "new_bytes": made.new_bytes,
            "sealed": settings.keyring is not None,
        }
    )


@retention_app.command("periods")
def periods() -> None:
    """The period of each kind, and the rule that sets it."""
    for kind, period in retention.periods().items():
        _say({"kind": kind, "name": period.name, "years": period.years, "source": period.source})


@retention_app.command("due")
def due(
    on: Annotated[str, typer.Option(help="As of this day (YYYY-MM-DD); default: today.")] = "",
) -> None:
    """Vouchers whose period is over and that nothing holds."""
    day = dt.date.fromisoformat(on) if on else _today()
    with _database().read() as session:
        for each in retention.due(session, day):
            _say(
                {
                    "voucher": each.voucher_no,
                    "fiscal_year": each.fiscal_year,
                    "expired_on": each.expires,
                    "invoices": each.invoices,
                }
            )


@retention_app.command("propose")
def propose(
    vouchers: Annotated[list[str], typer.Argument(help="Voucher numbers, all of them due.")],
    login: As,
) -> None:
    """Make a disposal list; another person approves it."""
    with _database().write() as session:
        listed = retention.propose(session, vouchers, _actor(session, login), _today())
        _say({"list": listed.id, "vouchers": sorted(set(vouchers))})


@retention_app.command("approve")
def approve(list_id: Annotated[str, typer.Argument(help="Id of the list.")], login: As) -> None:
    """Approve a disposal list that somebody else proposed. The list stays for ever; nothing is
    deleted by this program."""
    with _database().write() as session:
        listed = retention.approve(session, list_id, _actor(session, login), _today())
        _say({"list": listed.id, "approved_at": listed.approved_at})


@retention_app.command("hold")
def hold(
    voucher: Annotated[str, typer.Argument(help="Voucher number.")],
    login: As,
    reason: Annotated[str, typer.Option(help="Why it is held.")] = "",
    lift: Annotated[bool, typer.Option("--lift", help="End the hold instead.")] = False,
) -> None:
    """Keep a voucher whatever the calendar says, or end that."""
    with _database().write() as session:
        actor = _actor(session, login)
        if lift:
            retention.lift(session, voucher, actor)
        else:
            retention.hold(session, voucher, reason, actor)
        _say({"voucher": voucher, "held": not lift})
