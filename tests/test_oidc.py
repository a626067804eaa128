"""Signing in with the organisation's own accounts, against a stand-in server on a real port."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey
from starlette.testclient import TestClient

from archive import accounts
from archive.actors import EVERYWHERE, Role
from fixtures.portal import serving
from fixtures.services import free_port
from fixtures.sign_in_server import CLIENT_ID, CLIENT_SECRET, SignInServer
from web.app import create_app
from worker.services import Services
from worker.settings import Settings


@pytest.fixture(scope="module")
def server() -> Iterator[SignInServer]:
    made = SignInServer("")
    with serving(made.app()) as address:
        made.issuer = address
        yield made


@pytest.fixture
def web(settings: Settings, server: SignInServer) -> Iterator[TestClient]:
    server.user = {"sub": "1", "preferred_username": "li"}
    server.claims, server.strange_key = {}, None
    chosen = settings.model_copy(
        update={
            "oidc_issuer": server.issuer,
            "oidc_client_id": CLIENT_ID,
            "oidc_client_secret": CLIENT_SECRET,
            "web_url": "http://localhost",
        }
    )
    with TestClient(create_app(chosen), base_url="http://localhost") as client:
        yield client


def _add(web: TestClient, login: str) -> str:
    services: Services = web.app.state.services  # type: ignore[attr-defined]
    with services.database.write() as session:
        return accounts.add_person(session, login, login, [(Role.AUDITOR, EVERYWHERE)]).id


def _way(web: TestClient, **changes: str) -> Any:
    """Leave, be let in there, come back with what the server says."""
    left = web.get("/sign-in/oidc", params={"next": "/find?q=1"}, follow_redirects=False)
    assert left.status_code == 303
    there = httpx.get(left.headers["location"], follow_redirects=False)
    assert there.status_code == 303
    back = urlsplit(there.headers["location"])
    said = {name: values[0] for name, values in parse_qs(back.query).items()}
    return web.get(back.path, params=said | changes, follow_redirects=False)


def test_whom_the_organisation_knows_comes_in(web: TestClient) -> None:
    _add(web, "li")
    assert "/sign-in/oidc?next=" in web.get("/sign-in").text
    entered = _way(web)
    assert (entered.status_code, entered.headers["location"]) == (303, "/find?q=1")
    assert web.get("/find").status_code == 200


def test_an_account_is_bound_to_who_came_first(web: TestClient, server: SignInServer) -> None:
    _add(web, "li")
    _add(web, "wang")
    assert _way(web).status_code == 303
    server.user = {"sub": "1", "preferred_username": "wang"}  # renamed there: still the first one
    web.cookies.clear()
    _way(web)
    assert "li</small>" in web.get("/account").text
    server.user = {"sub": "2", "preferred_username": "li"}  # a newcomer who was given that login
    web.cookies.clear()
    assert _way(web).status_code == 403


def test_without_an_account_or_with_a_locked_one_nobody_comes_in(web: TestClient) -> None:
    assert _way(web).status_code == 403
    person = _add(web, "li")
    services: Services = web.app.state.services  # type: ignore[attr-defined]
    with services.database.write() as session:
        accounts.set_disabled(session, accounts.by_id(session, person), disabled=True)
    assert _way(web).status_code == 403


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another-client"},
        {"iss": "https://evil.example"},
        {"nonce": "of another sign-in"},
        {"exp": 1},
        {"sub": None},
    ],
)
def test_what_is_said_for_another_proves_nothing(
    web: TestClient, server: SignInServer, claims: dict[str, Any]
) -> None:
    _add(web, "li")
    server.claims = claims
    assert _way(web).status_code == 502
    assert web.get("/find", follow_redirects=False).status_code == 303


def test_a_strange_signature_proves_nothing(web: TestClient, server: SignInServer) -> None:
    _add(web, "li")
    server.strange_key = RSAKey.generate_key(2048)
    assert _way(web).status_code == 502


def test_a_return_that_nobody_left_for_is_refused(web: TestClient) -> None:
    _add(web, "li")
    assert _way(web, state="another").status_code == 502
    assert _way(web, code="another").status_code == 502
    web.cookies.clear()
    assert web.get("/sign-in/oidc/back?code=a&state=b").status_code == 502


def test_without_settings_the_way_is_not_there(settings: Settings) -> None:
    with TestClient(create_app(settings), base_url="http://localhost") as web:
        assert "/sign-in/oidc" not in web.get("/sign-in").text
        assert web.get("/sign-in/oidc").status_code == 404


def test_a_server_that_is_away_is_said(settings: Settings) -> None:
    away = settings.model_copy(
        update={"oidc_issuer": f"http://127.0.0.1:{free_port()}", "oidc_client_id": CLIENT_ID}
    )
    with TestClient(create_app(away), base_url="http://localhost") as web:
        assert web.get("/sign-in/oidc").status_code == 502
