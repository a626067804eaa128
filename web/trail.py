"""Looking leaves a trace: every view of a document or its proofs is a row of the audit trail."""

from __future__ import annotations

from fastapi import Request
from sqlalchemy import select

from archive import audit
from archive.actors import Actor
from archive.records import Document
from web.asking import services_of


def viewed(
    request: Request, actor: Actor, document_id: str, action: str = "document_viewed"
) -> None:
    """Record that the actor saw the document, or with another action a part of it."""
    with services_of(request).database.write() as session:
        voucher_no = session.scalar(select(Document.voucher_no).where(Document.id == document_id))
        audit.record(
            session, action, actor=actor.id, document_id=document_id, voucher_no=voucher_no
        )
