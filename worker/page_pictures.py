"""Drawing the pages of what a person will look at, before anybody opens it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from archive import page_pictures
from archive.page_pictures import PageRow
from archive.records import Document, State
from extractors.errors import YanpiaoError
from extractors.model import Invoice
from extractors.picturing import PagePicture
from worker.log import logger
from worker.services import Services

log = logger("page_pictures")

#: Where a person looks at it; others are drawn when they are asked for.
LOOKED_AT = (State.IN_REVIEW, State.FAILED)


class Drawer(Protocol):
    """Whatever draws the pages of a file (`worker.reader_process.ReaderProcess`)."""

    def pictures(self, path: Path, invoice: Invoice | None) -> tuple[PagePicture, ...]: ...


def draw(services: Services, document_id: str, drawer: Drawer, *, asked_for: bool = True) -> None:
    """Draw the document's pages unless they are there, or it is on its way; where nobody asked for
    them, only of what a person will look at. A file that cannot be drawn has none, which keeps
    nobody from deciding."""
    with services.database.read() as session:
        document = session.get(Document, document_id)
        if document is None or not document.kept or document.state == State.RECEIVED:
            return
        if not asked_for and document.state not in LOOKED_AT:
            return
        if page_pictures.pages_of(session, document_id):
            return
    invoice = Invoice.model_validate(document.invoice.data) if document.invoice else None
    try:
        with services.store.local(document.sha256) as path:
            found = drawer.pictures(path, invoice)
    except YanpiaoError as error:
        log.warning("drawing_failed", document_id=document_id, code=error.code)
        return
    rows = [
        PageRow(
            document_id=document_id,
            page=each.page,
            media_type=each.media_type,
            width=each.width,
            height=each.height,
            sha256=services.store.put(each.content),
        )
        for each in {each.page: each for each in found}.values()
    ]
    with services.database.write() as session:
        page_pictures.keep(session, document_id, rows)
    log.info("pages_drawn", document_id=document_id, pages=len(rows))
