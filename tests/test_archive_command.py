"""The archive's commands, on a real archive: prove, index, back up, bring back, retain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from archive import accounts
from archive.actors import Role
from tests.helpers import hand_in, whole_road, xml
from worker.cli import app
from worker.services import Services


def _run(*arguments: str, code: int = 0) -> list[dict[str, Any]]:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == code, (done.output, done.exception)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.fixture
def archived(services: Services) -> Services:
    whole_road(services, hand_in(services, xml("1"), voucher="JZ-1").document_id)
    return services


def test_the_trail_is_signed_and_proved(archived: Services) -> None:
    [head] = _run("audit", "sign")
    [said] = _run("audit", "verify", "--deep", "--json")
    assert said["sound"]
    assert said["last_signed_row"] == said["rows"] == head["seq"]
    done = CliRunner().invoke(app, ["audit", "key"])
    assert done.stdout.startswith("-----BEGIN PUBLIC KEY-----")
    key = archived.settings.root / "public.pem"
    key.write_text(done.stdout)
    assert _run("audit", "verify", "--key", str(key))[0]["sound"]


def test_a_changed_row_fails_only_the_deep_check(archived: Services) -> None:
    from archive.records import InvoiceRow

    with archived.database.write() as session:
        session.query(InvoiceRow).one().seller_name = "另一家公司"
    assert _run("audit", "verify")[0]["sound"]
    [said] = _run("audit", "verify", "--deep", code=1)
    assert any("seller_name" in fault for fault in said["faults"])


def test_an_archive_goes_and_comes_back(
    archived: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _run("reindex") == [{"invoices": 1}]
    [made] = _run("backup", str(tmp_path / "b"))
    assert _run("backup", str(tmp_path / "b"), "--list") == [{"backup": made["backup"]}]
    bags = archived.settings.bags
    monkeypatch.setenv("YANPIAO_DATA", str(tmp_path / "from backup"))
    assert _run("restore", "--from-backup", str(tmp_path / "b"))[0]["files"] == made["files"]
    assert _run("audit", "verify", "--deep")[0]["bags"] == 1
    monkeypatch.setenv("YANPIAO_DATA", str(tmp_path / "from bags"))
    assert _run("restore", "--from-bags", str(bags))[0]["documents"] == 1
    assert _run("audit", "verify", "--deep")[0]["sound"]
    _run("restore", code=2)


def test_retention_is_asked_by_people_with_a_login(archived: Services) -> None:
    with archived.database.write() as session:
        accounts.add_person(session, "li", "李", [(Role.ARCHIVIST, "")])
    assert _run("retention", "due") == []
    assert [each["voucher"] for each in _run("retention", "due", "--on", "2099-01-01")] == ["JZ-1"]
    _run("retention", "hold", "JZ-1", "--as", "li", "--reason", "诉讼")
    assert _run("retention", "due", "--on", "2099-01-01") == []
    done = CliRunner().invoke(app, ["retention", "propose", "JZ-1", "--as", "li"])
    assert done.exit_code == 1
    assert type(done.exception).__name__ == "NotDue"
