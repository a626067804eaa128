"""Webhooks: addresses of other systems that are told what became of documents. Each message stands
here until the other side took it, or was tried long enough."""

from __future__ import annotations

import datetime as dt
import json
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from archive import audit
from archive.actors import Actor
from archive.people import Person
from archive.records import Base, Document, JsonText, new_id, now
from archive.sealing import Sealer
from archive.secrets import new_token
from extractors.errors import YanpiaoError

MOST_WEBHOOKS = 20


class Event(StrEnum):
    """What is told; each is a deed of the audit trail."""

    RECEIVED = "document.received"
    READ = "document.read"
    WAITING = "document.waiting"
    IN_REVIEW = "document.in_review"
    PASSED = "document.passed"
    ARCHIVED = "document.archived"
    REJECTED = "document.rejected"
    FAILED = "document.failed"
    #: The marks of 电子凭证会计数据标准 (checked, booked), whenever they may have changed.
    RESULTS = "document.results"

    @property
    def action(self) -> str:
        """The deed in the audit trail."""
        return self.value.replace(".", "_")


BY_ACTION = {event.action: event for event in Event if event is not Event.RESULTS}
#: Deeds after which the marks of a document, or of every document of a voucher, are told.
MARKING = frozenset(
    {
        *("document_passed", "document_archived", "document_rejected", "document_attached"),
        *("document_verified_again", "voucher_facts_taken", "voucher_facts_changed"),
    }
)


class Webhook(Base):
    """An address that is told of the events it asks for, as far as its person may see."""

    __tablename__ = "webhooks"
    __proven__ = ("id", "person_id", "url", "secret_sealed", "events", "created_at", "removed_at")

    id: Mapped[str] = mapped_column(String(24), primary_key=True, default=new_id)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    url: Mapped[str] = mapped_column(Text)
    #: What its messages are signed with, sealed.
    secret_sealed: Mapped[str] = mapped_column(Text)
    events: Mapped[list[str]] = mapped_column(JsonText, default=list)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    removed_at: Mapped[dt.datetime | None]


class WebhookDelivery(Base):
    """One message to one address."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (Index(None, "ended_at", "next_try_at"),)

    id: Mapped[str] = mapped_column(String(24), primary_key=True, default=new_id)
    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhooks.id"), index=True)
    event: Mapped[str] = mapped_column(String(48))
    document_id: Mapped[str | None] = mapped_column(String(24))
    #: Exactly what is sent and signed.
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[dt.datetime] = mapped_column(default=now)
    #: When it was taken, or given up.
    ended_at: Mapped[dt.datetime | None]
    delivered: Mapped[bool] = mapped_column(default=False)
    #: HTTP status of the last answer, or the code of what went wrong.
    answer: Mapped[str] = mapped_column(String(48), default="")


class UnknownWebhook(YanpiaoError):
    code = "unknown_webhook"


class TooManyWebhooks(YanpiaoError):
    code = "too_many_webhooks"


def add(
    session: Session, actor: Actor, url: str, events: list[Event], sealer: Sealer
) -> tuple[Webhook, str]:
    """A new webhook, and its secret, which is given this once. Raises `TooManyWebhooks`."""
    if len(of_person(session, actor.id)) >= MOST_WEBHOOKS:
        raise TooManyWebhooks(limit=MOST_WEBHOOKS)
    secret = new_token()
    hook = Webhook(
        id=new_id(),
        person_id=actor.id,
        url=url,
        secret_sealed=sealer.seal(secret),
        events=sorted(events),
        created_at=now(),
    )
    session.add(hook)
    detail = {"webhook": hook.id, "events": sorted(events)}
    audit.record(session, "webhook_added", actor=actor.id, detail=detail)
    return hook, secret


def of_person(session: Session, person_id: str) -> list[Webhook]:
    """The person's webhooks, oldest first."""
    query = (
        select(Webhook)
        .where(Webhook.person_id == person_id, Webhook.removed_at.is_(None))
        .order_by(Webhook.id)
    )
    return list(session.scalars(query))


def owned(session: Session, actor: Actor, webhook_id: str) -> Webhook:
    """Raises `UnknownWebhook` for another's too."""
    hook = session.get(Webhook, webhook_id)
    if hook is None or hook.person_id != actor.id or hook.removed_at is not None:
        raise UnknownWebhook
    return hook


def remove(session: Session, actor: Actor, webhook_id: str) -> None:
    """Nothing more is sent. Raises `UnknownWebhook`."""
    owned(session, actor, webhook_id).removed_at = now()
    audit.record(session, "webhook_removed", actor=actor.id, detail={"webhook": webhook_id})


def enabled(session: Session) -> list[tuple[Webhook, Person]]:
    """Every webhook that is told anything, with the person it acts for."""
    query = (
        select(Webhook, Person)
        .join(Person, Person.id == Webhook.person_id)
        .where(Webhook.removed_at.is_(None), Person.disabled_at.is_(None))
    )
    return [(hook, person) for hook, person in session.execute(query)]


def put(
    session: Session,
    hook: Webhook,
    event: str,
    at: dt.datetime | None = None,
    document: Document | None = None,
    results: dict[str, str] | None = None,
) -> None:
    """Write the message down; it leaves with the next round. `results` are the document's row of
    `archive.results_back`."""
    delivery = WebhookDelivery(id=new_id(), webhook_id=hook.id, event=event)
    delivery.document_id = document.id if document else None
    said: dict[str, Any] = {
        "id": delivery.id,
        "event": event,
        "at": (at or now()).isoformat(),
        "document": _document_json(document) if document else None,
        **({"results": results} if results is not None else {}),
    }
    delivery.body = json.dumps(said, ensure_ascii=False)
    session.add(delivery)


def _document_json(document: Document) -> dict[str, Any]:
    invoice = document.invoice
    total = invoice.total_with_tax if invoice else None
    return {
        "id": document.id,
        "state": document.state,
        "verdict": document.verdict,
        "reason": document.reason,
        "voucher": document.voucher_no,
        "campus": document.campus,
        "invoice_code": invoice.invoice_code if invoice else None,
        "invoice_number": invoice.invoice_number if invoice else None,
        "total_with_tax": None if total is None else f"{total:.2f}",
    }
