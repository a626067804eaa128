"""The tables of handing in: a claim as it is put together, and files that are on their way."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from archive.records import Base, Document, JsonText, new_id, now


class Claim(Base):
    """What somebody hands in together, from the first file on. Its batch is opened with the first
    file that is whole, so that nothing stands in the archive for one that never came."""

    __tablename__ = "claims"

    id: Mapped[str] = mapped_column(String(24), primary_key=True, default=new_id)
    person_id: Mapped[str] = mapped_column(String(64), index=True)
    campus: Mapped[str] = mapped_column(String(64), default="")
    #: "" for a number made for the batch.
    voucher_no: Mapped[str] = mapped_column(String(64), default="")
    note: Mapped[str] = mapped_column(Text, default="")
    batch_id: Mapped[str | None] = mapped_column(ForeignKey("batches.id"), index=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class Transfer(Base):
    """A file on its way, in pieces. What lies on the disk beyond `offset` does not count."""

    __tablename__ = "transfers"
    __table_args__ = (Index(None, "person_id", "finished_at"), Index(None, "updated_at"))

    id: Mapped[str] = mapped_column(String(24), primary_key=True, default=new_id)
    claim_id: Mapped[str] = mapped_column(ForeignKey("claims.id"), index=True)
    person_id: Mapped[str] = mapped_column(String(64))
    #: The document whose place the file is to take; None for one of a new claim.
    replaces: Mapped[str | None] = mapped_column(String(24))
    name: Mapped[str] = mapped_column(Text)
    size: Mapped[int]
    #: Bytes that are durably here.
    offset: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    updated_at: Mapped[dt.datetime] = mapped_column(default=now)
    finished_at: Mapped[dt.datetime | None]
    #: What became of it: one entry a document, `worker.transfers.Outcome` as JSON.
    outcome: Mapped[list[dict[str, Any]] | None] = mapped_column(JsonText)


# Asked by everybody's open page every other second (`web.events`), and by the dashboard.
Index(None, Document.submitter, Document.updated_at)
Index(None, Document.received_at, Document.campus)
