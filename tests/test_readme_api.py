"""The README's round trip with curl: run as it stands there, against a running server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from archive import tokens
from archive.actors import Role
from archive.tokens import Scope
from tests.browsing import Site, serving
from tests.helpers import CONFIRMED, FixedReader, invoice, make_person, visit, xml
from worker import broker
from worker.pipeline import Pipeline
from worker.settings import Settings

pytestmark = pytest.mark.timeout(120)

README = Path(__file__).resolve().parent.parent / "README.md"


@pytest.fixture
def site(settings: Settings) -> Iterator[Site]:
    chosen = settings.model_copy(update={"webhook_private": True})
    with broker.bundled(chosen), serving(chosen) as running:
        yield running


def _commands() -> list[str]:
    """The commands of the block behind "calls `/api/v1`", each in one piece, comments left out."""
    text = README.read_text("utf-8")
    block = re.search(r"calls `/api/v1`.*?```\n(.*?)```", text, re.DOTALL)
    assert block, "the README has no such block"
    lines = block[1].splitlines()
    commands: list[str] = []
    for line in lines:
        if line.startswith("#"):
            continue
        if line.startswith((" ", "\t")):
            commands[-1] += "\n" + line
        else:
            commands.append(line)
    return commands


class Shell:
    """A shell in a folder of its own, for which the README's example values are real ones."""

    def __init__(self, folder: Path, site: Site, token: str) -> None:
        self.folder = folder
        self._real = {
            "http://127.0.0.1:8080": site.address,
            "yp_...": token,
            "https://erp.example.edu.cn/yanpiao": "http://127.0.0.1:9/yanpiao",
        }
        self._before = ""
        # Faults count as faults, and no progress is shown.
        (folder / ".curlrc").write_text("silent\nshow-error\nfail-with-body\n")

    def set(self, command: str) -> None:
        """A line that only sets variables."""
        self._before += self._with_real(command) + "\n"

    def run(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-euc", self._before + self._with_real(command)],
            cwd=self.folder,
            env={**os.environ, "CURL_HOME": str(self.folder), "no_proxy": "127.0.0.1"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _with_real(self, command: str) -> str:
        for shown, real in self._real.items():
            command = command.replace(shown, real)
        return command


def test_the_round_trip_of_the_readme_works_as_it_stands(site: Site, tmp_path: Path) -> None:
    assert shutil.which("curl"), "curl is not installed: the README's round trip cannot be tried"
    services = site.services
    actor = make_person(services, Role.SUBMITTER, Role.ARCHIVIST)
    with services.database.write() as session:
        token = tokens.make(session, actor, "readme", list(Scope), None)
    (tmp_path / "invoice.pdf").write_bytes(xml("readme"))
    shell = Shell(tmp_path, site, token)
    variables, hand_in, state, webhook, voucher, search, bag = _commands()
    shell.set(variables)

    first = json.loads(shell.run(hand_in))
    assert json.loads(shell.run(hand_in)) == first  # as the README says: the same answer
    document_id = first["files"][0]["document"]
    pipeline = Pipeline(services)
    pipeline.read(document_id, FixedReader(invoice()))
    pipeline.verify(document_id, visit(CONFIRMED))
    stated = json.loads(shell.run(state))
    assert stated["differences"] == []
    assert json.loads(shell.run(webhook))["secret"]
    pipeline.seal("JZ-2026-0001")
    told: dict[str, Any] = json.loads(shell.run(voucher))
    assert [one["version"] for one in told["bags"]] == [1]
    found = json.loads(shell.run(search))["documents"]
    assert [(one["id"], one["state"]) for one in found] == [(document_id, "archived")]
    shell.run(bag)
    (packed,) = tmp_path.glob("*.zip")
    with zipfile.ZipFile(packed) as archive:
        assert archive.testzip() is None
        assert any(name.endswith("/bagit.txt") for name in archive.namelist())


def test_a_command_that_fails_is_noticed(site: Site, tmp_path: Path) -> None:
    """The check of the check: without a good token the first call must not pass."""
    (tmp_path / "invoice.pdf").write_bytes(b"x")
    shell = Shell(tmp_path, site, "yp_wrong")
    shell.set(_commands()[0])
    with pytest.raises(AssertionError, match="sign_in_needed"):
        shell.run(_commands()[1])
