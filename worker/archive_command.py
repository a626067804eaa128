"""`yanpiao reindex`, `backup` and `restore`."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from archive import backup, restoring
from archive.database import Database
from archive.records import now
from archive.search import index
from worker.again import next_time
from worker.retention_command import retention_app
from worker.services import Services
from worker.settings import Settings


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.add_typer(retention_app, name="retention")
    app.command()(reindex)
    app.command()(restore)
    app.command("backup")(make_backup)


def _database() -> Database:
    return Services.open(Settings()).database


def _say(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, default=str))


def reindex() -> None:
    """Make the search index again from the invoices. Nothing is written meanwhile."""
    with _database().write() as session:
        _say({"invoices": index.rebuild(session)})


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
    settings = Settings()
    if (from_bags is None) == (from_backup is None):
        raise typer.BadParameter("name either --from-bags or --from-backup")
    if from_backup is not None:
        folder = from_backup.resolve()
        made = backup.restore(
            folder,
            settings.root,
            settings.database,
            backup_id or None,
            settings.keyring,
            settings.storage_url,
        )
        _say({"backup": made.id, "files": len(made.files)})
        return
    assert from_bags is not None  # noqa: S101 - said for the type checker, decided above
    services = Services.open(settings)

    def again_at(sealed: dt.datetime) -> dt.datetime | None:
        return next_time(services.policy.again, sealed, now())

    done = restoring.restore(
        services.database, services.store, from_bags.resolve(), services.bags, again_at
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
    settings = Settings()
    made = backup.backup(
        folder.resolve(),
        settings.root,
        settings.database,
        settings.keyring,
        settings.storage_url,
    )
    _say(
        {
            "backup": made.id,
            "files": len(made.files),
            "new": made.new,
            "new_bytes": made.new_bytes,
            "sealed": settings.keyring is not None,
        }
    )
