"""Who asks, and whether they may: the one place that turns a request into an `Actor`.

Every route declares what it needs by `Depends(needs(...))`, on itself or its router, or stands in
`PUBLIC`; a test walks the routes and finds the one that forgot. Roles are read from the database at
every request, so a change takes effect at the next click.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from typing import Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from archive import accounts, sessions
from archive.actors import Actor, Role
from archive.people import PersonSession
from archive.secrets import digest_of_token
from extractors.errors import YanpiaoError
from web.asking import services_of
from worker.settings import Settings

#: Routes that nobody must be signed in for, by their path as it is declared.
PUBLIC = frozenset({"/health", "/sign-in", "/link/{token}"})

CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"
_COOKIE = "session"
#: With this beginning browsers take the cookie only over https, and only from this very host.
_SECURE_COOKIE = "__Host-session"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class SignInNeeded(YanpiaoError):
    code = "sign_in_needed"


class NotAllowed(YanpiaoError):
    code = "not_allowed"


class FormTooOld(YanpiaoError):
    """The form's token is not this session's: the page is from before the last sign-in."""

    code = "form_too_old"


def limits_of(settings: Settings) -> sessions.Limits:
    return sessions.Limits(
        dt.timedelta(seconds=settings.session_idle), dt.timedelta(seconds=settings.session_longest)
    )


# -- the cookie ----------------------------------------------------------------------------


def _cookie_name(request: Request) -> str:
    return _SECURE_COOKIE if request.url.scheme == "https" else _COOKIE


def session_token(request: Request) -> str:
    """The token of the session cookie; "" without one."""
    return request.cookies.get(_cookie_name(request), "")


def set_session(request: Request, response: Response, token: str) -> None:
    """Leave the session with the browser: no script reads it, no other site sends it along."""
    response.set_cookie(
        _cookie_name(request),
        token,
        max_age=int(services_of(request).settings.session_longest),
        path="/",
        httponly=True,
        samesite="lax",  # strict would greet everybody who follows a link from a mail as a stranger
        secure=request.url.scheme == "https",
    )


def forget_session(request: Request, response: Response) -> None:
    secure = request.url.scheme == "https"
    response.delete_cookie(_cookie_name(request), path="/", httponly=True, secure=secure)


# -- who -----------------------------------------------------------------------------------


def session_of(request: Request) -> PersonSession | None:
    """The living session of the request's cookie; looked up once a request."""
    if not hasattr(request.state, "session"):
        request.state.session = _session(request)
    found: PersonSession | None = request.state.session
    return found


def _session(request: Request) -> PersonSession | None:
    token = session_token(request)
    if not token:
        return None
    services = services_of(request)
    with services.database.read() as session:
        found = sessions.find(session, token, limits_of(services.settings))
    if found is not None and sessions.is_stale(found):
        with services.database.write() as session:
            sessions.touch(session, found.token_hash)
    return found


def actor_or_none(request: Request) -> Actor | None:
    """Who asks; None when nobody is signed in."""
    found = session_of(request)
    return None if found is None else accounts.actor_of(found.person)


def actor_of(request: Request) -> Actor:
    """Who asks. Raises `SignInNeeded`: pages answer it with the sign-in page, `/api` with 401."""
    actor = actor_or_none(request)
    if actor is None:
        raise SignInNeeded
    return actor


class Needs:
    """A dependency that lets those through who hold one of the roles, in whatever campus; with no
    role named, everybody who is signed in. Gives the `Actor`."""

    def __init__(self, roles: tuple[Role, ...]) -> None:
        self.roles = roles

    def __call__(self, request: Request) -> Actor:
        actor = actor_of(request)
        if self.roles and not any(actor.may(role) for role in self.roles):
            raise NotAllowed
        return actor


def needs(*roles: Role) -> Needs:
    """For `Depends(needs(Role.REVIEWER))`: on a router, on a route, or as a parameter. Which
    documents the actor then sees, `archive.visibility` decides."""
    return Needs(roles)


#: A parameter of this type is whoever is signed in.
SignedIn = Annotated[Actor, Depends(needs())]


# -- forged requests -----------------------------------------------------------------------


def csrf_token(request: Request) -> str:
    """What the forms of this session carry; another site can neither read nor guess it."""
    return csrf_of(session_token(request))


def csrf_of(token: str) -> str:
    """The token that belongs to a session's own."""
    return hashlib.sha256(f"csrf {token}".encode()).hexdigest() if token else ""


async def check_csrf(request: Request) -> None:
    """A dependency of every route: what changes something with a session's cookie must carry the
    session's token, as a header or as a form's field. Raises `FormTooOld`.

    Requests without a session change nothing but who is signed in, and those of other sites were
    refused before (`web.safety`)."""
    token = session_token(request)
    if request.method in _SAFE_METHODS or not token:
        return
    if await run_in_threadpool(session_of, request) is None:
        return
    given = request.headers.get(CSRF_HEADER)
    if given is None and "form" in request.headers.get("content-type", ""):
        value = (await request.form()).get(CSRF_FIELD)
        given = value if isinstance(value, str) else None
    if given is None or not hmac.compare_digest(given.encode(), csrf_of(token).encode()):
        raise FormTooOld


def session_digest(request: Request) -> str:
    """What the database keeps of this request's session."""
    return digest_of_token(session_token(request))
