"""The tables of notices and figures: what people are told, what is on its way to them, and what
the dashboard adds up. All three follow the audit trail, from where they left off."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from archive.records import Base, JsonText, new_id, now


class Walk(Base):
    """How far a follower of the audit trail has come."""

    __tablename__ = "walks"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    seq: Mapped[int]


class Notice(Base):
    """One thing that one person is told, in the application itself."""

    __tablename__ = "notices"
    __table_args__ = (Index(None, "person_id", "read_at"),)

    id: Mapped[str] = mapped_column(String(24), primary_key=True, default=new_id)
    person_id: Mapped[str] = mapped_column(String(64))
    at: Mapped[dt.datetime] = mapped_column(default=now)
    #: `worker.notices.Topic`.
    topic: Mapped[str] = mapped_column(String(16))
    document_id: Mapped[str | None] = mapped_column(ForeignKey("documents.id"))
    #: Code and values of the sentence; never names or amounts.
    code: Mapped[str] = mapped_column(String(48))
    params: Mapped[dict[str, str]] = mapped_column(JsonText, default=dict)
    read_at: Mapped[dt.datetime | None]


class NoticeChoice(Base):
    """That a person does, or does not, want a topic by a channel; no row: the usual."""

    __tablename__ = "notice_choices"

    person_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    topic: Mapped[str] = mapped_column(String(16), primary_key=True)
    channel: Mapped[str] = mapped_column(String(16), primary_key=True)
    wanted: Mapped[bool]


class Outgoing(Base):
    """A message that leaves the house, until somebody took it or it is given up."""

    __tablename__ = "outgoing"
    __table_args__ = (Index(None, "done_at", "next_try_at"),)

    id: Mapped[str] = mapped_column(String(24), primary_key=True, default=new_id)
    #: "email", "wecom", "dingtalk" or "feishu".
    channel: Mapped[str] = mapped_column(String(16))
    #: Whom an e-mail goes to; "" for the office's own group.
    person_id: Mapped[str] = mapped_column(String(64), default="")
    topic: Mapped[str] = mapped_column(String(16))
    document_id: Mapped[str | None] = mapped_column(String(24))
    code: Mapped[str] = mapped_column(String(48))
    params: Mapped[dict[str, str]] = mapped_column(JsonText, default=dict)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    next_try_at: Mapped[dt.datetime] = mapped_column(default=now)
    tries: Mapped[int] = mapped_column(default=0)
    #: Sent, or given up: then `error` says why.
    done_at: Mapped[dt.datetime | None]
    error: Mapped[str | None] = mapped_column(Text)


class Figures(Base):
    """What came in during a month in one campus, and what became of it."""

    __tablename__ = "figures"

    #: "2026-11", by the calendar of China.
    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    campus: Mapped[str] = mapped_column(String(64), primary_key=True)
    received: Mapped[int] = mapped_column(default=0)
    #: Passed or archived without anybody's hand.
    by_itself: Mapped[int] = mapped_column(default=0)
    #: Passed or archived after somebody decided.
    by_hand: Mapped[int] = mapped_column(default=0)
    in_review: Mapped[int] = mapped_column(default=0)
    waiting: Mapped[int] = mapped_column(default=0)
    #: Rejected, or cannot be read.
    refused: Mapped[int] = mapped_column(default=0)
    duplicates: Mapped[int] = mapped_column(default=0)
    #: Yuan on documents that the tax authority confirmed, and on those that were held or refused
    #: because something does not agree.
    money_checked: Mapped[Decimal] = mapped_column(default=Decimal(0))
    money_stopped: Mapped[Decimal] = mapped_column(default=Decimal(0))
    #: From hand-in to archive: how many documents by step of 5 % (`worker.figures.step_of`).
    durations: Mapped[dict[str, int]] = mapped_column(JsonText, default=dict)
    computed_at: Mapped[dt.datetime] = mapped_column(default=now)
