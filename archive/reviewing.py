"""What reviewers did: one row a deed, never changed but for how it ended, and the case around it.

Deeds name people by id. What a deed changed stands beside what was there before, so that it can
be taken back while nothing else has happened since.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from archive.records import Base, JsonText, new_id, now


class DeedStatus(StrEnum):
    """DONE took effect; PROPOSED waits for a second person; CONFIRMED is a proposal that a second
    person carried out; DROPPED is one that another deed overtook; UNDONE was taken back."""

    DONE = "done"
    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    DROPPED = "dropped"
    UNDONE = "undone"


class ReviewDeed(Base):
    """One deed of one person on one document."""

    __tablename__ = "review_deeds"
    __proven__ = (
        *("id", "document_id", "at", "actor", "action", "status", "token", "reason", "text"),
        *("wish", "changed", "before", "about"),
    )
    __table_args__ = (Index(None, "document_id", "at"),)

    id: Mapped[str] = mapped_column(String(24), primary_key=True, default=new_id)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id"))
    at: Mapped[dt.datetime] = mapped_column(default=now)
    actor: Mapped[str] = mapped_column(String(64), index=True)
    action: Mapped[str] = mapped_column(String(16))
    status: Mapped[str] = mapped_column(String(16), default=DeedStatus.DONE)
    #: The client's word for this one click: a second click of it finds the first.
    token: Mapped[str] = mapped_column(String(96), unique=True)
    #: Code of the reason that was chosen, "" where none is asked for.
    reason: Mapped[str] = mapped_column(String(48), default="")
    text: Mapped[str] = mapped_column(Text, default="")
    #: What was asked for: {"values": {field: text}} or {"voucher_no": ...} and the like.
    wish: Mapped[dict[str, Any]] = mapped_column(JsonText, default=dict)
    #: What it changed of the values: {field: {"old", "old_source", "new"}}.
    changed: Mapped[dict[str, Any]] = mapped_column(JsonText, default=dict)
    #: Everything that taking it back must restore.
    before: Mapped[dict[str, Any]] = mapped_column(JsonText, default=dict)
    #: The document's `updated_at` as the deed left it: while it is the same, nothing came after.
    left_at: Mapped[dt.datetime | None]
    #: The deed that this one confirms, takes back or answers.
    about: Mapped[str | None] = mapped_column(String(24))


class ReviewCase(Base):
    """What stands around a document at the desk; made by its first deed."""

    __tablename__ = "review_cases"

    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id"), primary_key=True)
    assignee: Mapped[str | None] = mapped_column(String(64), index=True)
    #: The proposal that waits for a second person.
    proposal: Mapped[str | None] = mapped_column(String(24))
    #: Since when the submitter is asked for a better picture, and the document that came of it.
    picture_wanted_at: Mapped[dt.datetime | None]
    replaced_by: Mapped[str | None] = mapped_column(String(24))
    #: The document in whose place this one was handed in.
    replaces: Mapped[str | None] = mapped_column(String(24))
    #: When its submitter was done with its rejection.
    put_away_at: Mapped[dt.datetime | None]


def case_of(session: Session, document_id: str) -> ReviewCase:
    """The document's case, made now if it has none."""
    case = session.get(ReviewCase, document_id)
    if case is None:
        case = ReviewCase(document_id=document_id)
        session.add(case)
        session.flush()
    return case


def deeds_of(session: Session, document_id: str) -> list[ReviewDeed]:
    """Every deed on a document, oldest first."""
    query = (
        select(ReviewDeed)
        .where(ReviewDeed.document_id == document_id)
        .order_by(ReviewDeed.at, ReviewDeed.id)
    )
    return list(session.scalars(query))


def deed_by_token(session: Session, token: str) -> ReviewDeed | None:
    """The deed that a client's word stands for, if it was done already."""
    return session.scalars(select(ReviewDeed).where(ReviewDeed.token == token)).first()


def decisions_json(
    session: Session, document_ids: Iterable[str]
) -> dict[str, list[dict[str, Any]]]:
    """What people decided, by document, as a bag keeps it; notes and assignments are left out."""
    wanted = list(document_ids)
    found: dict[str, list[dict[str, Any]]] = {one: [] for one in wanted}
    for start in range(0, len(wanted), 500):
        query = (
            select(ReviewDeed)
            .where(
                ReviewDeed.document_id.in_(wanted[start : start + 500]),
                ReviewDeed.action.not_in(("note", "assign")),
            )
            .order_by(ReviewDeed.at, ReviewDeed.id)
        )
        for deed in session.scalars(query):
            found[deed.document_id].append(deed_json(deed))
    return found


def deed_json(deed: ReviewDeed) -> dict[str, Any]:
    """One deed as plain data."""
    return {
        "id": deed.id,
        "at": deed.at.isoformat(),
        "actor": deed.actor,
        "action": deed.action,
        "status": deed.status,
        "reason": deed.reason,
        "text": deed.text,
        "changed": deed.changed,
        "about": deed.about,
    }
