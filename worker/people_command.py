"""`yanpiao people ...` and `yanpiao admin link`: accounts from the machine's own command line.

Whoever may run it owns the data folder anyway, so nobody is asked who they are.
"""

from __future__ import annotations

import secrets
import sys
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.orm import Session

from archive import accounts
from archive.actors import Role
from archive.database import Database
from archive.people import Person
from worker.settings import Settings

people_app = typer.Typer(help="Accounts: who may sign in and do what.", no_args_is_help=True)
admin_app = typer.Typer(help="The administrator's way in.", no_args_is_help=True)

Login = Annotated[str, typer.Argument(help="What the person types to sign in.")]
Roles = Annotated[
    list[str],
    typer.Option("--role", help="A role, or ROLE@CAMPUS for one campus only; may be repeated."),
]


def _database(settings: Settings) -> Database:
    database = Database(settings.database)
    database.migrate()
    return database


def _refuse(words: str) -> NoReturn:
    typer.echo(words, err=True)
    raise typer.Exit(2)


def _grants(roles: list[str]) -> list[tuple[Role, str]]:
    grants = []
    for each in roles:
        role, _, campus = each.partition("@")
        if role not in set(Role):
            _refuse(f"{role} is no role; there are {', '.join(Role)}.")
        grants.append((Role(role), campus))
    return grants


@people_app.command("add")
def add(
    login: Login,
    roles: Roles,
    name: Annotated[str, typer.Option(help="The person's name; default: the login.")] = "",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    no_second_factor: Annotated[
        bool,
        typer.Option(
            "--no-second-factor",
            help="Never ask this account for a second factor: for demonstrations and machines.",
        ),
    ] = False,
) -> None:
    """Make an account and print its password, unless that was given."""
    grants = _grants(roles)
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else secrets.token_urlsafe(12)
    with _database(Settings()).write() as session:
        accounts.add_person(
            session, login, name, grants, password=password, factor_waived=no_second_factor
        )
    if not password_stdin:
        typer.echo(password)


@people_app.command("list")
def list_people() -> None:
    """Every account, its roles, and whether it is locked."""
    table = Table("login", "name", "roles", "second factor", "locked")
    with _database(Settings()).read() as session:
        for person in session.scalars(select(Person).order_by(Person.login)):
            roles = ", ".join(
                f"{grant.role}@{grant.campus}" if grant.campus else grant.role
                for grant in person.grants
            )
            factor = "waived" if person.factor_waived else "set" if person.totp_sealed else "no"
            locked = "locked" if person.disabled_at else ""
            table.add_row(person.login, person.name, roles, factor, locked)
    Console().print(table)


@people_app.command("roles")
def roles_of(login: Login, roles: Roles) -> None:
    """Let the account hold exactly these roles, from its next request on."""
    grants = _grants(roles)
    with _database(Settings()).write() as session:
        accounts.set_grants(session, _person(session, login), grants)


@people_app.command("lock")
def lock(login: Login) -> None:
    """Lock the account and sign it out everywhere."""
    with _database(Settings()).write() as session:
        accounts.set_disabled(session, _person(session, login), disabled=True)


@people_app.command("unlock")
def unlock(login: Login) -> None:
    """Open the account again."""
    with _database(Settings()).write() as session:
        accounts.set_disabled(session, _person(session, login), disabled=False)


@people_app.command("link")
def link(login: Login) -> None:
    """Print a link with which the person sets a new password, once and within the hour."""
    settings = Settings()
    with _database(settings).write() as session:
        token = accounts.make_link(session, "password", _person(session, login))
    typer.echo(link_address(settings, token))


@admin_app.command("link")
def admin_link() -> None:
    """Print a link that makes an administrator, once and within the hour."""
    settings = Settings()
    typer.echo(_admin_link(settings, _database(settings)))


def _person(session: Session, login: str) -> Person:
    person = accounts.by_login(session, login)
    if person is None:
        raise accounts.UnknownPerson
    return person


def _admin_link(settings: Settings, database: Database) -> str:
    with database.write() as session:
        return link_address(settings, accounts.make_link(session, "admin"))


def link_address(settings: Settings, token: str) -> str:
    """Where the link leads: the address that people call the server by."""
    return f"{settings.public_url}/link/{token}"


def welcome_admin(settings: Settings) -> None:
    """While nobody can manage accounts, print the link that makes the administrator."""
    database = _database(settings)
    with database.read() as session:
        ready = accounts.has_admin(session)
    if not ready:
        typer.echo("There is no administrator yet. Make one within the hour, at")
        typer.echo(f"  {_admin_link(settings, database)}")
        sys.stdout.flush()
    database.close()
