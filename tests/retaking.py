"""A picture whose number nobody can read, handed in on the pages, for the tests of retaking."""

from __future__ import annotations

import datetime as dt
from io import BytesIO

from archive.actors import Actor
from extractors.model import Box, Field, Invoice, Kind, Source
from fixtures.maker import Form, make, make_truth
from tests.helpers import FixedReader, invoice, undecided, visit
from tests.reviewing import Painter
from verifiers.keys import lacking_keys_finding, missing_keys
from verifiers.model import Reason
from worker import page_pictures
from worker.pipeline import Pipeline
from worker.services import Services
from worker.transfers import Transfers

NUMBER_AT = Box(page=0, x0=0.7, y0=0.045, x1=0.96, y1=0.085)


def seen(**changes: object) -> Invoice:
    """What recognition makes of a page whose number is smudged."""
    smudged = Field[str](
        value="2631?", raw="2631?", source=Source.OCR, confidence=0.2, box=NUMBER_AT
    )
    fields = {
        "sources": (Source.OCR,),
        "invoice_number": None,
        "doubted": {"invoice_number": smudged},
    }
    return invoice().model_copy(update={**fields, **changes})


def photo(seed: int) -> bytes:
    truth = make_truth(Kind.DIGITAL_NORMAL, seed=seed, today=dt.date(2026, 11, 1))
    return make(truth, Form.PNG, seed=seed).content


def hand_in_page(
    services: Services, actor: Actor, content: bytes, name: str, note: str = ""
) -> str:
    """As the page of a new claim does; the document's id."""
    transfers = Transfers(services)
    claim = transfers.open_claim(actor, "", "JZ-1", note)
    batch = transfers.batch_of(claim.id, actor)
    return services.intake.accept(batch, name, BytesIO(content)).document_id


def judge(services: Services, document_id: str, read: Invoice) -> None:
    """Read, and find at the portal's door that keys lack."""
    pipeline = Pipeline(services)
    pipeline.read(document_id, FixedReader(read))
    lacking = lacking_keys_finding(missing_keys(read))
    answer = undecided(Reason.KEYS_INCOMPLETE, None).model_copy(update={"findings": (lacking,)})
    pipeline.verify(document_id, visit(answer))


def unreadable(services: Services, actor: Actor, content: bytes, name: str = "IMG_2041.jpg") -> str:
    document_id = hand_in_page(services, actor, content, name, "差旅费")
    judge(services, document_id, seen())
    return document_id


def draw(services: Services, document_id: str) -> None:
    """Keep the drawn pages, as the reading process does."""
    page_pictures.draw(services, document_id, Painter())
