"""What a worker process leaves behind: nothing, however it ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest
from rq import Worker

from archive import scratch
from archive.store import FileStore
from worker.living import clear_left_overs, own_temporary_folder
from worker.queues import Stage, queue_of
from worker.services import Services
from worker.workers import worker_class

_DEADLINE = 60.0


@pytest.fixture
def none_is_young(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "_YOUNG_SECONDS", 0)


def _run(code: str, *arguments: object) -> subprocess.Popen[bytes]:
    """A process of this project that prints a line when it has come to rest."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"there\n"
    return process


def test_a_killed_process_s_folder_is_cleared_a_living_one_s_is_not(
    tmp_path: Path, none_is_young: None
) -> None:
    del none_is_young
    code = """
        import sys, time
        from pathlib import Path
        from archive.scratch import held_folder
        with held_folder(Path(sys.argv[1])) as folder:
            (folder / "profile").mkdir()
            print("there", flush=True)
            time.sleep(600)
    """
    dead, alive = _run(code, tmp_path), _run(code, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    dead.kill()
    dead.wait()
    with scratch.held_folder(tmp_path):
        assert sum(str(alive.pid) in each.name for each in tmp_path.iterdir()) == 1
        assert len(list(tmp_path.iterdir())) == 2  # the living one's, and ours
    assert len(list(tmp_path.iterdir())) == 1
    alive.kill()
    alive.wait()


def test_a_file_half_written_by_a_killed_process_is_cleared(
    tmp_path: Path, none_is_young: None
) -> None:
    del none_is_young
    store = FileStore(tmp_path / "files")
    code = """
        import sys, time
        from pathlib import Path
        from archive import store
        class Slow(bytes):
            pass
        def stalled(handle):
            print("there", flush=True)
            time.sleep(600)
        store.os.fsync = stalled
        store.FileStore(Path(sys.argv[1])).put(b"an original")
    """
    process = _run(code, tmp_path / "files")
    assert store.tidy() == 0  # it may still be finished
    process.kill()
    process.wait()
    assert store.tidy() == 1
    left = [each for each in (tmp_path / "files").rglob("*") if each.is_file()]
    assert left == []
    sha256 = store.put(b"an original")
    assert store.get(sha256) == b"an original"
    assert list((tmp_path / "files" / ".incoming").iterdir()) == []


def test_temporary_files_lie_in_a_folder_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr("worker.living._DEEPEST", 1000)
    with own_temporary_folder() as folder:
        handle, name = tempfile.mkstemp()
        os.close(handle)
        assert Path(name).parent == folder
        assert os.environ["TMPDIR"] == str(folder)
    assert tempfile.gettempdir() == str(tmp_path)
    assert not list(tmp_path.glob("yanpiao-*/*"))


def test_the_clock_clears_what_the_last_killed_process_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, none_is_young: None
) -> None:
    del none_is_young
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("worker.living._DEEPEST", 1000)
    with own_temporary_folder() as own:
        left = own.parent / "held-1-dead"
        left.mkdir()
        (left / ".held").touch()
        clear_left_overs()
        assert list(own.parent.iterdir()) == [own]


def test_a_worker_ends_with_its_pool(tmp_path: Path) -> None:
    code = """
        import os, sys, time
        from worker.living import die_with_parent
        keeper = os.getpid()
        if os.fork() == 0:
            die_with_parent(keeper)
            open(sys.argv[1], "w").write(str(os.getpid()))
            print("there", flush=True)
            time.sleep(600)
        time.sleep(600)
    """
    noted = tmp_path / "pid"
    process = _run(code, noted)
    worker = int(noted.read_text())
    process.send_signal(signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + _DEADLINE
    while _lives(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _lives(worker)


def _lives(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status != "Z"


def test_a_worker_makes_itself_known_again_after_the_queue_server_was_wiped(
    services: Services,
) -> None:
    queue = queue_of(Stage.OCR, services.redis)
    worker = worker_class(Stage.OCR, services.settings)([queue], name="one")
    worker.register_birth()  # type: ignore[no-untyped-call]
    services.redis.flushall()
    assert Worker.all(connection=services.redis) == []
    worker.heartbeat()
    known = Worker.all(connection=services.redis)
    assert [(one.name, one.pid, one.queue_names()) for one in known] == [
        ("one", os.getpid(), ["ocr"])
    ]
    worker.heartbeat()
    assert len(Worker.all(connection=services.redis)) == 1


def test_a_deep_folder_for_temporary_files_keeps_no_browser_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / "so" / "deep" / ("that" * 20)
    deep.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with own_temporary_folder() as folder:
        socket = folder / "org.chromium.Chromium.AbCdEf" / "SingletonSocket"
        assert len(str(socket)) <= 107
