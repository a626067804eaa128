"""Signing in and out: the password, the second factor, and what a one-time link leads to."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import segno
from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup

from archive import accounts, audit, factors, sessions, throttle
from archive.actors import EVERYWHERE, Role
from archive.people import Person
from archive.secrets import (
    LONGEST_PASSWORD,
    SHORTEST_PASSWORD,
    hash_password,
    needs_rehash,
    password_matches,
)
from extractors.errors import YanpiaoError
from web.asking import language_of, services_of
from web.rendering import render
from web.who import (
    HalfwayIn,
    actor_or_none,
    forget_session,
    limits_of,
    person_signing_in,
    session_digest,
    session_token,
    set_session,
)

router = APIRouter()

Login = Annotated[str, Form(max_length=64)]
#: A field for a longer one would only let strangers make the server hash megabytes.
Password = Annotated[str, Form(max_length=LONGEST_PASSWORD)]
Name = Annotated[str, Form(max_length=64)]
Code = Annotated[str, Form(max_length=40)]
Next = Annotated[str, Form(max_length=500)]


def safe_address(wish: str) -> str:
    """The page to go on to: one of ours, or the first one. Never another site."""
    ours = wish.startswith("/") and not wish.startswith(("//", "/\\"))
    return wish if ours and wish.isprintable() else "/"


def host_of(request: Request) -> str:
    """The address that asks, as the server (or the proxy it trusts) saw it."""
    return request.client.host if request.client else ""


def said(request: Request, error: YanpiaoError) -> str:
    """What went wrong and what to do, in the reader's language."""
    language = language_of(request)
    return f"{error.message(language)} {error.hint(language)}".strip()


