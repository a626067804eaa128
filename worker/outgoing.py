"""What leaves the house: e-mail by SMTP, and chat robots (WeCom, DingTalk, Feishu).

Each message stands in the database until somebody took it. A try is claimed first, so that of two
clocks one sends it; what fails is tried again after a pause that doubles, and given up after two
days with the reason kept. Messages say what there is to do and where, never names or amounts.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import smtplib
import ssl
import time
from collections.abc import Collection, Mapping
from email.message import EmailMessage
from typing import Any, Protocol
from urllib.parse import quote_plus

import httpx
from sqlalchemy import CursorResult, select, update

from archive.database import Database
from archive.noticing import Outgoing
from archive.people import Person
from archive.records import now
from extractors.messages import say
from worker.log import logger
from worker.settings import Settings

log = logger("outgoing")

_A_ROUND = 50
_TIMEOUT = 10.0
_FIRST_PAUSE = dt.timedelta(minutes=1)
_LONGEST_PAUSE = dt.timedelta(hours=6)
_GIVE_UP = dt.timedelta(days=2)
#: While a try runs, nobody else takes the message.
_CLAIM = dt.timedelta(minutes=5)
_LANGUAGE = "zh"


class NotTaken(Exception):
    """The other side did not take a message; `args[0]` says why, without any address in it."""


class Sender(Protocol):
    """One way out."""

    def send(self, text: Text, address: str, /) -> None:
        """Hand a message over. Raises `NotTaken`."""


class Text:
    """A message in words: `title`, `body`, and the `link` to what it is about."""

    def __init__(self, row: Outgoing, public_url: str) -> None:
        self.title = say(row.code, _LANGUAGE, row.params)
        self.hint = say(row.code, _LANGUAGE, row.params, part="hint")
        self.link = public_url + link_of(row.topic, row.document_id)

    @property
    def body(self) -> str:
        return "\n".join(part for part in (self.title, self.hint, self.link) if part)


def link_of(topic: str, document_id: str | None) -> str:
    """Where a notice leads: the document's own page, or the list that it stands in."""
    if topic == "review":
        return f"/review/{document_id}" if document_id else "/review"
    if topic == "alarm":
        return f"/documents/{document_id}" if document_id else "/dashboard"
    if document_id:
        return f"/claims/{document_id}"
    return "/claims?show=done" if topic == "done" else "/claims?show=todo"


# -- e-mail --------------------------------------------------------------------------------


