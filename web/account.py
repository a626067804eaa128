"""One's own account: password, second factor, where one is signed in, and tokens for programs."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import RedirectResponse, Response

from archive import accounts, factors, sessions, throttle, tokens
from archive.actors import Actor
from archive.secrets import LONGEST_PASSWORD, SHORTEST_PASSWORD, password_matches
from archive.tokens import Scope
from extractors.errors import YanpiaoError
from web.asking import services_of
from web.rendering import render
from web.signing_in import enter, said
from web.who import SignedIn, limits_of, session_digest

router = APIRouter(prefix="/account")

Password = Annotated[str, Form(max_length=LONGEST_PASSWORD)]
TokenId = Annotated[str, Path(pattern="^[0-9a-f]{24}$")]
#: Days that a new token lives; 0: until it is revoked.
_LIVES = (30, 90, 365, 0)


class PasswordWrong(YanpiaoError):
    """The present password, asked again before something that matters, is not right."""

    code = "password_wrong"


@router.get("")
def own_account(request: Request, actor: SignedIn) -> Response:
    return _page(request, actor)


def _page(request: Request, actor: Actor, *, fault: str = "", token: str = "") -> Response:
    services = services_of(request)
    with services.database.read() as session:
        person = accounts.by_id(session, actor.id)
        values = {
            "person": person,
            "required": factors.is_required(person),
            "codes_left": factors.codes_left(session, person),
            "sessions": sessions.of_person(session, actor.id, limits_of(services.settings)),
            "this_session": session_digest(request),
            "tokens": tokens.of_person(session, actor.id),
        }
    more = {
        "scopes": list(Scope),
        "lives": _LIVES,
        "shortest": SHORTEST_PASSWORD,
        "fault": fault,
        "new_token": token,
    }
    return render(request, "account.html", {**values, **more}, status_code=422 if fault else 200)


def _insist_on_password(request: Request, actor: Actor, password: str) -> None:
    """A browser left open must not be enough for what matters. Raises `PasswordWrong`."""
    counter = throttle.account(actor.login)
    database = services_of(request).database
    with database.write() as session:
        wait = throttle.attempt(session, counter)
        digest = accounts.by_id(session, actor.id).password_hash
    if wait is not None or not password_matches(password, digest):
        raise PasswordWrong
    with database.write() as session:
        throttle.succeeded(session, counter)


@router.post("/password")
def change_password(
    request: Request, actor: SignedIn, present: Password, password: Password
) -> Response:
    """Change the password: everywhere else is signed out, here goes on with a new session."""
    try:
        _insist_on_password(request, actor, present)
        with services_of(request).database.write() as session:
            person = accounts.by_id(session, actor.id)
            accounts.set_password(session, person, password, actor)
    except (PasswordWrong, accounts.WeakPassword) as error:
        return _page(request, actor, fault=said(request, error))
    return enter(request, person, "/account", factor_proved=person.totp_sealed is not None)


@router.post("/second-factor/remove")
def remove_factor(request: Request, actor: SignedIn, present: Password) -> Response:
    """Take one's own factor away, where no role needs it."""
    try:
        _insist_on_password(request, actor, present)
        with services_of(request).database.write() as session:
            person = accounts.by_id(session, actor.id)
            factors.take_away(session, person, actor, keep=session_digest(request))
    except (PasswordWrong, factors.FactorRequired) as error:
        return _page(request, actor, fault=said(request, error))
    return RedirectResponse("/account", status_code=303)


@router.post("/recovery-codes")
def recovery_codes(request: Request, actor: SignedIn, present: Password) -> Response:
    """New recovery codes; the old ones die."""
    try:
        _insist_on_password(request, actor, present)
    except PasswordWrong as error:
        return _page(request, actor, fault=said(request, error))
    with services_of(request).database.write() as session:
        codes = factors.new_recovery_codes(session, accounts.by_id(session, actor.id))
    return render(request, "recovery_codes.html", {"codes": codes, "next": "/account"})


@router.post("/sessions/end")
def end_others(request: Request, actor: SignedIn) -> Response:
    """Sign out everywhere else."""
    with services_of(request).database.write() as session:
        accounts.end_sessions(session, actor.id, keep=session_digest(request))
    return RedirectResponse("/account", status_code=303)


@router.post("/tokens")
def make_token(
    request: Request,
    actor: SignedIn,
    present: Password,
    label: Annotated[str, Form(min_length=1, max_length=64)],
    days: Annotated[int, Form(ge=0, le=3650)],
    scopes: Annotated[list[Scope] | None, Form()] = None,
) -> Response:
    """A token for a program, which acts as oneself; its text is shown this once."""
    try:
        _insist_on_password(request, actor, present)
    except PasswordWrong as error:
        return _page(request, actor, fault=said(request, error))
    lives = dt.timedelta(days=days) if days else None
    with services_of(request).database.write() as session:
        text = tokens.make(session, actor, label, scopes or [], lives)
    return _page(request, actor, token=text)


@router.post("/tokens/{token_id}/revoke")
def revoke_token(request: Request, actor: SignedIn, token_id: TokenId) -> Response:
    with services_of(request).database.write() as session:
        tokens.revoke(session, actor, token_id)
    return RedirectResponse("/account", status_code=303)
