"""Slow receivers hold up nobody but themselves: not the clock, not other webhooks, not notices."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import select, update

from archive import accounts, webhooks
from archive.actors import EVERYWHERE, Role
from archive.noticing import Outgoing
from archive.records import now
from archive.webhooks import Event, WebhookDelivery
from tests.helpers import hand_in, xml
from worker import webhooks as sending_webhooks
from worker.clock import Clock
from worker.outgoing import CHANNELS, NotTaken, Text, deliver
from worker.queues import Stage, queued_keys
from worker.sending import Sending
from worker.services import Services
from worker.settings import Settings

_PATIENCE_SECONDS = 60


def _until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(0.02)


@contextmanager
def _receiver(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does with each connection what it is told; its address."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                line, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=_answered, args=(line, answer), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def _answered(line: socket.socket, answer: Callable[[socket.socket], None]) -> None:
    with line:
        try:
            line.recv(65536)
            answer(line)
        except OSError:
            return  # the other side had enough


def _told(services: Services, url: str, count: int = 1) -> str:
    """A webhook with so many messages that are due; its id."""
    with services.database.write() as session:
        login = f"p{time.monotonic_ns()}"
        person = accounts.add_person(
            session, login, "p", [(Role.SUBMITTER, EVERYWHERE)], password="a-long-password-9"
        )
        session.flush()
        actor = accounts.actor_of(person)
        hook, _ = webhooks.add(session, actor, url, [Event.READ], services.sealer)
        session.flush()
        for _ in range(count):
            webhooks.put(session, hook, "ping")
        return hook.id


@pytest.fixture
def open_house(services: Services, settings: Settings) -> Iterator[Services]:
    chosen = Services.open(settings.model_copy(update={"webhook_private": True}))
    yield chosen
    chosen.close()


def test_a_receiver_that_never_answers_stops_neither_clock_nor_others(
    open_house: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.clock.signal.signal", lambda *_: None)  # no main thread here
    asked, let_go, taken = threading.Event(), threading.Event(), threading.Event()

    def never(_line: socket.socket) -> None:
        asked.set()
        let_go.wait(_PATIENCE_SECONDS)

    def at_once(line: socket.socket) -> None:
        taken.set()
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    clock = Clock(open_house)
    with _receiver(never) as slow, _receiver(at_once) as quick:
        _told(open_house, slow, 30)
        _told(open_house, quick)
        running = threading.Thread(target=clock.run)
        running.start()
        try:
            assert asked.wait(_PATIENCE_SECONDS)
            assert taken.wait(_PATIENCE_SECONDS), "the other webhook is told all the same"
            document_id = hand_in(open_house, xml()).document_id
            open_house.redis.flushall()
            _until(
                lambda: bool(queued_keys(open_house.redis, Stage.OCR)),
                f"{document_id} brought back while a receiver hangs",
            )
            assert not let_go.is_set()
        finally:
            let_go.set()
            clock._stop.set()
            running.join(_PATIENCE_SECONDS)
    assert not running.is_alive()


def test_a_receiver_that_drips_is_given_up_and_asked_again_later(
    open_house: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending_webhooks, "_LONGEST_SECONDS", 0.3)

    def drip(line: socket.socket) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\n")
        for number in range(10_000):
            line.sendall(b"X-%d: y\r\n" % number)
            time.sleep(0.02)

    with _receiver(drip) as url:
        _told(open_house, url)
        pauses = []
        for _ in range(3):
            assert sending_webhooks.deliver(open_house) == 0
            with open_house.database.write() as session:
                row = session.scalars(select(WebhookDelivery)).one()
                pauses.append(round((row.next_try_at - now()).total_seconds() / 30))
                session.execute(update(WebhookDelivery).values(next_try_at=now()))
    assert row.tries == 3
    assert not row.delivered
    assert pauses == [1, 2, 4], "half a minute, then twice as long after each try"


def test_many_messages_of_one_leave_room_for_another(open_house: Services) -> None:
    _told(open_house, "http://127.0.0.1:1/", 50)
    last = _told(open_house, "http://127.0.0.1:2/")
    taken = [message.id for message in sending_webhooks._claim(open_house)]
    with open_house.database.read() as session:
        of_last = session.scalars(
            select(WebhookDelivery.id).where(WebhookDelivery.webhook_id == last)
        ).one()
    assert len(taken) == sending_webhooks._OF_ONE + 1
    assert of_last in taken


class _Stuck:
    """A channel that takes nothing until it is let go."""

    def __init__(self) -> None:
        self.asked, self.let_go = threading.Event(), threading.Event()

    def send(self, _text: Text, _address: str) -> None:
        self.asked.set()
        self.let_go.wait(_PATIENCE_SECONDS)
        raise NotTaken("away")


class _Quick:
    def __init__(self) -> None:
        self.taken = threading.Event()

    def send(self, _text: Text, _address: str) -> None:
        self.taken.set()


def _outgoing(services: Services, channel: str) -> None:
    with services.database.write() as session:
        session.add(Outgoing(channel=channel, topic="alarm", code="notice_alarm_raised", params={}))


def test_a_channel_that_hangs_holds_up_no_other(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, quick = _Stuck(), _Quick()
    monkeypatch.setattr("worker.sending.senders", lambda _: {"wecom": stuck, "feishu": quick})
    _outgoing(services, "wecom")
    _outgoing(services, "feishu")
    lanes = Sending(services)
    lanes.start()
    try:
        assert stuck.asked.wait(_PATIENCE_SECONDS)
        assert quick.taken.wait(_PATIENCE_SECONDS)
    finally:
        stuck.let_go.set()
        lanes.stop()
    with services.database.read() as session:
        rows = {row.channel: row for row in session.scalars(select(Outgoing))}
    assert rows["feishu"].done_at is not None
    assert rows["wecom"].done_at is None
    assert rows["wecom"].next_try_at > now()


def test_a_lane_looks_at_its_own_channel_only(services: Services) -> None:
    for channel in CHANNELS:
        _outgoing(services, channel)
    quick = _Quick()
    assert deliver(services.database, {"feishu": quick}, "http://x", ("feishu",)) == 1
    with services.database.read() as session:
        open_ones = session.scalars(select(Outgoing).where(Outgoing.done_at.is_(None)))
        assert {row.channel for row in open_ones} == set(CHANNELS) - {"feishu"}
