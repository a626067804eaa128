"""What a keeper installs: the unit is sound and gives rights up, the image runs as nobody in
particular, and a worker that is told to stop ends what it has in hand."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers import hand_in, xml
from worker.queues import Stage, queued_keys
from worker.services import Services

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "yanpiao@.service"

#: A pool whose one worker takes its time, and says when it begins and ends.
_POOL = """
import sys, time
from pathlib import Path
from worker import jobs, workers
from worker.queues import Stage
from worker.settings import Settings

place = Path(sys.argv[1])

class Slow:
    def __getattr__(self, name):
        return None

def read(key):
    (place / f"begun-{key}").touch()
    while not (place / "go-on").exists():
        time.sleep(0.02)
    (place / f"ended-{key}").touch()

jobs.prepare = lambda *_: None
jobs.read_document = read
workers.run_pool(Stage.OCR, Settings(data=Path(sys.argv[2])), 1)
"""


def test_a_worker_told_to_stop_ends_what_it_has_in_hand(services: Services, tmp_path: Path) -> None:
    first, second = (hand_in(services, xml(str(n)), f"{n}.xml").document_id for n in range(2))
    command = [sys.executable, "-c", _POOL, str(tmp_path), str(services.settings.root)]
    pool = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    try:
        _until((tmp_path / f"begun-{first}").exists, "the first document begun")
        pool.send_signal(signal.SIGTERM)
        time.sleep(0.5)  # long enough for a worker that would drop everything to have done so
        assert pool.poll() is None, "it waits for what is in hand"
        (tmp_path / "go-on").touch()
        assert pool.wait(60) == 0
    finally:
        if pool.poll() is None:
            os.killpg(pool.pid, signal.SIGKILL)
            pool.wait()
    assert (tmp_path / f"ended-{first}").exists()
    assert not (tmp_path / f"begun-{second}").exists(), "nothing new is begun"
    assert queued_keys(services.redis, Stage.OCR) == {f"ocr-{second}"}, "and nothing is lost"


def _until(true: object, what: str) -> None:
    deadline = time.monotonic() + 90
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(0.05)


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze IS NOT INSTALLED: the unit is not judged by it")
    return subprocess.run([tool, *arguments], capture_output=True, text=True, check=False)


def _installed(folder: Path) -> Path:
    """The unit as it would stand on a machine that has the program."""
    unit = folder / "yanpiao@web.service"
    unit.write_text(UNIT.read_text("utf-8"), encoding="utf-8")
    return unit


def test_the_unit_is_sound(tmp_path: Path) -> None:
    said = _analyze("verify", "--man=no", str(_installed(tmp_path)))
    ours = [line for line in said.stderr.splitlines() if "yanpiao@" in line]
    assert not ours
    wrong = tmp_path / "yanpiao@bad.service"
    wrong.write_text(UNIT.read_text("utf-8").replace("KillMode=mixed", "KilMode=mixed"))
    assert "KilMode" in _analyze("verify", "--man=no", str(wrong)).stderr, "a fault would be seen"


def test_the_unit_starts_what_the_procfile_starts() -> None:
    line = next(
        line for line in UNIT.read_text("utf-8").splitlines() if line.startswith("ExecStart=")
    )
    script = re.fullmatch(r"ExecStart=/bin/sh -c '(.*)' %i", line)
    assert script is not None
    inner = script[1].replace("$$", "$").replace("exec .venv/bin/yanpiao", "echo")
    procfile = (ROOT / "Procfile").read_text("utf-8").splitlines()
    wanted = {entry.partition("yanpiao ")[2] for entry in procfile}
    told = UNIT.read_text("utf-8").partition("[Unit]")[0]
    names = re.findall(r"yanpiao@([a-z][\w-]*)", told)
    started = {
        subprocess.run(
            ["/bin/sh", "-c", inner, name], capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in names
        if name != "service"
    }
    assert started == wanted


def test_the_unit_has_no_rights_to_spare() -> None:
    text = UNIT.read_text("utf-8")
    for line in ("User=yanpiao", "NoNewPrivileges=yes", "CapabilityBoundingSet=", "UMask=0077"):
        assert f"\n{line}\n" in text
    assert re.findall(r"^ReadWritePaths=(.*)$", text, re.MULTILINE) == ["/var/lib/yanpiao"]


def test_the_image_runs_as_a_user_of_its_own() -> None:
    lines = (DEPLOY / "Containerfile").read_text("utf-8").splitlines()
    users = [number for number, line in enumerate(lines) if line.startswith("USER ")]
    assert [lines[number] for number in users] == ["USER yanpiao"]
    last_run = max(number for number, line in enumerate(lines) if line.startswith("RUN "))
    assert users[0] > last_run
