"""The web server stops soon when it is told to, whatever its pages are waiting for."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from archive.actors import Role
from fixtures.services import free_port
from tests.helpers import begin_session, make_person
from web.who import csrf_of
from worker import broker
from worker.services import Services
from worker.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

#: Seconds within which it must have ended: far below the ten minutes of a stream, far above what
#: ending takes on a busy machine.
SOON = 45


@contextmanager
def _server(settings: Settings) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The server as the Procfile starts it, once it answers."""
    port = free_port()
    command = [sys.executable, "-c", "from worker.cli import app; app()"]
    command += ["web", "--port", str(port)]
    environment = {**os.environ, "YANPIAO_DATA": str(settings.root)}
    with subprocess.Popen(command, env=environment) as process:
        address = f"http://127.0.0.1:{port}"
        try:
            _until_it_answers(process, address)
            yield process, address
        finally:
            process.kill()


def _until_it_answers(process: subprocess.Popen[bytes], address: str) -> None:
    while process.poll() is None:
        try:
            if httpx.get(f"{address}/health").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail("the web server did not start")


@pytest.fixture
def people(settings: Settings) -> Iterator[list[str]]:
    """Sessions of three people, on a queue server that runs."""
    with broker.bundled(settings):
        services = Services.open(settings)
        yield [begin_session(services, make_person(services, Role.SUBMITTER)) for _ in range(3)]
        services.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_open_streams_keep_nobody_waiting(
    settings: Settings, people: list[str], number: signal.Signals
) -> None:
    ended: list[str] = []
    with _server(settings) as (process, address), ExitStack() as streams:
        readers = []
        for session in people:
            reply = streams.enter_context(
                httpx.stream(
                    "GET", f"{address}/api/events", cookies={"session": session}, timeout=SOON
                )
            )
            lines = reply.iter_lines()
            assert any(line.startswith("data:") for line in lines)  # it is open and speaks
            readers.append(threading.Thread(target=_drain, args=(lines, ended), daemon=True))
            readers[-1].start()
        process.send_signal(number)
        process.wait(SOON)
        for reader in readers:
            reader.join(SOON)
    assert ended == ["whole"] * len(people)


def _drain(lines: Iterator[str], ended: list[str]) -> None:
    """Read to the end; a stream that was cut off raises instead."""
    for _ in lines:
        pass
    ended.append("whole")


def test_an_upload_that_stands_still_keeps_nobody_waiting(
    settings: Settings, people: list[str]
) -> None:
    session = people[0]
    with _server(settings) as (process, address):
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            head = (
                "POST /api/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n"
                f"Content-Type: multipart/form-data; boundary=x\r\nCookie: session={session}\r\n"
                f"X-CSRF-Token: {csrf_of(session)}\r\n\r\n--x\r\n"
            )
            connection.sendall(head.encode())
            time.sleep(0.5)  # the server is in the middle of it
            process.terminate()
            process.wait(SOON)
