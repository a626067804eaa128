"""Signing in with the organisation's own accounts (OpenID Connect), where settings name it.

The authorization code flow with PKCE, state and nonce (RFC 9700). Who comes back is found by issuer
and subject; the first time by the login that the claim names, and is bound from then on. Nobody
gets an account this way: an administrator opens it. The second factor is still asked for here.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from typing import Annotated, Any

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client
from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy.orm import Session

from archive import accounts, audit
from archive.people import Identity, Person
from archive.sealing import SealedByAnother
from extractors.errors import YanpiaoError
from web.asking import services_of
from web.signing_in import enter, safe_address
from worker.settings import Settings

router = APIRouter(prefix="/sign-in/oidc")

_COOKIE = "oidc"
_MINUTES = 10
_SECONDS = 10
#: Signatures by the server's own key only: "none" or a shared secret would let others sign.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]


class OidcNotOffered(YanpiaoError):
    code = "oidc_not_offered"


class OidcFailed(YanpiaoError):
    """The organisation's sign-in did not answer, or its answer proves nothing."""

    code = "oidc_failed"


class OidcUnknown(YanpiaoError):
    """The organisation knows this person, but there is no account here, or it is locked."""

    code = "oidc_unknown"


@dataclass(frozen=True, slots=True)
class Server:
    """What the sign-in server says of itself."""

    issuer: str
    authorization: str
    token: str
    keys: str


def _fetch(address: str) -> Any:
    try:
        return httpx.get(address, timeout=_SECONDS).raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        raise OidcFailed from error


def _server(settings: Settings) -> Server:
    """Raises `OidcNotOffered`, `OidcFailed`."""
    if not settings.oidc_offered:
        raise OidcNotOffered
    issuer = settings.oidc_issuer
    said = _fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    try:
        server = Server(
            said["issuer"], said["authorization_endpoint"], said["token_endpoint"], said["jwks_uri"]
        )
    except (KeyError, TypeError) as error:
        raise OidcFailed from error
    if server.issuer.rstrip("/") != issuer.rstrip("/"):
        raise OidcFailed  # another server's answer (OpenID Connect Discovery 1.0, section 4.3)
    return server


def _client(settings: Settings) -> OAuth2Client:
    return OAuth2Client(
        settings.oidc_client_id,
        settings.oidc_client_secret or None,
        token_endpoint_auth_method="client_secret_basic" if settings.oidc_client_secret else "none",
        scope="openid profile",
        redirect_uri=f"{settings.public_url}/sign-in/oidc/back",
        code_challenge_method="S256",
        timeout=_SECONDS,
    )


@router.get("")
def leave(request: Request, next: str = "/") -> Response:  # noqa: A002 - as it is customary
    """To the organisation's sign-in. What must be known at the return goes with the browser, sealed
    and for this one way only."""
    services = services_of(request)
    server = _server(services.settings)
    nonce, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    with _client(services.settings) as client:
        address, state = client.create_authorization_url(
            server.authorization, nonce=nonce, code_verifier=verifier
        )
    kept = {
        "state": state,
        "nonce": nonce,
        "verifier": verifier,
        "next": safe_address(next),
        "until": time.time() + _MINUTES * 60,
    }
    response = RedirectResponse(address, status_code=303)
    response.set_cookie(
        _COOKIE,
        services.sealer.seal(json.dumps(kept)),
        max_age=_MINUTES * 60,
        path="/sign-in/oidc",
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


@router.get("/back")
def come_back(
    request: Request,
    state: Annotated[str, Query(max_length=500)] = "",
    code: Annotated[str, Query(max_length=4000)] = "",
) -> Response:
    """From the organisation's sign-in: exchange the code, check what it proves, and enter."""
    services = services_of(request)
    if not services.settings.oidc_offered:
        raise OidcNotOffered
    kept = _kept(request)
    if not code or not secrets.compare_digest(kept["state"].encode(), state.encode()):
        raise OidcFailed
    claims = _claims(services.settings, code, kept)
    with services.database.write() as session:
        person = _person(session, services.settings, claims)
    response = enter(request, person, kept["next"])
    response.delete_cookie(_COOKIE, path="/sign-in/oidc")
    return response


def _kept(request: Request) -> dict[str, Any]:
    """What left with this browser, not too long ago. Raises `OidcFailed`."""
    sealed = request.cookies.get(_COOKIE, "")
    try:
        kept: dict[str, Any] = json.loads(services_of(request).sealer.open(sealed))
    except SealedByAnother as error:
        raise OidcFailed from error
    if kept["until"] < time.time():
        raise OidcFailed
    return kept


def _claims(settings: Settings, code: str, kept: dict[str, Any]) -> dict[str, Any]:
    """What the server vouches for: signed by it, for us, for this sign-in, now."""
    server = _server(settings)
    try:
        with _client(settings) as client:
            answer = client.fetch_token(server.token, code=code, code_verifier=kept["verifier"])
        token = jwt.decode(
            answer["id_token"],
            KeySet.import_key_set(_fetch(server.keys)),
            algorithms=_ALGORITHMS,
        )
        jwt.JWTClaimsRegistry(
            leeway=60,
            iss={"essential": True, "value": server.issuer},
            aud={"essential": True, "value": settings.oidc_client_id},
            nonce={"essential": True, "value": kept["nonce"]},
            sub={"essential": True},
            exp={"essential": True},
        ).validate(token.claims)
    except (httpx.HTTPError, AuthlibBaseError, JoseError, KeyError, ValueError) as error:
        raise OidcFailed from error
    return dict(token.claims)


def _person(session: Session, settings: Settings, claims: dict[str, Any]) -> Person:
    """Whose account it is. Raises `OidcUnknown`."""
    issuer, subject = str(claims["iss"]), str(claims["sub"])
    known = session.get(Identity, (issuer, subject))
    if known is not None:
        person = accounts.by_id(session, known.person_id)
    else:
        login = claims.get(settings.oidc_login_claim)
        found = accounts.by_login(session, login) if isinstance(login, str) else None
        if found is None or _is_bound(session, found, issuer):
            raise OidcUnknown
        person = found
        session.add(Identity(issuer=issuer, subject=subject, person_id=person.id))
        audit.record(session, "identity_bound", actor=person.id, detail={"person": person.id})
    if person.disabled_at is not None:
        raise OidcUnknown
    return person


def _is_bound(session: Session, person: Person, issuer: str) -> bool:
    """Whether somebody else of that server stands for this account already: a login that was given
    to a newcomer must not open the account of whoever had it before."""
    query = session.query(Identity).filter_by(issuer=issuer, person_id=person.id)
    return query.first() is not None
