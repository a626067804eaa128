"""Signing in and out, and what a one-time link leads to."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from archive import accounts, audit, sessions
from archive.actors import EVERYWHERE, Actor, Role
from archive.people import Person
from archive.secrets import LONGEST_PASSWORD, SHORTEST_PASSWORD, password_matches
from extractors.errors import YanpiaoError
from web.rendering import language_of, render, services_of
from web.who import (
    SignedIn,
    actor_or_none,
    forget_session,
    session_token,
    set_session,
)

router = APIRouter()

Login = Annotated[str, Form(max_length=64)]
#: A field for a longer one would only let strangers make the server hash megabytes.
Password = Annotated[str, Form(max_length=LONGEST_PASSWORD)]
Name = Annotated[str, Form(max_length=64)]
Next = Annotated[str, Form(max_length=500)]


def safe_address(wish: str) -> str:
    """The page to go on to: one of ours, or the first one. Never another site."""
    ours = wish.startswith("/") and not wish.startswith(("//", "/\\"))
    return wish if ours and wish.isprintable() else "/"


@router.get("/sign-in")
def sign_in_page(request: Request, next: str = "/") -> Response:  # noqa: A002 - as it is customary
    if actor_or_none(request) is not None:
        return RedirectResponse(safe_address(next), status_code=303)
    return _sign_in_page(request, next)


def _sign_in_page(
    request: Request, going_to: str, login: str = "", fault: str = "", status_code: int = 200
) -> HTMLResponse:
    values = {"next": safe_address(going_to), "login": login, "fault": fault}
    return render(request, "sign_in.html", values, status_code=status_code)


@router.post("/sign-in")
def sign_in(
    request: Request,
    login: Login,
    password: Password,
    next: Next = "/",  # noqa: A002
) -> Response:
    """Login and password. Unknown, locked and wrong are answered alike, in the same time."""
    services = services_of(request)
    with services.database.read() as session:
        person = accounts.by_login(session, login)
    matches = password_matches(password, person.password_hash if person else None)
    if person is None or not matches or person.disabled_at is not None:
        with services.database.write() as session:
            audit.record(session, "sign_in_failed", actor=person.id if person else "nobody")
        return _sign_in_page(request, next, login, "sign_in_wrong", status_code=401)
    return enter(request, person, safe_address(next))


def enter(
    request: Request, person: Person, going_to: str, *, factor_proved: bool = False
) -> Response:
    """Begin a session for a person who has proved to be them; the browser's old one ends."""
    with services_of(request).database.write() as session:
        if old := session_token(request):
            sessions.end(session, old)
        token = sessions.begin(
            session,
            person,
            address=request.client.host if request.client else "",
            browser=request.headers.get("user-agent", ""),
            factor_proved=factor_proved,
        )
    response = RedirectResponse(going_to, status_code=303)
    set_session(request, response, token)
    return response


@router.post("/sign-out")
def sign_out(request: Request, _: SignedIn) -> Response:
    with services_of(request).database.write() as session:
        sessions.end(session, session_token(request))
    response = RedirectResponse("/sign-in", status_code=303)
    forget_session(request, response)
    return response


@router.get("/link/{token}")
def link_page(request: Request, token: str) -> Response:
    """What a one-time link offers; looking at it does not use it up."""
    return _link_page(request, token)


def _link_page(request: Request, token: str, fault: str = "", login: str = "") -> Response:
    with services_of(request).database.read() as session:
        link = accounts.find_link(session, token)
        person = accounts.by_id(session, link.person_id) if link.person_id else None
    values = {
        "token": token,
        "purpose": link.purpose,
        "login": person.login if person else login,
        "fault": fault,
        "shortest": SHORTEST_PASSWORD,
    }
    return render(request, "link.html", values, status_code=422 if fault else 200)


@router.post("/link/{token}")
def follow_link(
    request: Request, token: str, password: Password, login: Login = "", name: Name = ""
) -> Response:
    """Make the administrator, or set the password anew, and sign in."""
    try:
        with services_of(request).database.write() as session:
            link = accounts.use_link(session, token)
            if link.purpose == "admin":
                grants = [(Role.ADMIN, EVERYWHERE)]
                person = accounts.add_person(session, login, name, grants, password=password)
            else:
                person = accounts.by_id(session, link.person_id or "")
                accounts.set_password(session, person, password, _themselves(person))
    except (accounts.BadLogin, accounts.LoginTaken, accounts.WeakPassword) as error:
        return _link_page(request, token, _said(request, error), login)
    return enter(request, person, "/")


def _themselves(person: Person) -> Actor:
    return accounts.actor_of(person)


def _said(request: Request, error: YanpiaoError) -> str:
    language = language_of(request)
    return f"{error.message(language)} {error.hint(language)}"
