"""Shared pieces: settings in a fresh folder, a real bundled queue server, open services."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from worker import broker
from worker.services import Services
from worker.settings import Settings

# How long an example takes on a busy machine says nothing about the code.
hypothesis_settings.register_profile("unhurried", deadline=None)
hypothesis_settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reads the developer's settings or writes to the developer's data."""
    for name in ("DATABASE_URL", "REDIS_URL"):
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
