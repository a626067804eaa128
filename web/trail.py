"""Looking leaves a trace: every view of a document, voucher or proof is a row of the audit trail.

A list of many (search, queue, overview) is not a view of each; what is taken away as a table, and
what a program is given, is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from fastapi import Request
from sqlalchemy import select
from sqlalchemy.orm import Session

from archive import audit
from archive.actors import Actor
from archive.records import AuditRow, Document, now
from archive.visibility import visible
from web.asking import services_of
from worker.errors import UnknownDocument

_VIEWED = "document_viewed"
#: Parts that an open page fetches by itself belong to its view for so long.
_SITTING = dt.timedelta(minutes=10)


def seen(session: Session, actor: Actor, document_id: str) -> Document:
    """The document, if this actor may see it. Raises `UnknownDocument`, which does not tell one
    that is hidden from one that never was."""
    query = select(Document).where(Document.id == document_id, visible(actor))
    found = session.scalars(query).first()
    if found is None:
        raise UnknownDocument(id=document_id)
    return found


def viewed(request: Request, actor: Actor, document_id: str, action: str = _VIEWED) -> None:
    """Record that the actor saw the document, or with another action a part of it."""
    with services_of(request).database.write() as session:
        _record(session, actor, document_id, action)


def part_viewed(request: Request, actor: Actor, document_id: str) -> None:
    """The same for a part that a page fetches by itself, over and over: one row a sitting, so that
    who asks for the part alone leaves one too."""
    database = services_of(request).database
    with database.read() as session:
        if _sits_there(session, actor, document_id):
            return
    with database.write() as session:
        _record(session, actor, document_id, _VIEWED)


def _record(session: Session, actor: Actor, document_id: str, action: str) -> None:
    voucher_no = session.scalar(select(Document.voucher_no).where(Document.id == document_id))
    audit.record(session, action, actor=actor.id, document_id=document_id, voucher_no=voucher_no)


def _sits_there(session: Session, actor: Actor, document_id: str) -> bool:
    query = (
        select(AuditRow.seq)
        .where(
            AuditRow.document_id == document_id,
            AuditRow.actor == actor.id,
            AuditRow.action == _VIEWED,
            AuditRow.at > now() - _SITTING,
        )
        .limit(1)
    )
    return session.execute(query).first() is not None


def voucher_viewed(request: Request, actor: Actor, voucher_no: str) -> None:
    """Record that the actor saw the voucher with its documents."""
    with services_of(request).database.write() as session:
        audit.record(session, "voucher_viewed", actor=actor.id, voucher_no=voucher_no)


def listed(request: Request, actor: Actor, document_ids: Sequence[str]) -> None:
    """Record which documents a program was given as the answer to a search."""
    if document_ids:
        with services_of(request).database.write() as session:
            audit.record(
                session, "documents_listed", actor=actor.id, detail={"documents": document_ids}
            )
