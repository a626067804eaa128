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

from archive import accounts, sessions, tokens
from archive.actors import EVERYWHERE, Actor, Role
from archive.factors import Stage, stage_of
from archive.people import ApiToken, Person, PersonSession
from archive.secrets import digest_of_token
from archive.tokens import Scope
from extractors.errors import YanpiaoError
from web.asking import services_of
from worker.settings import Settings

#: Routes that nobody must be signed in for, by their path as it is declared.
PUBLIC = frozenset(
    {
        "/health",
        "/ready",
        "/metrics",
        "/sign-in",
        "/sign-in/oidc",
        "/sign-in/oidc/back",
        "/link/{token}",
        "/api/v1/openapi.json",
    }
)

#: Tokens count for the programming interface only, never for pages.
TOKENS_REACH = "/api/v1/"

CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"
_COOKIE = "session"
#: With this beginning browsers take the cookie only over https, and only from this very host.
_SECURE_COOKIE = "__Host-session"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class SignInNeeded(YanpiaoError):
    code = "sign_in_needed"


class FactorNeeded(SignInNeeded):
    """The password was right; the second factor is still to be proved, or to be set up."""

    code = "factor_needed"


class ScopeMissing(YanpiaoError):
    """The token is not good for this."""

    code = "scope_missing"


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


def ask_nobody(request: Request) -> None:
    """Take the request for a stranger's from here on: the page that says that the database is away
    cannot look up for whom it is."""
    request.state.session = request.state.token = None


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


def token_of(request: Request) -> ApiToken | None:
    """The living token that the request carries as `Authorization: Bearer ...`."""
    if not hasattr(request.state, "token"):
        request.state.token = _token(request)
    found: ApiToken | None = request.state.token
    return found


def _token(request: Request) -> ApiToken | None:
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not request.url.path.startswith(TOKENS_REACH):
        return None
    database = services_of(request).database
    with database.read() as session:
        found = tokens.find(session, text.strip())
    if found is not None and tokens.is_stale(found):
        with database.write() as session:
            tokens.touch(session, found.id)
    return found


def actor_or_none(request: Request) -> Actor | None:
    """Who asks; None when nobody is signed in, or not yet wholly."""
    if "authorization" in request.headers:
        token = token_of(request)
        return None if token is None else accounts.actor_of(token.person)
    found = session_of(request)
    if found is None or stage_of(found) is not Stage.COMPLETE:
        return None
    return accounts.actor_of(found.person)


def actor_of(request: Request) -> Actor:
    """Who asks. Raises `SignInNeeded` or `FactorNeeded`: pages answer them with the page where one
    signs in, `/api` with 401."""
    actor = actor_or_none(request)
    if actor is not None:
        return actor
    found = None if "authorization" in request.headers else session_of(request)
    if found is not None:
        raise FactorNeeded(stage=stage_of(found))
    raise SignInNeeded


def person_signing_in(request: Request) -> Person:
    """Whose session it is, however far the sign-in has come. Raises `SignInNeeded`."""
    found = None if "authorization" in request.headers else session_of(request)
    if found is None:
        raise SignInNeeded
    return found.person


class Needs:
    """A dependency that lets those through who hold one of the roles, in whatever campus; with no
    role named, everybody who is signed in. Gives the `Actor`.

    `everywhere`: the role must be held for all campuses. `scopes`: what a token must be good for,
    one of them at least; without any, no token is let through. `halfway`: who has yet to prove the
    second factor is let through too.
    """

    def __init__(
        self, roles: tuple[Role, ...], scopes: tuple[Scope, ...], everywhere: bool, halfway: bool
    ) -> None:
        self.roles = roles
        self.scopes = scopes
        self.everywhere = everywhere
        self.halfway = halfway

    def __call__(self, request: Request) -> Actor:
        if self.halfway:
            return accounts.actor_of(person_signing_in(request))
        actor = actor_of(request)
        self._check_scope(request)
        campus = EVERYWHERE if self.everywhere else None
        if self.roles and not any(actor.may(role, campus) for role in self.roles):
            raise NotAllowed
        return actor

    def _check_scope(self, request: Request) -> None:
        if "authorization" not in request.headers:
            return
        token = token_of(request)
        if token is None or not any(scope in token.scopes for scope in self.scopes):
            raise ScopeMissing(scope=self.scopes[-1] if self.scopes else "-")


def needs(
    *roles: Role,
    scope: Scope | tuple[Scope, ...] = (),
    everywhere: bool = False,
    halfway: bool = False,
) -> Needs:
    """For `Depends(needs(Role.REVIEWER))`: on a router, on a route, or as a parameter. Which
    documents the actor then sees, `archive.visibility` decides."""
    scopes = scope if isinstance(scope, tuple) else (scope,)
    return Needs(roles, scopes, everywhere, halfway)


#: A parameter of this type is whoever is signed in.
SignedIn = Annotated[Actor, Depends(needs())]
#: The same, but the second factor may still be missing.
HalfwayIn = Annotated[Actor, Depends(needs(halfway=True))]


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
    refused before (`web.safety`). A token in a header comes from no form, and the session does not
    count beside it."""
    token = session_token(request)
    if request.method in _SAFE_METHODS or not token or "authorization" in request.headers:
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
