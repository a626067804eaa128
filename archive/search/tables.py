"""The tables of the search index. They hold nothing that could not be made again from the
invoices (`archive.search.index.rebuild`), in numbers rather than words so that ten million
invoices stay small.

Names repeat: each distinct one stands once, with the pairs of characters that occur in it, and
invoices point at it. So two characters find a name, and a name its invoices, both by an index,
on any database.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Text, literal_column
from sqlalchemy.orm import Mapped, mapped_column

from archive.records import Base, Document

#: What all but a few documents bear once they are archived (`verifiers.model.Verdict`).
USUAL_VERDICT = "confirmed"


class SearchName(Base):
    """A distinct name or line of goods, folded (`verifiers.folding`), cut at `LONGEST_NAME`.
    Kinds and campuses are names too."""

    __tablename__ = "search_names"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    folded: Mapped[str] = mapped_column(Text, unique=True)


class SearchGram(Base):
    """Two neighbouring characters of a name as one number (`archive.search.grams`)."""

    __tablename__ = "search_grams"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 - SQLAlchemy's way

    gram: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    name_id: Mapped[int] = mapped_column(Integer, primary_key=True)


class SearchCode(Base):
    """A distinct invoice code, also backwards, for its last digits."""

    __tablename__ = "search_codes"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    code: Mapped[str] = mapped_column(String(32), unique=True)
    reversed: Mapped[str] = mapped_column(String(32), index=True)


class SearchInvoice(Base):
    """One invoice in numbers. `day` counts from the year 1 (`date.toordinal`), 0 for none;
    `cents` is the total with tax."""

    __tablename__ = "search_invoices"
    __table_args__ = (
        # Holds all that a walk through the newest looks at, so that it reads no other page.
        Index(
            "ix_search_invoices_walk",
            *("day", "id", "seller_id", "campus_id", "buyer_id", "kind_id", "cents"),
        ),
        # SQLite's indexes hold the row's id by themselves; PostgreSQL's are told to.
        Index(None, "seller_id", "day", postgresql_include=["id"]),
        Index(None, "buyer_id", "day"),
        Index(None, "kind_id", "day"),
        Index(None, "campus_id", "seller_id", "day", postgresql_include=["id"]),
        Index(None, "code_id", "day"),
        Index(None, "cents"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id"), unique=True)
    day: Mapped[int] = mapped_column(Integer)
    cents: Mapped[int | None] = mapped_column(BigInteger)
    seller_id: Mapped[int | None] = mapped_column(Integer)
    buyer_id: Mapped[int | None] = mapped_column(Integer)
    kind_id: Mapped[int | None] = mapped_column(Integer)
    campus_id: Mapped[int | None] = mapped_column(Integer)
    code_id: Mapped[int | None] = mapped_column(Integer)


class SearchLine(Base):
    """A name that occurs among an invoice's lines of goods."""

    __tablename__ = "search_lines"
    __table_args__ = (
        Index(None, "name_id", "day", postgresql_include=["invoice_id"]),
        {"sqlite_with_rowid": False},
    )

    invoice_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    day: Mapped[int] = mapped_column(Integer)


# The few documents that were not simply confirmed, by what they are instead.
Index(
    "ix_documents_verdict_unusual",
    Document.verdict,
    sqlite_where=Document.verdict != literal_column(f"'{USUAL_VERDICT}'"),
    postgresql_where=Document.verdict != literal_column(f"'{USUAL_VERDICT}'"),
)
