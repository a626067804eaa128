"""What is still to be deleted of a disposal list, and the bag that the list itself is kept in."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from archive.records import Base, now


class DisposalTodo(Base):
    """A bag (`bag:PLACE`) or file (`file:SHA256`) whose rows are gone and that is to go too."""

    __tablename__ = "disposal_todo"

    list_id: Mapped[str] = mapped_column(ForeignKey("disposal_lists.id"), primary_key=True)
    place: Mapped[str] = mapped_column(String(160), primary_key=True)


class DisposalRecord(Base):
    """The sealed bag of a list; triggers refuse its change or deletion."""

    __tablename__ = "disposal_records"
    __proven__ = ("list_id", "path", "digest", "sealed_at")

    list_id: Mapped[str] = mapped_column(ForeignKey("disposal_lists.id"), primary_key=True)
    path: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    sealed_at: Mapped[dt.datetime] = mapped_column(default=now)
