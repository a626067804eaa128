"""`yanpiao storage ...`: the keys that files and bags are sealed with (docs/security.md), and files
that nobody knows."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from archive import audit
from archive.encrypted import open_folder
from archive.keyring import Keyring, new_key
from archive.rekeying import rekey as rekey_all
from archive.storage import open_storage
from archive.store import StorageKeyMissing
from archive.unclaimed import ASIDE, set_aside
from worker.services import Services
from worker.settings import Settings

app = typer.Typer(help="What is kept: its keys, and files that nobody knows.", no_args_is_help=True)


def _ring(settings: Settings) -> Keyring:
    """Raises `StorageKeyMissing` where none is set."""
    ring = settings.keyring
    if ring is None:
        raise StorageKeyMissing(name="STORAGE_KEY")
    return ring


@app.command("new-key")
def make_key(
    file: Annotated[Path, typer.Argument(help="Where to write it; must not exist yet.")],
) -> None:
    """Make a key in a file that only its owner may read. Keep a second copy of it elsewhere:
    without a key nobody opens what it sealed, ever."""
    file.touch(mode=0o600, exist_ok=False)
    file.write_text(f"# Yanpiao storage key (age)\n{new_key()}\n", encoding="utf-8")
    typer.echo(str(file))


@app.command()
def rekey() -> None:
    """Seal everything that is kept with the first key: what lies plain, and what is under an older
    key. May be broken off and begun again, while everything runs. Exit status 1 when something was
    left as it is; only after 0 may an older key be taken away."""
    settings = Settings()
    ring = _ring(settings)
    services = Services.open(settings)
    storage = open_storage(settings.storage_url, settings.root, ring)
    done = rekey_all(storage.places, ring)
    counts = {name: number for name, number in asdict(done).items() if name != "faults"}
    with services.database.write() as session:
        audit.record(session, "storage_rekeyed", detail={**counts, "faults": len(done.faults)})
    services.close()
    typer.echo(json.dumps(asdict(done), ensure_ascii=False))
    raise typer.Exit(1 if done.faults else 0)


@app.command("open")
def open_copy(
    source: Annotated[Path, typer.Argument(help="A folder with sealed files, such as a bag.")],
    target: Annotated[Path, typer.Argument(help="Where to; must not exist yet.")],
) -> None:
    """Copy a folder with its sealed files opened, to hand it on or to restore from it."""
    ring = _ring(Settings())
    target.mkdir(mode=0o700)
    typer.echo(json.dumps({"opened": open_folder(source, target, ring)}))


@app.command()
def unclaimed(
    patience: Annotated[
        float, typer.Option(min=0, help="Seconds that a file has to get its row.")
    ] = 900.0,
) -> None:
    """Set files aside that no document, proof or picture names: what was kept when the database
    failed in the same moment, and was never acknowledged. They lie in `unclaimed/` beside `files/`
    then; nothing is deleted. May run at any time; once a month is enough."""
    settings = Settings()
    services = Services.open(settings)
    storage = open_storage(settings.storage_url, settings.root, settings.keyring)
    names = set_aside(services.database, storage.places, patience)
    with services.database.write() as session:
        audit.record(session, "files_set_aside", detail={"count": len(names)})
    services.close()
    typer.echo(json.dumps({"folder": ASIDE, "set_aside": names}))
