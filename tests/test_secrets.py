"""No secret reaches a log: everything that handles one is made to, well and badly, with marked
ones, and what was written meanwhile is searched for the marks."""

from __future__ import annotations

import datetime as dt
import re
import smtplib
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import structlog
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from starlette.testclient import TestClient

from archive import accounts
from archive.actors import EVERYWHERE, Role
from archive.database import Database
from verifiers.model import CaptchaChallenge
from web.app import create_app
from worker import broker
from worker.log import configure, logger
from worker.outgoing import _why
from worker.services import Services
from worker.settings import Settings

MARK = "m4rk3d"
PASSWORD = f"{MARK}-pass-word-9"
ROBOT = f"http://127.0.0.1:9/send?key={MARK}-robot"
SECRETS = {
    "secret_key": f"{MARK}-seal-key-0123456789-0123456789-012345",
    "oidc_client_secret": f"{MARK}-oidc",
    "smtp_password": SecretStr(f"{MARK}-smtp"),
    "wecom_url": SecretStr(ROBOT),
    "dingtalk_url": SecretStr(ROBOT),
    "dingtalk_secret": SecretStr(f"{MARK}-ding"),
    "feishu_url": SecretStr(ROBOT),
    "feishu_secret": SecretStr(f"{MARK}-feishu"),
}


@pytest.fixture(autouse=True)
def _loud() -> Iterator[None]:
    """Everything that can be logged is."""
    configure("debug")
    yield
    structlog.reset_defaults()


@pytest.fixture
def web(settings: Settings) -> Iterator[TestClient]:
    chosen = settings.model_copy(update=SECRETS)
    with (
        broker.bundled(chosen),
        TestClient(
            create_app(chosen), base_url="http://localhost", raise_server_exceptions=False
        ) as client,
    ):
        yield client


def _written(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> str:
    out, err = capfd.readouterr()
    return out + err + caplog.text


def test_the_search_finds_a_secret_that_was_logged(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    logger("test").info("slip", password=PASSWORD)
    assert MARK in _written(capfd, caplog)


def test_signing_in_and_tokens_leave_none(
    web: TestClient, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    services: Services = web.app.state.services  # type: ignore[attr-defined]
    with services.database.write() as session:
        grants = [(Role.SUBMITTER, EVERYWHERE)]
        accounts.add_person(session, "li", "李", grants, password=PASSWORD, factor_waived=True)
    for password in (f"{MARK}-wrong", PASSWORD):
        web.post("/sign-in", data={"login": "li", "password": password})
    cookie = web.cookies.get("session")
    assert cookie
    found = re.search(r'name="csrf-token" content="(\w+)"', web.get("/").text)
    assert found
    web.headers["X-CSRF-Token"] = found[1]
    wanted = {"label": "a", "scopes": ["upload", "read"], "days": "30", "present": PASSWORD}
    shown = re.search(r"(yp_[\w-]+)</code>", web.post("/account/tokens", data=wanted).text)
    assert shown
    for token in (shown[1], f"yp_{MARK}"):
        web.get("/api/status", headers={"Authorization": f"Bearer {token}"})
    web.get(f"/link/{MARK}-link")
    written = _written(capfd, caplog)
    for secret in (MARK, cookie, found[1], shown[1]):
        assert secret not in written


def test_a_captcha_and_its_answer_leave_none(
    web: TestClient, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    services: Services = web.app.state.services  # type: ignore[attr-defined]
    posed = CaptchaChallenge(
        document_id="d1", image_png=f"{MARK}-picture".encode(), instruction="红色", colour="red",
        expires_at=dt.datetime.now(dt.UTC) + dt.timedelta(seconds=20),
    )  # fmt: skip
    answers: list[str | None] = []
    asking = threading.Thread(target=lambda: answers.append(services.desk.ask(posed)))
    asking.start()
    while (waiting := services.desk.next_for("a")) is None:
        pass
    services.desk.answer(waiting.id, f"{MARK}1")
    asking.join()
    assert answers == [f"{MARK}1"]
    assert MARK not in _written(capfd, caplog)


def test_a_robot_that_refuses_is_named_without_its_address() -> None:
    request = httpx.Request("POST", ROBOT)
    for error in (
        httpx.ConnectError(f"cannot reach {ROBOT}", request=request),
        smtplib.SMTPAuthenticationError(535, f"{MARK} refused".encode()),
        ValueError(ROBOT),
    ):
        assert MARK not in _why(error)


def test_an_error_of_the_database_names_no_value(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    with pytest.raises(DBAPIError) as caught, database.write() as session:
        session.execute(text("INSERT INTO nowhere VALUES (:secret)"), {"secret": PASSWORD})
    assert MARK not in str(caught.value)


def test_settings_show_none_of_theirs(settings: Settings) -> None:
    addresses = {
        "database_url": f"postgresql://u:{MARK}@h/d", "redis_url": f"redis://:{MARK}@h/0",
    }  # fmt: skip
    shown = repr(settings.model_copy(update=SECRETS | addresses))
    assert MARK not in shown
