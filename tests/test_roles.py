"""Every route as every role, and as nobody: one table says what is to come of it.

A route that is not in the table fails the test, so a new one is thought about here too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.testclient import TestClient

from archive.actors import Role
from tests.helpers import sign_in
from web.app import create_app
from worker import broker
from worker.settings import Settings

S, R, A, U, M = Role.SUBMITTER, Role.REVIEWER, Role.ARCHIVIST, Role.AUDITOR, Role.ADMIN
EVERYBODY = frozenset({S, R, A, U, M})
OFFICE = frozenset({R, A, U, M})
#: Methods, path as it is declared, who may; the first line that fits holds. None: also who is not
#: signed in.
TABLE: tuple[tuple[str, str, frozenset[Role] | None], ...] = (
    ("GET POST", "/sign-in", None),
    ("GET", "/sign-in/oidc(/back)?", None),
    ("GET POST", r"/link/\{token\}", None),
    ("GET", "/health|/ready|/metrics|/api/v1/openapi.json", None),
    ("GET POST", "/sign-in/(code|second-factor)", EVERYBODY),
    ("POST", "/sign-out", EVERYBODY),
    ("GET POST", "/account(/.*)?", EVERYBODY),
    ("GET", "/|/latest|/find|/find/results", EVERYBODY),
    ("GET", "/find/.*", OFFICE),
    ("GET", r"/batches/\{batch_id\}(/rows)?", EVERYBODY),
    ("GET", r"/documents/\{document_id\}(/.*)?|/evidence/\{evidence_id\}", EVERYBODY),
    ("GET POST", "/notices(/.*)?", EVERYBODY),
    ("GET", "/api/events(/now)?", EVERYBODY),
    ("POST", "/upload|/api/(upload|claims|known)", frozenset({S})),
    ("GET POST PATCH DELETE", "/api/transfers(/.*)?", frozenset({S})),
    ("GET POST", "/new|/claims(/.*)?", frozenset({S})),
    ("GET", "/review(/.*)?", OFFICE),
    ("POST", "/review/.*", frozenset({R})),
    ("GET", "/vouchers(/.*)?", OFFICE),
    ("POST", "/vouchers(/.*)?", frozenset({R, A})),
    ("GET", "/dashboard(/.*)?", OFFICE),
    ("GET", "/audit(/.*)?", frozenset({U, M})),
    ("GET POST", "/captcha|/api/captcha/.*", frozenset({R, A, M})),
    ("GET POST", "/people(/.*)?", frozenset({M})),
    ("POST", "/api/v1/documents", frozenset({S})),
    ("GET", "/api/v1/documents(/.*)?|/api/v1/me", EVERYBODY),
    ("GET", "/api/v1/vouchers/.*", OFFICE),
    ("POST", "/api/v1/vouchers(/.*)?", frozenset({R, A})),
    ("GET POST DELETE", "/api/v1/webhooks(/.*)?", frozenset({R, A, M})),
)
#: Signing out ends at the door whoever asks; figures have a token, or a machine, of their own
#: (tests of the monitoring).
OWN_DOOR = {"/sign-out", "/metrics"}
#: These answers never end, so only those are tried who must not get any.
ENDLESS = {"/api/events"}


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = Settings(
        data=tmp_path_factory.mktemp("roles"), api_per_minute=100_000, uploads_per_minute=100_000
    )
    with (
        broker.bundled(settings),
        TestClient(create_app(settings), base_url="http://localhost") as client,
    ):
        yield client


def _routes(web: TestClient) -> list[tuple[str, str]]:
    app: FastAPI = web.app  # type: ignore[assignment]
    return sorted(
        (method, str(route.path))
        for route in iter_route_contexts(app.routes)
        for method in (route.methods or ())
        if method != "HEAD"
    )


def _who(method: str, path: str) -> frozenset[Role] | str | None:
    for methods, pattern, who in TABLE:
        if method in methods.split() and re.fullmatch(pattern, path):
            return who
    return "nobody thought of it"


def _ask(web: TestClient, method: str, path: str) -> str:
    """What a bare request comes to: `sign in`, `forbidden`, or `let through`."""
    address = re.sub(r"\{[^}]*\}", "0" * 24, path)
    reply = web.request(method, address, follow_redirects=False)
    if reply.status_code == 401 or reply.headers.get("location", "").startswith("/sign-in?"):
        return "sign in"
    if reply.status_code == 303 and reply.headers["location"] == "/sign-in" and path != "/sign-out":
        return "sign in"
    assert reply.status_code < 500 or path in ("/health", "/ready"), (
        f"{method} {path}: {reply.status_code}"
    )
    return "forbidden" if reply.status_code == 403 else "let through"


def test_every_route_is_in_the_table(web: TestClient) -> None:
    missing = [route for route in _routes(web) if isinstance(_who(*route), str)]
    assert missing == []


def test_nobody_comes_in_but_by_the_door(web: TestClient) -> None:
    web.cookies.clear()
    web.headers.pop("X-CSRF-Token", None)
    wrong = []
    for method, path in _routes(web):
        if path in OWN_DOOR:
            continue
        expected = "let through" if _who(method, path) is None else "sign in"
        if (seen := _ask(web, method, path)) != expected:
            wrong.append((method, path, seen))
    assert wrong == []


@pytest.mark.parametrize("role", list(Role))
def test_every_role_may_what_the_table_says(web: TestClient, role: Role) -> None:
    wrong = []
    for method, path in _routes(web):
        who = _who(method, path)
        if path in ENDLESS or who is None:
            continue
        # A session of its own each time, because some of these calls end it.
        web.cookies.clear()
        sign_in(web, role)
        assert not isinstance(who, str)
        expected = "let through" if role in who else "forbidden"
        if (seen := _ask(web, method, path)) != expected:
            wrong.append((method, path, seen))
    assert wrong == []


def test_a_person_without_a_role_sees_nothing_of_the_office(web: TestClient) -> None:
    web.cookies.clear()
    sign_in(web)
    for method, path in _routes(web):
        who = _who(method, path)
        if who is None or who == EVERYBODY or path in ENDLESS:
            continue
        assert _ask(web, method, path) == "forbidden", (method, path)


def test_navigation_offers_only_what_is_let_through(web: TestClient) -> None:
    for role in Role:
        web.cookies.clear()
        sign_in(web, role)
        page = web.get("/account").text
        offered = set(re.findall(r'<a href="(/[a-z]+)"', page.split('<nav class="side"')[-1]))
        for address in offered:
            assert web.get(address).status_code == 200, (role, address)
