"""Notices: who is told what, and that it leaves the house over real SMTP and HTTP."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from sqlalchemy import select, update

from archive import audit
from archive.actors import Actor, Role
from archive.noticing import Notice, Outgoing
from archive.people import Person
from archive.records import Document, State, now
from fixtures.services import free_port
from tests.helpers import hand_in, make_person, xml
from worker.notices import Channel, Notices, Topic, choose, mark_read, unread
from worker.outgoing import deliver, link_of, senders
from worker.services import Services
from worker.settings import Settings
from worker.states import move

URL = "http://yanpiao.test"


def _document(services: Services, owner: Actor | None, campus: str = "", name: str = "a") -> str:
    document_id = hand_in(services, xml(name), f"{name}.xml").document_id
    with services.database.write() as session:
        session.execute(
            update(Document)
            .where(Document.id == document_id)
            .values(submitter=owner.id if owner else "", campus=campus)
        )
    return document_id


def _move(services: Services, document_id: str, *states: State, actor: str = "system") -> None:
    with services.database.write() as session:
        document = session.get_one(Document, document_id)
        for state in states:
            move(session, document, state, actor=actor, reason="x")


def _told(services: Services, actor: Actor) -> list[tuple[str, str | None, str]]:
    query = select(Notice).where(Notice.person_id == actor.id).order_by(Notice.id)
    with services.database.read() as session:
        return [(row.code, row.document_id, row.params["count"]) for row in session.scalars(query)]


def _follower(services: Services, *groups: str, mail: bool = False) -> Notices:
    follower = Notices(services.database, groups, mail=mail)
    follower.round()  # takes its place
    return follower


def test_what_was_before_is_history_and_nothing_is_told_twice(services: Services) -> None:
    owner = make_person(services, Role.SUBMITTER)
    _move(services, _document(services, owner, name="old"), State.FAILED)
    follower = _follower(services)
    failed = _document(services, owner, name="new")
    _move(services, failed, State.FAILED)
    assert follower.round() == 1
    assert follower.round() == 0
    assert _told(services, owner) == [("notice_document_failed", failed, "1")]


def test_what_happens_together_is_told_together(services: Services) -> None:
    owner = make_person(services, Role.SUBMITTER)
    follower = _follower(services)
    for number in range(5):
        _move(services, _document(services, owner, name=str(number)), State.FAILED)
    follower.round()
    assert _told(services, owner) == [("notice_document_failed", None, "5")]


def test_reviewers_hear_of_their_campus_only(services: Services) -> None:
    north = make_person(services, (Role.REVIEWER, "北"))
    south = make_person(services, (Role.REVIEWER, "南"))
    everywhere = make_person(services, Role.REVIEWER)
    auditor = make_person(services, Role.AUDITOR)
    follower = _follower(services)
    _move(services, _document(services, None, "北"), State.READ, State.IN_REVIEW)
    follower.round()
    assert len(_told(services, north)) == len(_told(services, everywhere)) == 1
    assert _told(services, south) == _told(services, auditor) == []


def test_an_alarm_reaches_reviewers_and_admins(services: Services) -> None:
    admin, reviewer = make_person(services, Role.ADMIN), make_person(services, Role.REVIEWER)
    follower = _follower(services)
    with services.database.write() as session:
        audit.record(session, "lane_stopped", detail={"reason": "page_changed"})
    follower.round()
    for person in (admin, reviewer):
        assert _told(services, person) == [("notice_lane_stopped", None, "1")]


def test_nobody_is_told_of_their_own_deed(services: Services) -> None:
    owner = make_person(services, Role.SUBMITTER)
    follower = _follower(services)
    _move(services, _document(services, owner), State.FAILED, State.REJECTED, actor=owner.id)
    follower.round()
    assert _told(services, owner) == []


def test_people_choose_and_read(services: Services) -> None:
    owner = make_person(services, Role.SUBMITTER)
    follower = _follower(services, mail=True)
    with services.database.write() as session:
        choose(session, owner.id, {(Topic.TODO, Channel.APP): False})
    _move(services, _document(services, owner), State.FAILED, State.REJECTED)
    follower.round()
    assert [code for code, _, _ in _told(services, owner)] == ["notice_document_rejected"]
    with services.database.write() as session:
        assert unread(session, owner.id) == 1
        (newest,) = session.scalars(select(Notice.id))
        mark_read(session, owner.id, newest)
        assert unread(session, owner.id) == 0


# -- out of the house ----------------------------------------------------------------------


class _Mailbox:
    """What a real SMTP server took; refuses while told so."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.refuse = False

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.refuse:
            return "451 not now"
        self.taken.append((envelope, message_from_bytes(envelope.content, policy=default)))
        return "250 taken"


