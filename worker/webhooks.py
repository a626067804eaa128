"""Telling other systems: follows the audit trail, writes messages down, and sends them signed.

A message is signed like this: `Yanpiao-Signature: v1=HEX`, HMAC-SHA256 with the webhook's secret
over `TIMESTAMP.BODY`, the timestamp in seconds standing in `Yanpiao-Timestamp`. A receiver refuses
old timestamps, so nobody can play a message back; `id` in the body tells a repetition.

An address inside the house is not called, unless a setting allows it: otherwise whoever may add
webhooks could make the server ask what only the server can reach (SSRF). The name is resolved once
and the connection goes to the very address that was judged.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import httpx
from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from archive import accounts, audit, results_back, webhooks
from archive.following import new_rows
from archive.people import Person
from archive.records import AuditRow, Document, now
from archive.visibility import visible
from archive.webhooks import BY_ACTION, MARKING, Event, Webhook, WebhookDelivery
from extractors.errors import YanpiaoError
from worker.log import logger
from worker.services import Services

log = logger("webhooks")

_WALK = "webhooks"
_MOST_ROWS = 500
_A_ROUND = 20
_AT_ONCE = 4
_TIMEOUT_SECONDS = 5.0
#: A whole try, also where a receiver sends a letter now and then.
_LONGEST_SECONDS = 15.0
#: Messages of one webhook in a round: a slow receiver leaves room for the others.
_OF_ONE = 4
_FIRST_PAUSE = dt.timedelta(seconds=30)
_LONGEST_PAUSE = dt.timedelta(hours=6)
_GIVE_UP_AFTER = dt.timedelta(days=3)
#: While a try runs, nobody else takes the message.
_CLAIM = dt.timedelta(minutes=2)
_LONGEST_URL = 2000


class BadWebhookAddress(YanpiaoError):
    """No address that may be called from here."""

    code = "bad_webhook_address"


def signature(secret: str, timestamp: int, body: str) -> str:
    """What proves that a message is ours and just made."""
    signed = f"{timestamp}.{body}".encode()
    return "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


# -- which addresses may be called ---------------------------------------------------------


def parted(url: str, *, private: bool) -> SplitResult:
    """The address in its parts. Raises `BadWebhookAddress` for one that no webhook may have."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadWebhookAddress from error
    plain = parts.scheme == "https" or (parts.scheme == "http" and private)
    if not plain or not parts.hostname or parts.username is not None or port == 0:
        raise BadWebhookAddress
    if len(url) > _LONGEST_URL or not url.isprintable() or " " in url:
        raise BadWebhookAddress
    return parts


