"""What keeps others out: every route names whom it serves, and nothing is forged or flooded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount
from starlette.testclient import TestClient

from archive.actors import Role
from tests.helpers import sign_in, xml
from web.app import create_app
from web.who import PUBLIC, Needs
from worker import broker
from worker.services import Services
from worker.settings import Settings

TEMPLATES = Path(__file__).resolve().parent.parent / "web" / "templates"


# -- every route says what it needs --------------------------------------------------------


def _calls(dependant: Dependant) -> Iterator[object]:
    yield dependant.call
    for each in dependant.dependencies:
        yield from _calls(each)


def _undeclared(app: FastAPI) -> list[str]:
    """Paths of routes that neither need anybody nor are public."""
    found = []
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, Mount) and route.path == "/static":
            continue
        dependant = getattr(route, "dependant", None)
        if dependant is None:
            found.append(f"{route.path} is no route that a test can look into")
        elif route.path not in PUBLIC and not any(
            isinstance(call, Needs) for call in _calls(dependant)
        ):
            found.append(str(route.path))
    return found


def test_every_route_says_who_may_use_it(web: TestClient) -> None:
    app: FastAPI = web.app  # type: ignore[assignment]
    assert _undeclared(app) == []
    assert {route.path for route in iter_route_contexts(app.routes)} >= PUBLIC


def test_a_route_that_forgot_is_found(web: TestClient) -> None:
    app: FastAPI = web.app  # type: ignore[assignment]

    @app.get("/forgotten")
    def forgotten() -> str:
        return "for everybody"

    assert _undeclared(app) == ["/forgotten"]


def test_every_form_that_posts_carries_the_token() -> None:
    for template in TEMPLATES.glob("*.html"):
        text = template.read_text("utf-8")
        macros = re.findall(r"macro (\w+)\([^)]*\) %}(.*?){% endmacro", text, re.DOTALL)
        carriers = [
            "csrf_field()",
            *(f"{{{{ {name}(" for name, body in macros if "csrf_field()" in body),
        ]
        for form in re.findall(r"<form.*?</form>", text, re.DOTALL):
            if re.search(r'method="post"', form, re.IGNORECASE):
                assert any(each in form for each in carriers), f"{template.name}: {form[:80]}"


# -- forged requests -----------------------------------------------------------------------


def test_a_change_needs_the_sessions_own_token(web: TestClient, joined: Services) -> None:
    sign_in(web, Role.SUBMITTER)
    token = web.headers.pop("X-CSRF-Token")
    file = [("files", ("a.xml", xml()))]
    for attempt in (
        web.post("/api/upload", files=file),
        web.post("/api/upload", files=file, headers={"X-CSRF-Token": "f" * 64}),
        web.post("/upload", files=file, data={"csrf": ""}),
        web.post("/sign-out", data={"csrf": "f" * 64}),
        web.post("/sign-out", json={"csrf": token}),
    ):
        assert attempt.status_code == 403
    assert web.post("/upload", files=file, data={"csrf": token}).status_code == 200
    assert web.post("/api/upload", files=file, headers={"X-CSRF-Token": token}).status_code == 201
    other = TestClient(web.app, base_url="http://localhost")
    sign_in(other, Role.SUBMITTER)
    other.headers["X-CSRF-Token"] = token
    assert other.post("/api/upload", files=file).status_code == 403


# -- safety --------------------------------------------------------------------------------


def test_a_stranger_may_not_fill_the_disk(web: TestClient) -> None:
    large = [("files", ("a.xml", bytes(100_000)))]
    for address in ("/upload", "/api/upload", "/sign-in"):
        assert web.post(address, files=large).status_code == 401
    sign_in(web, Role.SUBMITTER)
    assert web.post("/api/upload", files=large).status_code == 201


def test_a_minute_holds_so_many_uploads(settings: Settings) -> None:
    strict = settings.model_copy(update={"uploads_per_minute": 2})
    with (
        broker.bundled(strict),
        TestClient(create_app(strict), base_url="http://localhost") as web,
    ):
        sign_in(web, Role.SUBMITTER)
        file = [("files", ("a.xml", xml()))]
        answers = [web.post("/api/upload", files=file) for _ in range(4)]
        assert 429 in {answer.status_code for answer in answers[2:]}
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert 0 < int(refused.headers["retry-after"]) <= 60
        assert refused.json()["code"] == "too_many_requests"
        sign_in(web, Role.SUBMITTER)  # another person is another count
        assert web.post("/api/upload", files=file).status_code == 201


def test_faults_of_a_request_are_problem_documents(web: TestClient) -> None:
    sign_in(web, *Role)
    nowhere = web.get("/api/nowhere")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "no_such_page")
    wrong = web.delete("/api/upload")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "wrong_method")
    bad = web.post("/api/upload", data={"voucher": "secret" * 20})
    assert bad.status_code == 422
    assert bad.headers["content-type"] == "application/problem+json"
    assert "secret" not in bad.text
    assert {"type", "title", "detail", "status", "code", "errors"} <= bad.json().keys()
    page = web.get("/nowhere")
    assert (page.status_code, "<h1>" in page.text) == (404, True)
