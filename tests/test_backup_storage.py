"""Backups of files and bags that lie where STORAGE_URL says: another folder, or a bucket."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner

from archive import backup, restoring
from archive.agreement import disagreements
from archive.database import Database
from archive.records import Document
from archive.storage import open_storage
from fixtures import s3
from tests.helpers import hand_in, whole_road, xml
from worker import broker
from worker.cli import app
from worker.services import Services
from worker.settings import Settings


def _agrees(url: str, storage_url: str, data: Path) -> int:
    """How many documents there are, once everything was found to agree."""
    database, storage = Database(url), open_storage(storage_url, data)
    database.migrate()
    with database.read() as session:
        assert disagreements(session, storage.bags, storage.files) == []
        count = session.scalar(select(func.count(Document.id))) or 0
    database.close()
    return count


def test_another_store_is_backed_up_and_comes_back(
    storage_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    settings = Settings(data=tmp_path / "data", storage_url=storage_url)
    folder = tmp_path / "backup"
    with broker.bundled(settings):
        services = Services.open(settings)
        document = hand_in(services, xml("1"), voucher="JZ-1").document_id
        whole_road(services, document)
        first = backup.backup(folder, settings.root, settings.database, storage_url=storage_url)
        assert {each.path.partition("/")[0] for each in first.files} >= {"files", "bags"}
        hand_in(services, xml("2"), voucher="JZ-2")
        second = backup.backup(folder, settings.root, settings.database, storage_url=storage_url)
        assert second.new == 2  # the file that came in, and the database
        services.close()
    target = str(tmp_path / "storage-new")
    if storage_url.startswith("s3://"):
        server: s3.S3Server = request.getfixturevalue("s3_server")
        target = server.url(secrets.token_hex(6), timeout=2)
    for number, to in enumerate((target, "")):  # to another of its kind, and to the data folder
        data = tmp_path / f"new-{number}"
        url = f"sqlite:///{data / 'yanpiao.db'}"
        backup.restore(folder, data, url, storage_url=to)
        assert _agrees(url, to, data) == 2
        with pytest.raises(backup.BackupTargetNotEmpty):
            backup.restore(folder, data, f"{url}-other", storage_url=to)


def test_bags_come_back_into_another_store(storage_url: str, services: Services) -> None:
    """From bags alone, where they are to lie in a bucket, or in another folder."""
    whole_road(services, hand_in(services, xml("1"), voucher="JZ-1").document_id)
    root = services.settings.root / "new"
    storage, url = open_storage(storage_url, root), f"sqlite:///{root / 'n.db'}"
    database = Database(url)
    database.migrate()
    bags = services.settings.bags
    done = restoring.restore(database, storage.files, bags, storage.bags)
    database.close()
    assert (done.vouchers, done.faults) == (1, [])
    assert _agrees(url, storage_url, root) == 1


def test_the_command_backs_up_where_the_settings_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, services: Services
) -> None:
    whole_road(services, hand_in(services, xml("1"), voucher="JZ-1").document_id)
    target = str(tmp_path / "kept")
    done = CliRunner().invoke(app, ["backup", target])
    assert done.exit_code == 0, done.output
    monkeypatch.setenv("YANPIAO_DATA", str(tmp_path / "new"))
    monkeypatch.setenv("STORAGE_URL", str(tmp_path / "elsewhere"))
    done = CliRunner().invoke(app, ["restore", "--from-backup", target])
    assert done.exit_code == 0, done.output
    url = f"sqlite:///{tmp_path / 'new' / 'yanpiao.db'}"
    assert _agrees(url, str(tmp_path / "elsewhere"), tmp_path / "new") == 1
