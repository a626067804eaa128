"""Pages drawn anew: derived files beside the originals in the store, each with its digest. They
can be drawn again at any time, and are no part of what is sealed."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ForeignKey, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from archive.records import Base


class PageRow(Base):
    """One drawn page of a document; `page` as in the boxes of its fields."""

    __tablename__ = "page_pictures"

    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id"), primary_key=True)
    page: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    media_type: Mapped[str] = mapped_column(String(32))
    width: Mapped[int]
    height: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))


def pages_of(session: Session, document_id: str) -> list[PageRow]:
    """The document's drawn pages, in order."""
    query = select(PageRow).where(PageRow.document_id == document_id).order_by(PageRow.page)
    return list(session.scalars(query))


def keep(session: Session, document_id: str, rows: Iterable[PageRow]) -> None:
    """Let these be the document's pages, in place of what was drawn before."""
    session.execute(delete(PageRow).where(PageRow.document_id == document_id))
    session.add_all(rows)
