"""Backups: consistent while others write, only what is new, none after a kill, and back again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import func, select

from archive import audit, backup
from archive.agreement import disagreements
from archive.bag_store import FolderBags
from archive.database import Database
from archive.records import AuditRow, Document
from archive.store import FileStore
from tests.helpers import hand_in, whole_road, xml
from worker.services import Services

_KILLED = """
import os, signal, sys
from pathlib import Path
from archive import backup
copied = 0
def dying(self, source, sha256, copy=backup.Objects._copy):
    global copied
    copied += 1
    if copied == int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)
    copy(self, source, sha256)
backup.Objects._copy = dying
backup.backup(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
"""


def test_an_archive_comes_back_from_a_backup(services: Services, tmp_path: Path) -> None:
    ids = [hand_in(services, xml(str(n)), voucher=f"JZ-{n}").document_id for n in range(2)]
    whole_road(services, ids[0])
    folder, data = tmp_path / "backup", services.settings.root
    first = backup.backup(folder, data, services.settings.database)
    assert first.new == len(first.files) + 1 - _twice(first)
    hand_in(services, xml("new"), voucher="JZ-9")
    second = backup.backup(folder, data, services.settings.database)
    assert second.new == 2  # the file that came in, and the database
    new = tmp_path / "elsewhere"
    new.mkdir()
    backup.restore(folder, new, f"sqlite:///{new / 'yanpiao.db'}")
    database, store = Database(f"sqlite:///{new / 'yanpiao.db'}"), FileStore(new / "files")
    database.migrate()
    with database.read() as session:
        assert disagreements(session, FolderBags(new / "bags"), store) == []
        assert audit.verify(session).sound
        assert session.scalar(select(func.count(Document.id))) == 3
    database.close()
    with pytest.raises(backup.BackupTargetNotEmpty):
        backup.restore(folder, new, f"sqlite:///{new / 'yanpiao.db'}")
    old = tmp_path / "older"
    old.mkdir()
    backup.restore(folder, old, f"sqlite:///{old / 'yanpiao.db'}", first.id)
    database = Database(f"sqlite:///{old / 'yanpiao.db'}")
    with database.read() as session:
        assert session.scalar(select(func.count(Document.id))) == 2
    database.close()


def _twice(made: backup.Manifest) -> int:
    """Files whose content another file has too, such as an original and its copy in a bag."""
    return len(made.files) - len({each.sha256 for each in made.files})


@pytest.mark.parametrize("at", [1, 2, 4])
def test_a_killed_backup_is_none_and_the_next_one_is_whole(
    services: Services, tmp_path: Path, at: int
) -> None:
    whole_road(services, hand_in(services, xml("1"), voucher="JZ-1").document_id)
    folder, url = tmp_path / "backup", services.settings.database
    command = [
        sys.executable,
        "-c",
        _KILLED,
        str(folder),
        str(services.settings.root),
        url,
        str(at),
    ]
    done = subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": os.getcwd()})  # noqa: PTH109
    assert done.returncode == -signal.SIGKILL
    assert backup.backups(folder) == []
    with pytest.raises(backup.NoBackup):
        backup.restore(folder, tmp_path / "new", f"sqlite:///{tmp_path / 'new.db'}")
    made = backup.backup(folder, services.settings.root, url)
    assert not list(folder.rglob(".*"))
    new = tmp_path / "new"
    backup.restore(folder, new, f"sqlite:///{tmp_path / 'new.db'}")
    assert {path.relative_to(new).as_posix() for path in new.rglob("*") if path.is_file()} == {
        each.path for each in made.files
    }


def test_a_damaged_copy_is_not_brought_back(services: Services, tmp_path: Path) -> None:
    hand_in(services, xml("1"), voucher="JZ-1")
    folder = tmp_path / "backup"
    made = backup.backup(folder, services.settings.root, services.settings.database)
    victim = backup.Objects(folder / "objects").path(made.files[0].sha256)
    victim.chmod(0o600)
    victim.write_bytes(b"x" + victim.read_bytes()[1:])
    with pytest.raises(backup.BackupDamaged):
        backup.restore(folder, tmp_path / "new", f"sqlite:///{tmp_path / 'new.db'}")
    assert not (tmp_path / "new.db").exists()


def test_a_backup_is_of_one_moment_on_each_engine(
    database: Database, database_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """While somebody writes, the copy holds a trail that is whole up to some row."""
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            with database.write() as session:
                audit.record(session, "deed")

    with database.write() as session:
        audit.record(session, "deed")
    writer = threading.Thread(target=write)
    writer.start()
    try:
        backup.backup(tmp_path / "backup", tmp_path / "data", database_url)
    finally:
        stop.set()
        writer.join()
    url = f"sqlite:///{tmp_path / 'back.db'}"
    if database.engine.dialect.name == "postgresql":
        url = request.getfixturevalue("another_database")
    backup.restore(tmp_path / "backup", tmp_path / "new", url)
    copy = Database(url)
    with copy.read() as session, database.read() as before:
        report = audit.verify(session)
        rows = before.scalar(select(func.count(AuditRow.seq))) or 0
    assert report.sound
    assert 0 < report.rows <= rows
    copy.close()
