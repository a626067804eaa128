"""`yanpiao audit ...`: prove the trail, sign its head now, give the public key out."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select

from archive import bags
from archive.agreement import disagreements
from archive.audit_heads import HeadKey, public_keys
from archive.audit_proof import prove
from archive.records import BagRow
from worker.audit_signing import AuditSigner, key_path
from worker.services import Services
from worker.settings import Settings

audit_app = typer.Typer(help="The audit trail.", no_args_is_help=True)

Keys = Annotated[
    list[Path] | None,
    typer.Option("--key", help="Public keys (PEM) to trust, instead of the data folder's own."),
]


@audit_app.command("verify")
def verify(
    keys: Keys = None,
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Also every row against its bag, and every stored file."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Prove the chain, its signed heads and their copy, and every bag against its record. Exit
    status 1 when anything was changed, is missing, or was reordered."""
    del as_json  # there is no other form: people and scripts read the same names
    settings = Settings()
    services = Services.open(settings)
    pems = [path.read_bytes() for path in keys or ()]
    trusted = public_keys(pems or [HeadKey.kept(key_path(settings)).public])
    with services.database.read() as session:
        proof = prove(session, trusted, settings.audit_copy)
        rows = list(session.scalars(select(BagRow)))
        faults = list(proof.faults)
        if deep:
            faults += disagreements(session, services.bags, services.store)
    if not deep:
        for row in rows:
            with services.bags.local(row.path) as folder:
                inspection = bags.inspect(folder, row.digest)
            faults += [f"bag {row.path}: {fault}" for fault in inspection.faults]
    said = {
        "sound": not faults,
        "rows": proof.rows,
        "heads": proof.heads,
        "last_signed_row": proof.last_signed,
        "bags": len(rows),
        "faults": faults,
    }
    typer.echo(json.dumps(said, ensure_ascii=False))
    raise typer.Exit(1 if faults else 0)


@audit_app.command("sign")
def sign() -> None:
    """Sign the newest row now, and bring the copy up to date."""
    settings = Settings()
    services = Services.open(settings)
    head = AuditSigner(settings, services.database).now()
    typer.echo(json.dumps(asdict(head) if head else {"signed": "already"}))


@audit_app.command("key")
def key() -> None:
    """The public key (PEM), for whoever will verify: keep it apart from this machine."""
    typer.echo(HeadKey.kept(key_path(Settings())).public.decode(), nl=False)
