"""`yanpiao retention ...`: periods, holds, disposal lists and carrying them out."""

from __future__ import annotations

import datetime as dt
import json
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from sqlalchemy.orm import Session

from archive import accounts, disposal, retention
from archive.actors import Actor
from archive.database import Database
from archive.disposal_tables import DisposalRecord
from worker.disposing import carry_out
from worker.services import Services
from worker.settings import Settings

retention_app = typer.Typer(
    help="How long vouchers are kept, holds, and disposal lists.", no_args_is_help=True
)

As = Annotated[str, typer.Option("--as", help="Login of the archivist who does this.")]


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
    """Approve a disposal list that somebody else proposed. Nothing is deleted yet."""
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


@retention_app.command("lists")
def lists() -> None:
    """Every disposal list, newest first, with how far it is and where its sealed record lies."""
    with _database().read() as session:
        for each in disposal.lists(session):
            record = session.get(DisposalRecord, each.id)
            _say(
                {
                    "list": each.id,
                    "vouchers": disposal.count_of(session, each.id),
                    "proposed_at": each.proposed_at,
                    "approved_at": each.approved_at,
                    "begun_at": each.begun_at,
                    "ended_at": each.ended_at,
                    "record": record.path if record is not None else None,
                }
            )


@retention_app.command("execute")
def execute(
    list_id: Annotated[str, typer.Argument(help="Id of an approved list.")],
    login: As,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask. What is deleted does not come back.")
    ] = False,
) -> None:
    """Delete the vouchers of an approved list: rows, files and bags. The list is sealed first and
    stays. Interrupted, the same command goes on."""
    services = Services.open(Settings())
    with services.database.read() as session:
        actor, count = _actor(session, login), disposal.count_of(session, list_id)
    if not yes:
        typer.confirm(f"Delete {count} vouchers for ever?", abort=True)
    done = carry_out(services, list_id, actor, _today())
    _say(
        {
            "list": done.list_id,
            "vouchers": done.vouchers,
            "deleted": done.deleted,
            "record": done.record,
        }
    )