class Mail:
    """SMTP as the settings say: plain, STARTTLS or TLS, with or without a login."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def send(self, text: Text, address: str) -> None:
        message = EmailMessage()
        message["From"] = self._settings.smtp_from
        message["To"] = address
        message["Subject"] = f"【验票】{text.title}"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text.body + "\n")
        try:
            with self._connect() as server:
                server.send_message(message)
        except (smtplib.SMTPException, OSError) as error:
            raise NotTaken(_why(error)) from None

    def _connect(self) -> smtplib.SMTP:
        settings = self._settings
        secure = ssl.create_default_context()
        server: smtplib.SMTP
        if settings.smtp_security == "tls":
            server = smtplib.SMTP_SSL(
                settings.smtp_host, settings.smtp_port, timeout=_TIMEOUT, context=secure
            )
        else:
            server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=_TIMEOUT)
        try:
            if settings.smtp_security == "starttls":
                server.starttls(context=secure)
            if settings.smtp_user:
                server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        except BaseException:
            server.close()
            raise
        return server


# -- chat robots ---------------------------------------------------------------------------


def wecom(text: Text, _secret: str, _moment: float) -> tuple[str, dict[str, Any]]:
    """WeCom group robot: (query, body).
    Source: developer.work.weixin.qq.com/document/path/91770."""
    content = f"**{text.title}**\n{text.hint}\n[打开验票]({text.link})"
    return "", {"msgtype": "markdown", "markdown": {"content": content}}


def dingtalk(text: Text, secret: str, moment: float) -> tuple[str, dict[str, Any]]:
    """DingTalk custom robot; with a secret, milliseconds and HMAC-SHA256 of "time\\nsecret" go
    along. Source: open.dingtalk.com/document/robots/custom-robot-access."""
    body = {
        "msgtype": "markdown",
        "markdown": {
            "title": text.title,
            "text": f"**{text.title}**\n\n{text.hint}\n\n[打开验票]({text.link})",
        },
    }
    if not secret:
        return "", body
    stamp = str(round(moment * 1000))
    digest = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest()
    return f"timestamp={stamp}&sign={quote_plus(base64.b64encode(digest))}", body


def feishu(text: Text, secret: str, moment: float) -> tuple[str, dict[str, Any]]:
    """Feishu custom robot; with a secret, the key is "seconds\\nsecret" and the message empty.
    Source: open.feishu.cn/document/client-docs/bot-v3/add-custom-bot."""
    line = [
        {"tag": "text", "text": f"{text.hint} " if text.hint else ""},
        {"tag": "a", "text": "打开验票", "href": text.link},
    ]
    body: dict[str, Any] = {
        "msg_type": "post",
        "content": {"post": {"zh_cn": {"title": text.title, "content": [line]}}},
    }
    if secret:
        stamp = str(int(moment))
        digest = hmac.new(f"{stamp}\n{secret}".encode(), b"", hashlib.sha256).digest()
        body |= {"timestamp": stamp, "sign": base64.b64encode(digest).decode()}
    return "", body


_ROBOTS = {"wecom": wecom, "dingtalk": dingtalk, "feishu": feishu}
#: Every way that a message may be meant for.
CHANNELS = ("email", *_ROBOTS)


class Robot:
    """One chat robot. All three answer 200 even when they refuse, with a code in the body."""

    def __init__(self, kind: str, address: str, secret: str) -> None:
        self._shape = _ROBOTS[kind]
        self._address = address
        self._secret = secret

    def send(self, text: Text, _address: str) -> None:
        query, body = self._shape(text, self._secret, time.time())
        url = self._address
        if query:
            url += ("&" if "?" in url else "?") + query
        try:
            reply = httpx.post(url, json=body, timeout=_TIMEOUT, follow_redirects=False)
            said = reply.json()
        except (httpx.HTTPError, ValueError) as error:
            raise NotTaken(type(error).__name__) from None
        code = said.get("errcode", said.get("code", said.get("StatusCode", 0)))
        if reply.status_code != httpx.codes.OK or code not in (0, "0"):
            raise NotTaken(f"HTTP {reply.status_code}, code {code}")


# -- the way out ---------------------------------------------------------------------------


def senders(settings: Settings) -> Mapping[str, Sender]:
    """Every way out that is set up, by channel."""
    ways: dict[str, Sender] = {}
    if settings.smtp_host:
        ways["email"] = Mail(settings)
    for kind in _ROBOTS:
        address = getattr(settings, f"{kind}_url").get_secret_value()
        secret = getattr(settings, f"{kind}_secret").get_secret_value() if kind != "wecom" else ""
        if address:
            ways[kind] = Robot(kind, address, secret)
    return ways


def deliver(
    database: Database,
    ways: Mapping[str, Sender],
    public_url: str,
    channels: Collection[str] = (),
) -> int:
    """Try every message that is due, of some channels or of all; how many were taken. After one
    failure the rest of that channel waits for the next round: a server that is away is not asked
    fifty times."""
    taken, down = 0, set[str]()
    for row in _due(database, channels or CHANNELS):
        if row.channel in down or not _claim(database, row):
            continue
        try:
            _send(database, ways, row, public_url)
            taken += 1
        except NotTaken as refusal:
            down.add(row.channel)
            _later(database, row, str(refusal))
    return taken


def _due(database: Database, channels: Collection[str]) -> list[Outgoing]:
    query = (
        select(Outgoing)
        .where(Outgoing.done_at.is_(None), Outgoing.next_try_at <= now())
        .where(Outgoing.channel.in_(channels))
        .order_by(Outgoing.next_try_at)
        .limit(_A_ROUND)
    )
    with database.read() as session:
        return list(session.scalars(query))


def _claim(database: Database, row: Outgoing) -> bool:
    statement = (
        update(Outgoing)
        .where(Outgoing.id == row.id, Outgoing.next_try_at == row.next_try_at)
        .values(next_try_at=now() + _CLAIM, tries=Outgoing.tries + 1)
        .execution_options(synchronize_session=False)
    )
    with database.write() as session:
        result = session.execute(statement)
        return isinstance(result, CursorResult) and result.rowcount == 1


def _send(database: Database, ways: Mapping[str, Sender], row: Outgoing, public_url: str) -> None:
    way, address = ways.get(row.channel), ""
    if way is None:
        _end(database, row, "not set up any more")
        return
    if row.person_id:
        with database.read() as session:
            person = session.get(Person, row.person_id)
        if person is None or not person.email or person.disabled_at:
            _end(database, row, "no address any more")
            return
        address = person.email
    way.send(Text(row, public_url), address)
    _end(database, row, None)


def _end(database: Database, row: Outgoing, error: str | None) -> None:
    with database.write() as session:
        session.execute(
            update(Outgoing).where(Outgoing.id == row.id).values(done_at=now(), error=error)
        )


def _later(database: Database, row: Outgoing, why: str) -> None:
    log.warning("message_not_taken", channel=row.channel, tries=row.tries + 1, reason=why)
    if now() - row.created_at > _GIVE_UP:
        _end(database, row, why)
        return
    pause = min(_FIRST_PAUSE * 2 ** min(row.tries, 12), _LONGEST_PAUSE)
    with database.write() as session:
        session.execute(
            update(Outgoing)
            .where(Outgoing.id == row.id)
            .values(next_try_at=now() + pause, error=why)
        )


def _why(error: Exception) -> str:
    """Kind and code of a refusal; its words may hold addresses."""
    code = getattr(error, "smtp_code", "")
    return f"{type(error).__name__} {code}".strip()
