"""A pool ends with all its workers, also with those that are only just starting."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from worker.services import Services

ROOT = Path(__file__).resolve().parent.parent

#: A pool whose one worker never gets further than loading what it needs.
_POOL = """
import os, sys, time
from pathlib import Path
from worker import jobs, workers
from worker.queues import Stage
from worker.settings import Settings

def load():
    Path(sys.argv[1], str(os.getpid())).touch()
    time.sleep(600)

jobs.prepare = lambda *_: None
jobs.warm_up = load
workers.run_pool(Stage.OCR, Settings(data=Path(sys.argv[2])), 1)
"""


@pytest.fixture
def temporary() -> Iterator[Path]:
    """Short, as a worker's folder has to be."""
    with tempfile.TemporaryDirectory(prefix="y-") as folder:
        yield Path(folder)


@pytest.fixture
def pool(services: Services, tmp_path: Path, temporary: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-c", _POOL, str(tmp_path), str(services.settings.root)],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(temporary)},
        start_new_session=True,
    )
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_pool_ends_with_a_worker_that_is_just_starting_in_place_of_another(
    pool: subprocess.Popen[bytes], tmp_path: Path, temporary: Path
) -> None:
    first = _next_worker(tmp_path, set())
    os.kill(first, signal.SIGKILL)
    second = _next_worker(tmp_path, {first})
    pool.send_signal(signal.SIGTERM)
    assert pool.wait(30) == 0
    assert not psutil.pid_exists(second)
    (left,) = temporary.glob("*/held-*")
    assert left.name.split("-")[1] == str(first), "the killed one's, which the clock clears away"


def _next_worker(marks: Path, known: set[int]) -> int:
    """The id of the worker that came after the known ones, once it is loading."""

    def new() -> set[int]:
        return {int(each.name) for each in marks.iterdir() if each.name.isdigit()} - known

    _until(lambda: bool(new()))
    return new().pop()


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90
    while not true():
        assert time.monotonic() < deadline, "no worker starts"
        time.sleep(0.05)


@pytest.mark.parametrize("command", ["web", "clock"])
def test_what_is_told_to_end_while_it_starts_leaves_nothing(
    services: Services, temporary: Path, command: str
) -> None:
    settings = {"YANPIAO_DATA": str(services.settings.root), "TMPDIR": str(temporary)}
    process = subprocess.Popen(
        [sys.executable, "-m", "worker.cli", command],
        cwd=ROOT,
        env=os.environ | settings | {"REDIS_URL": services.settings.redis_url or ""},
        stderr=subprocess.DEVNULL,
    )
    try:
        _until(lambda: bool(list(temporary.glob("*/held-*/.held"))))
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
    assert not list(temporary.glob("*/held-*"))
