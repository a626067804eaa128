"""Shared pieces: settings in a fresh folder, a real bundled queue server, open services."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import psycopg
import pytest
from fastapi.testclient import TestClient
from hypothesis import settings as hypothesis_settings

from archive.database import Database
from fixtures import postgres, s3
from web.app import create_app
from worker import broker
from worker.services import Services
from worker.settings import Settings

# How long an example takes on a busy machine says nothing about the code.
hypothesis_settings.register_profile("unhurried", deadline=None)
hypothesis_settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reads the developer's settings or writes to the developer's data."""
    engines = ("DATABASE_URL", "REDIS_URL", "STORAGE_URL", "STORAGE_KEY", "STORAGE_KEY_FILE")
    for name in engines:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("YANPIAO_DATA", str(tmp_path / "data"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Defaults in a folder of this test's own, with short leases."""
    return Settings(data=tmp_path / "data", lease_seconds=5, clock_seconds=0.2)


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    """Open services on a real queue server and a real database."""
    with broker.bundled(settings):
        opened = Services.open(settings)
        yield opened
        opened.close()


@pytest.fixture
def web(settings: Settings) -> Iterator[TestClient]:
    """The web application on a real queue server, and nobody signed in."""
    with (
        broker.bundled(settings),
        TestClient(create_app(settings), base_url="http://localhost") as client,
    ):
        yield client


@pytest.fixture
def joined(web: TestClient) -> Services:
    """The services that the web application runs on."""
    services: Services = web.app.state.services  # type: ignore[attr-defined]
    return services


@pytest.fixture
def own_browser(tmp_path: Path) -> Iterator[str]:
    """A browser that stands for a person's own, open to be attached to; its address."""
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("no Chromium on the path")
    command = [executable, "--headless=new", "--no-first-run", "--remote-debugging-port=0"]
    command += [f"--user-data-dir={tmp_path}"]
    command += ["--no-sandbox"] if os.geteuid() == 0 else []
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as browser:
        assert browser.stderr is not None
        lines = iter(browser.stderr.readline, b"")
        said = next(line for line in lines if b"DevTools listening on " in line)
        yield said.decode().partition("listening on ")[2].strip()
        browser.terminate()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server for the whole run. Where none can be installed, its tests are skipped,
    and said to be; `YANPIAO_NEED_POSTGRES` makes that a failure."""
    if postgres.programs() is None:
        if os.environ.get("YANPIAO_NEED_POSTGRES"):
            pytest.fail("PostgreSQL is not installed, and YANPIAO_NEED_POSTGRES asks for it")
        pytest.skip("PostgreSQL IS NOT INSTALLED: nothing of it is tested (make postgres)")
    with postgres.own_server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database on each engine in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'a.db'}"
        return
    with _new_database(request.getfixturevalue("postgres_server")) as url:
        yield url


@pytest.fixture
def another_database(postgres_server: str) -> Iterator[str]:
    """An empty database on PostgreSQL, beside that of `database_url`."""
    with _new_database(postgres_server) as url:
        yield url


@contextmanager
def _new_database(server: str) -> Iterator[str]:
    name = f"t{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield server.replace("/postgres?", f"/{name}?")
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An open database with its tables, on each engine in turn."""
    opened = Database(database_url)
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[s3.S3Server]:
    """An S3 server with a bucket, for the whole run."""
    with s3.own_server() as server:
        client = boto3.client(
            "s3", endpoint_url=server.endpoint, region_name="us-east-1", **s3.KEYS
        )
        client.create_bucket(Bucket=s3.BUCKET)
        yield server


@pytest.fixture
def s3_url(s3_server: s3.S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A `STORAGE_URL` of this test's own, on a server that behaves until it is told otherwise."""
    for name, value in s3.KEYS.items():
        monkeypatch.setenv(name.upper(), value)
    yield s3_server.url(secrets.token_hex(6), timeout=2)
    s3_server.broken, s3_server.delay = 0, 0


@pytest.fixture(params=["folder", "s3"])
def storage_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty file and bag store of each kind in turn."""
    if request.param == "folder":
        return str(tmp_path / "storage")
    url: str = request.getfixturevalue("s3_url")
    return url


#: Files whose fast tests take most of the fast tests' time: each starts servers, tries every role,
#: or goes many rounds. `make loop` leaves them out, so that a change is judged within a minute.
BROAD = frozenset(
    [
        "accounts",
        "accounts_engines",
        "archive",
        "backup_storage",
        "deploying",
        "disposal",
        "encrypted",
        "endurance",
        "exports",
        "faces_digital",
        "fairness",
        "hostile",
        "intake",
        "opening",
        "review_desk",
        "review_together",
        "review_values",
        "roles",
        "row_agreement",
        "search",
        "search_engines",
        "second_factor",
        "sending",
        "sentinel",
        "storage",
        "tracing",
        "transfers",
        "vouchers",
        "webhooks",
    ]
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.stem.removeprefix("test_") in BROAD:
            item.add_marker(pytest.mark.broad)