def wait_page(request: Request, wait: dt.timedelta) -> Response:
    """After too many failures: how long nothing is looked at."""
    seconds = max(1, int(wait.total_seconds()))
    page = render(request, "sign_in_wait.html", {"minutes": -(-seconds // 60)}, status_code=429)
    page.headers["Retry-After"] = str(seconds)
    return page


# -- the password --------------------------------------------------------------------------


@router.get("/sign-in")
def sign_in_page(request: Request, next: str = "/") -> Response:  # noqa: A002 - as it is customary
    if actor_or_none(request) is not None:
        return RedirectResponse(safe_address(next), status_code=303)
    return _sign_in_page(request, next)


def _sign_in_page(
    request: Request, going_to: str, login: str = "", fault: str = "", status_code: int = 200
) -> HTMLResponse:
    values = {
        "next": safe_address(going_to),
        "login": login,
        "fault": fault,
        "oidc": services_of(request).settings.oidc_offered,
    }
    return render(request, "sign_in.html", values, status_code=status_code)


@router.post("/sign-in")
def sign_in(
    request: Request,
    login: Login,
    password: Password,
    next: Next = "/",  # noqa: A002
) -> Response:
    """Login and password. Unknown, locked and wrong are answered alike, in the same time."""
    database = services_of(request).database
    counters = (throttle.account(login), throttle.address(host_of(request)))
    with database.write() as session:
        wait = throttle.attempt(session, *counters)
        person = accounts.by_login(session, login)
    if wait is not None:
        return wait_page(request, wait)
    matches = password_matches(password, person.password_hash if person else None)
    if person is None or not matches or person.disabled_at is not None:
        with database.write() as session:
            audit.record(session, "sign_in_failed", actor=person.id if person else "nobody")
        return _sign_in_page(request, next, login, "sign_in_wrong", status_code=401)
    with database.write() as session:
        throttle.succeeded(session, *counters)
        if needs_rehash(person.password_hash or ""):
            accounts.by_id(session, person.id).password_hash = hash_password(password)
    return enter(request, person, safe_address(next))


def enter(
    request: Request, person: Person, going_to: str, *, factor_proved: bool = False
) -> Response:
    """Begin a session for a person who has proved to be them; the browser's old one ends."""
    services = services_of(request)
    with services.database.write() as session:
        if old := session_token(request):
            sessions.end(session, old)
        sessions.forget_old(session, limits_of(services.settings))
        token = sessions.begin(
            session,
            person,
            address=host_of(request),
            browser=request.headers.get("user-agent", ""),
            factor_proved=factor_proved,
        )
    response = RedirectResponse(going_to, status_code=303)
    set_session(request, response, token)
    return response


@router.post("/sign-out")
def sign_out(request: Request, _: HalfwayIn) -> Response:
    with services_of(request).database.write() as session:
        sessions.end(session, session_token(request))
    response = RedirectResponse("/sign-in", status_code=303)
    forget_session(request, response)
    return response


# -- the second factor ---------------------------------------------------------------------


@router.get("/sign-in/code")
def code_page(request: Request, _: HalfwayIn, next: str = "/") -> Response:  # noqa: A002
    return render(request, "sign_in_code.html", {"next": safe_address(next), "fault": ""})


@router.post("/sign-in/code")
def prove_code(
    request: Request,
    _: HalfwayIn,
    code: Code,
    next: Next = "/",  # noqa: A002
) -> Response:
    """A code of the authenticator or a recovery code; the session gets a new token with it."""
    services, person = services_of(request), person_signing_in(request)
    counter = throttle.factor(person.id)
    with services.database.write() as session:
        wait = throttle.attempt(session, counter)
    if wait is not None:
        return wait_page(request, wait)
    try:
        with services.database.write() as session:
            factors.prove(session, accounts.by_id(session, person.id), code, services.sealer)
            throttle.succeeded(session, counter)
    except factors.WrongCode as error:
        with services.database.write() as session:
            audit.record(session, "factor_failed", actor=person.id)
        values = {"next": safe_address(next), "fault": said(request, error)}
        return render(request, "sign_in_code.html", values, status_code=422)
    return enter(request, person, safe_address(next), factor_proved=True)


@router.get("/sign-in/second-factor")
def factor_page(request: Request, _: HalfwayIn, next: str = "/") -> Response:  # noqa: A002
    """Set the second factor up: right after the first sign-in, where a role needs it, or by wish
    from one's own account."""
    if person_signing_in(request).totp_sealed is not None:
        return RedirectResponse("/account", status_code=303)
    return _factor_page(request, factors.new_seed(), next)


def _factor_page(request: Request, seed: str, going_to: str, fault: str = "") -> Response:
    person = person_signing_in(request)
    values = {
        "seed": seed,
        "sealed": services_of(request).sealer.seal(f"{person.id} {seed}"),
        "qr": drawn_code(factors.address_of(seed, person.login)),
        "next": safe_address(going_to),
        "required": factors.is_required(person),
        "fault": fault,
    }
    return render(request, "second_factor.html", values, status_code=422 if fault else 200)


def drawn_code(text: str) -> Markup:
    """A QR code as an inline drawing: no request, no style, so the page's policy allows it."""
    drawing = segno.make(text, error="m").svg_inline(
        scale=5, border=4, dark="#000", light="#fff", svgclass="qr", lineclass=None, omitsize=False
    )
    return Markup(drawing)  # noqa: S704 - drawn here, of squares only


@router.post("/sign-in/second-factor")
def set_up_factor(
    request: Request,
    _: HalfwayIn,
    sealed: Annotated[str, Form(max_length=500)],
    code: Code,
    next: Next = "/",  # noqa: A002
) -> Response:
    """Keep the factor, once a code proves it, and show the recovery codes. The seed travels in the
    form sealed and bound to the person, so that nobody can plant one of theirs."""
    services, person = services_of(request), person_signing_in(request)
    owner, _space, seed = services.sealer.open(sealed).partition(" ")
    if owner != person.id or person.totp_sealed is not None:
        raise factors.WrongCode
    try:
        with services.database.write() as session:
            fresh = accounts.by_id(session, person.id)
            codes = factors.set_up(session, fresh, seed, code, services.sealer)
            accounts.end_sessions(session, person.id, keep=session_digest(request))
            sessions.prove_factor(session, session_digest(request))
    except factors.WrongCode as error:
        return _factor_page(request, seed, next, said(request, error))
    return render(request, "recovery_codes.html", {"codes": codes, "next": safe_address(next)})


# -- one-time links ------------------------------------------------------------------------


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
                accounts.set_password(session, person, password, accounts.actor_of(person))
                throttle.succeeded(session, throttle.account(person.login))
    except (accounts.BadLogin, accounts.LoginTaken, accounts.WeakPassword) as error:
        return _link_page(request, token, said(request, error), login)
    if person.disabled_at is not None:
        return RedirectResponse("/sign-in", status_code=303)
    return enter(request, person, "/")
