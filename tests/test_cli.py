"""The `yanpiao` command as scripts use it: names, JSON, exit status, clear words."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from extractors.errors import YanpiaoError
from extractors.messages import codes, say
from extractors.model import TEXT_FIELDS
from fixtures.services import ROOT
from tests.helpers import CONFIRMED, FixedReader, FixedVerifier, hand_in, invoice, xml
from worker import cli
from worker.pipeline import Pipeline
from worker.services import Services
from worker.settings import Settings
from worker.visit import Visit


@dataclass(frozen=True)
class Run:
    """What a command said, and its exit status."""

    returncode: int
    stdout: str
    stderr: str


Command = Callable[..., Run]


@pytest.fixture
def yanpiao(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command's own entry, called in this process: starting one takes seconds."""

    def run(*arguments: str) -> Run:
        monkeypatch.setattr(sys, "argv", ["yanpiao", *arguments])
        # The consoles look at the streams when they are made, which was before the capture.
        monkeypatch.setattr(cli, "out", Console(width=200))
        monkeypatch.setattr(cli, "err", Console(stderr=True, width=200))
        status = 0
        capsys.readouterr()  # what the test's own steps said before
        try:
            cli.main()
        except SystemExit as left:
            status = int(left.code or 0)
        said = capsys.readouterr()
        return Run(status, said.out, said.err)

    return run


def lines(run: Run) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run.stdout.splitlines()]


def test_the_installed_command_starts() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "worker.cli", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "verify" in run.stdout


def test_what_is_dropped_can_be_found_shown_and_proved(
    services: Services, yanpiao: Command
) -> None:
    receipt = hand_in(services, xml(), "发票.xml", "JZ-1")
    pipeline = Pipeline(services)
    pipeline.read(receipt.document_id, FixedReader(invoice()))
    pipeline.verify(receipt.document_id, Visit(FixedVerifier([CONFIRMED]), "http://p.test/"))
    pipeline.seal("JZ-1")

    (found,) = lines(yanpiao("find", "000001", "--json"))
    assert (found["id"], found["match"]) == (receipt.document_id, "suffix")
    shown = yanpiao("show", receipt.document_id)
    assert "document_archived" in shown.stdout
    (bag,) = lines(yanpiao("bag", "JZ-1"))
    assert lines(yanpiao("inspect", bag["path"]))[0]["sound"] is True
    assert lines(yanpiao("audit", "verify"))[0]["sound"] is True
    status = json.loads(yanpiao("status", "--json").stdout)
    assert status["documents"] == {"archived": 1}
    assert status["queue_server"] is True


def test_a_changed_bag_fails_inspection_and_the_audit(services: Services, yanpiao: Command) -> None:
    test_what_is_dropped_can_be_found_shown_and_proved(services, yanpiao)
    (bag,) = lines(yanpiao("bag", "JZ-1"))
    path = Path(bag["path"]) / "data" / "voucher.json"
    path.chmod(0o600)
    path.write_text("{}")
    assert yanpiao("inspect", bag["path"]).returncode == 1
    assert yanpiao("audit", "verify").returncode == 1


def test_drop_works_without_services_and_loses_nothing(tmp_path: Path, yanpiao: Command) -> None:
    (tmp_path / "a.xml").write_bytes(xml())
    (tmp_path / "b.pdf").write_bytes(b"")
    run = yanpiao("drop", str(tmp_path / "a.xml"), str(tmp_path / "b.pdf"), "--json")
    assert run.returncode == 0
    first, second = lines(run)
    assert (first["state"], second["state"], second["reason_code"]) == (
        "received",
        "failed",
        "empty_file",
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("drop", "no/such/file"), "There is no file"),
        (("show", "nothing"), "There is no document"),
        (("bag", "nothing"), "There is no voucher"),
        (("drop", __file__, "--voucher", "../x"), "cannot be a voucher number"),
    ],
)
def test_mistakes_get_one_clear_line_and_a_hint(
    arguments: tuple[str, ...], words: str, yanpiao: Command
) -> None:
    run = yanpiao(*arguments)
    assert run.returncode == 1
    assert words in run.stderr
    assert "Traceback" not in run.stderr
    assert len(run.stderr.strip().splitlines()) >= 2


def test_an_unknown_number_is_not_found(yanpiao: Command) -> None:
    run = yanpiao("find", "123", "--json")
    assert (run.returncode, run.stdout) == (1, "")


@pytest.mark.slow
def test_read_gives_one_object_a_file_and_goes_on(tmp_path: Path, yanpiao: Command) -> None:
    import datetime as dt

    from extractors.model import Kind
    from fixtures.maker import Form, make, make_truth

    truth = make_truth(Kind.DIGITAL_NORMAL, 3, today=dt.date(2026, 11, 22))
    (tmp_path / "good.pdf").write_bytes(make(truth, Form.PDF, 3).content)
    (tmp_path / "empty.pdf").touch()
    names = ("empty.pdf", "missing.pdf", "good.pdf")
    run = yanpiao("read", *(str(tmp_path / name) for name in names), "--json")
    assert run.returncode == 1
    empty, missing, good = lines(run)
    assert (empty["error"]["code"], missing["error"]["code"]) == ("empty_file", "file_missing")
    assert set(empty["error"]) == {"code", "message", "hint"}
    assert set(good) >= {
        "file",
        "kind",
        *TEXT_FIELDS,
        "lines",
        "sources",
        "confidence",
        "findings",
        "seconds",
    }
    for name in TEXT_FIELDS:
        expected = getattr(truth, name)
        assert good[name] == (None if expected is None else str(expected)), name


# -- words ---------------------------------------------------------------------------------


def _error_codes(root: type[YanpiaoError]) -> set[str]:
    return {root.code}.union(*map(_error_codes, root.__subclasses__()))


def test_every_error_has_its_sentence_and_hint_in_both_languages() -> None:
    import verifiers.errors
    import web.app
    import worker.cli

    assert verifiers.errors and web.app and worker.cli  # noqa: PT018 - imported for their errors
    for code in _error_codes(YanpiaoError):
        for language in ("zh", "en"):
            assert code in codes(language), f"{code} has no sentence in {language}"
            assert say(code, language, part="hint"), f"{code} has no hint in {language}"


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    for name, field in Settings.model_fields.items():
        shown = name.upper()
        if not name.startswith(("database_url", "redis_url", "storage_")):
            shown = f"YANPIAO_{shown}"
        assert f"`{shown}`" in page, f"docs/settings.md lacks {shown}"
        assert field.description, f"{name} has no description"
        assert field.description in page


def test_every_command_of_the_readme_exists() -> None:
    from typer.main import get_command

    from worker.cli import app

    readme = (ROOT / "README.md").read_text("utf-8")
    command = get_command(app)
    known = set(getattr(command, "commands", {}))
    used = {
        line.split("yanpiao ", 1)[1].split()[0].strip("`")
        for line in readme.splitlines()
        if line.lstrip(" |`").startswith(("yanpiao ", ".venv/bin/yanpiao "))
    }
    assert used
    assert used <= known
    targets = {
        line.split(":")[0]
        for line in (ROOT / "Makefile").read_text("utf-8").splitlines()
        if line and line[0].isalpha() and ":" in line and "=" not in line.split(":")[0]
    }
    for word in ("run", "test", "serve", "fast"):
        assert f"make {word}" in readme
        assert word in targets