@contextmanager
def _mail_server(mailbox: _Mailbox, **options: Any) -> Iterator[int]:
    port = free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def _with_mail(settings: Settings, port: int, **more: Any) -> Settings:
    values = {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_security": "none", **more}
    return Settings(data=settings.data, **values)


def _with_address(services: Services, actor: Actor) -> None:
    with services.database.write() as session:
        session.execute(update(Person).where(Person.id == actor.id).values(email="li@school.test"))


def _due_now(services: Services) -> None:
    with services.database.write() as session:
        session.execute(update(Outgoing).values(next_try_at=now()))


def _outgoing(services: Services) -> list[Outgoing]:
    with services.database.read() as session:
        return list(session.scalars(select(Outgoing).order_by(Outgoing.id)))


def test_an_e_mail_says_what_to_do_and_no_more(services: Services, settings: Settings) -> None:
    owner = make_person(services, Role.SUBMITTER)
    _with_address(services, owner)
    follower = _follower(services, mail=True)
    document_id = _document(services, owner, name="机密采购")
    _move(services, document_id, State.FAILED)
    follower.round()
    mailbox = _Mailbox()
    with _mail_server(mailbox) as port:
        assert deliver(services.database, senders(_with_mail(settings, port)), URL) == 1
        assert deliver(services.database, senders(_with_mail(settings, port)), URL) == 0
    ((envelope, message),) = mailbox.taken
    assert envelope.rcpt_tos == ["li@school.test"]
    assert "读不出来" in message["Subject"]
    text = message.get_content()
    assert f"{URL}/claims/{document_id}" in text
    assert "机密采购" not in text


def test_a_server_that_refuses_is_asked_again_later_and_less_often(
    services: Services, settings: Settings
) -> None:
    owner = make_person(services, Role.SUBMITTER)
    _with_address(services, owner)
    follower = _follower(services, mail=True)
    _move(services, _document(services, owner), State.FAILED)
    follower.round()
    mailbox = _Mailbox()
    mailbox.refuse = True
    pauses = []
    with _mail_server(mailbox) as port:
        ways = senders(_with_mail(settings, port))
        for _ in range(3):
            assert deliver(services.database, ways, URL) == 0
            (row,) = _outgoing(services)
            pauses.append(round((row.next_try_at - now()) / dt.timedelta(minutes=1)))
            assert row.error == "SMTPDataError 451"
            assert deliver(services.database, ways, URL) == 0  # not before its time
            _due_now(services)
        mailbox.refuse = False
        assert deliver(services.database, ways, URL) == 1
    assert pauses == [1, 2, 4]
    (row,) = _outgoing(services)
    assert (row.tries, row.error, row.done_at is None) == (4, None, False)


def test_what_nobody_takes_is_given_up_with_its_reason(
    services: Services, settings: Settings
) -> None:
    owner = make_person(services, Role.SUBMITTER)
    _with_address(services, owner)
    follower = _follower(services, mail=True)
    _move(services, _document(services, owner), State.FAILED)
    follower.round()
    with services.database.write() as session:
        session.execute(update(Outgoing).values(created_at=now() - dt.timedelta(days=2, hours=1)))
    ways = senders(_with_mail(settings, free_port()))  # nobody listens there
    assert deliver(services.database, ways, URL) == 0
    (row,) = _outgoing(services)
    assert row.done_at is not None
    assert row.error == "ConnectionRefusedError"


def test_a_login_is_only_given_to_a_secret_line(services: Services, settings: Settings) -> None:
    """STARTTLS to a server without it is a failure, never a password in clear text."""
    seen: list[Any] = []

    def authenticate(*arguments: Any) -> AuthResult:
        seen.append(arguments)
        return AuthResult(success=True)

    owner = make_person(services, Role.SUBMITTER)
    _with_address(services, owner)
    follower = _follower(services, mail=True)
    _move(services, _document(services, owner), State.FAILED)
    follower.round()
    with _mail_server(_Mailbox(), authenticator=authenticate, auth_require_tls=False) as port:
        strict = _with_mail(
            settings, port, smtp_security="starttls", smtp_user="u", smtp_password="p"
        )
        assert deliver(services.database, senders(strict), URL) == 0
        assert seen == []
        _due_now(services)
        plain = _with_mail(settings, port, smtp_user="u", smtp_password="p")
        assert deliver(services.database, senders(plain), URL) == 1
        assert seen
    assert ssl.create_default_context().verify_mode is ssl.CERT_REQUIRED


class _RobotHandler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, body))  # type: ignore[attr-defined]
        said = json.dumps(self.server.says).encode()  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def _robots() -> Iterator[Any]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _RobotHandler)
    server.asked, server.says = [], {"errcode": 0}  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def test_the_offices_robots_get_their_own_forms(services: Services, settings: Settings) -> None:
    follower = _follower(services, "wecom", "dingtalk", "feishu")
    document_id = _document(services, None)
    _move(services, document_id, State.READ, State.IN_REVIEW)
    follower.round()
    with _robots() as server:
        base = f"http://127.0.0.1:{server.server_address[1]}"
        chosen = Settings(
            data=settings.data,
            wecom_url=f"{base}/wecom?key=k",
            dingtalk_url=f"{base}/dingtalk?access_token=t",
            dingtalk_secret="SECx",
            feishu_url=f"{base}/feishu",
            feishu_secret="s",
        )
        assert deliver(services.database, senders(chosen), URL) == 3
    asked = {urlsplit(path).path: (urlsplit(path).query, body) for path, body in server.asked}
    query, wecom = asked["/wecom"]
    assert (query, wecom["msgtype"]) == ("key=k", "markdown")
    assert f"{URL}/review/{document_id}" in wecom["markdown"]["content"]
    query, dingtalk = asked["/dingtalk"]
    signed = parse_qs(query)
    stamp = signed["timestamp"][0]
    expected = hmac.new(b"SECx", f"{stamp}\nSECx".encode(), hashlib.sha256).digest()
    assert base64.b64decode(signed["sign"][0]) == expected
    assert signed["access_token"] == ["t"]
    assert dingtalk["markdown"]["title"]
    _, feishu = asked["/feishu"]
    expected = hmac.new(f"{feishu['timestamp']}\ns".encode(), b"", hashlib.sha256).digest()
    assert base64.b64decode(feishu["sign"]) == expected
    assert feishu["content"]["post"]["zh_cn"]["title"]


def test_a_robot_that_answers_200_and_refuses_has_refused(
    services: Services, settings: Settings
) -> None:
    follower = _follower(services, "wecom")
    _move(services, _document(services, None), State.READ, State.IN_REVIEW)
    follower.round()
    with _robots() as server:
        server.says = {"errcode": 93000, "errmsg": "invalid webhook url"}
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        ways = senders(Settings(data=settings.data, wecom_url=address))
        assert deliver(services.database, ways, URL) == 0
    (row,) = _outgoing(services)
    assert row.error == "HTTP 200, code 93000"
    assert row.done_at is None


@pytest.mark.parametrize("topic", list(Topic))
def test_every_topic_leads_somewhere(topic: Topic) -> None:
    assert link_of(topic, None).startswith("/")
    assert link_of(topic, "0" * 24).endswith("0" * 24)