def reachable(parts: SplitResult, *, private: bool) -> str:
    """The network address to connect to. Raises `BadWebhookAddress` where the name leads, or may
    lead, inside the house."""
    try:
        found = socket.getaddrinfo(parts.hostname, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise BadWebhookAddress from error
    addresses = [ipaddress.ip_address(str(entry[4][0]).split("%")[0]) for entry in found]
    if not addresses or not all(private or _is_outside(one) for one in addresses):
        raise BadWebhookAddress
    return str(addresses[0])


def _is_outside(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_global and not address.is_multicast


# -- writing messages down -----------------------------------------------------------------


def follow(services: Services) -> int:
    """Write down what the trail's new rows mean for each webhook; how many messages."""
    with services.database.write() as session:
        rows = new_rows(session, _WALK, _MOST_ROWS)
        if not rows:
            return 0
        hooks = webhooks.enabled(session)
        told = sum(_tell(session, row, hooks) for row in rows)
        return told + _tell_marks(session, rows, hooks)


def _tell(session: Session, row: AuditRow, hooks: list[tuple[Webhook, Person]]) -> int:
    """What one deed on a document means for each webhook."""
    event = BY_ACTION.get(row.action)
    if event is None or row.document_id is None:
        return 0
    count = 0
    for hook, person in hooks:
        if event in hook.events:
            for document in _seen(session, person, Document.id == row.document_id):
                webhooks.put(session, hook, event, row.at, document)
                count += 1
    return count


def _tell_marks(session: Session, rows: list[AuditRow], hooks: list[tuple[Webhook, Person]]) -> int:
    """The marks for the accounting system of each document that these deeds concern, once."""
    marking = [row for row in rows if row.action in MARKING]
    documents = {row.document_id for row in marking if row.document_id is not None}
    vouchers = {row.voucher_no for row in marking if row.document_id is None}
    concerned = or_(Document.id.in_(documents), Document.voucher_no.in_(vouchers))
    count = 0
    for hook, person in hooks if marking else ():
        if Event.RESULTS in hook.events:
            for document in _seen(session, person, concerned):
                results = results_back.results_of(session, document)
                if results is not None:
                    webhooks.put(session, hook, Event.RESULTS, None, document, results)
                    count += 1
    return count


def _seen(session: Session, person: Person, wanted: ColumnElement[bool]) -> list[Document]:
    """Those of the documents that the webhook's person may see."""
    seen = visible(accounts.actor_of(person))
    return list(session.scalars(select(Document).where(wanted, seen).order_by(Document.id)))


# -- sending -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Message:
    id: str
    url: str
    secret: str
    body: str


def deliver(services: Services) -> int:
    """Send what is due, a few at a time; how many were taken."""
    messages = _claim(services)
    if not messages:
        return 0
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(lambda each: _send(services, each), messages))
    with services.database.write() as session:
        for message, answer in zip(messages, answers, strict=True):
            _record(session, message.id, answer)
    return sum(answer.startswith("2") for answer in answers)


def _claim(services: Services) -> list[_Message]:
    """The messages that are due, held so that of two clocks one sends each."""
    moment = now()
    with services.database.write() as session:
        place = func.row_number().over(
            partition_by=WebhookDelivery.webhook_id, order_by=WebhookDelivery.next_try_at
        )
        waiting = (
            select(WebhookDelivery.id, place.label("place"))
            .where(WebhookDelivery.ended_at.is_(None), WebhookDelivery.next_try_at <= moment)
            .subquery()
        )
        due = (
            select(WebhookDelivery.id)
            .join(waiting, waiting.c.id == WebhookDelivery.id)
            .where(waiting.c.place <= _OF_ONE, WebhookDelivery.next_try_at <= moment)
            .order_by(WebhookDelivery.next_try_at)
            .limit(_A_ROUND)
            .with_for_update(skip_locked=True, of=WebhookDelivery)
        )
        ids = list(session.scalars(due))
        session.execute(
            update(WebhookDelivery)
            .where(WebhookDelivery.id.in_(ids))
            .values(next_try_at=moment + _CLAIM)
        )
        found = session.execute(
            select(WebhookDelivery, Webhook)
            .join(Webhook, Webhook.id == WebhookDelivery.webhook_id)
            .where(WebhookDelivery.id.in_(ids))
        ).all()
        for row, hook in found:
            if hook.removed_at is not None:
                row.ended_at, row.answer = moment, "removed"
        return [
            _Message(row.id, hook.url, services.sealer.open(hook.secret_sealed), row.body)
            for row, hook in found
            if hook.removed_at is None
        ]


def _send(services: Services, message: _Message) -> str:
    """The status of the answer, or the name of what went wrong. Never follows a redirect, and
    reads nothing of what is answered."""
    private = services.settings.webhook_private
    timestamp = int(time.time())
    try:
        parts = parted(message.url, private=private)
        address = reachable(parts, private=private)
        host = parts.hostname or ""
        shown = f"[{address}]" if ":" in address else address
        port = f":{parts.port}" if parts.port else ""
        target = parts._replace(netloc=f"{shown}{port}", fragment="").geturl()
        with (
            httpx.Client(timeout=_TIMEOUT_SECONDS, trust_env=False) as client,
            _no_longer_than(_LONGEST_SECONDS, client),
            client.stream(
                "POST",
                target,
                content=message.body.encode(),
                headers={
                    "Host": f"[{host}]{port}" if ":" in host else f"{host}{port}",
                    "Content-Type": "application/json",
                    "User-Agent": "Yanpiao",
                    "Yanpiao-Timestamp": str(timestamp),
                    "Yanpiao-Signature": signature(message.secret, timestamp, message.body),
                },
                extensions={"sni_hostname": host},
            ) as reply,
        ):
            return str(reply.status_code)
    except BadWebhookAddress as error:
        return error.code
    except (httpx.HTTPError, OSError, ValueError, RuntimeError) as error:
        return type(error).__name__  # the later three where the connection was closed under it


@contextmanager
def _no_longer_than(seconds: float, client: httpx.Client) -> Iterator[None]:
    """Close the connections of a try that lasts too long, which ends it."""
    timer = threading.Timer(seconds, client.close)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _record(session: Session, delivery_id: str, answer: str) -> None:
    row = session.get_one(WebhookDelivery, delivery_id)
    row.tries += 1
    row.answer = answer[:48]
    if answer.startswith("2"):
        row.delivered, row.ended_at = True, now()
        return
    pause = min(_FIRST_PAUSE * 2 ** min(row.tries - 1, 12), _LONGEST_PAUSE)
    row.next_try_at = now() + pause
    if row.next_try_at - row.created_at > _GIVE_UP_AFTER:
        row.ended_at = now()
        detail = {"webhook": row.webhook_id, "delivery": row.id, "answer": row.answer}
        audit.record(session, "webhook_given_up", document_id=row.document_id, detail=detail)
