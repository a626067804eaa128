"""What others write stays text: in a real Chromium, on every page that shows it."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import pytest

from archive import accounts
from archive.actors import EVERYWHERE, Role
from extractors.model import Field, Source
from tests.browsing import Site, chromium, serving, visitor
from tests.helpers import FixedReader, invoice, visit, xml
from verifiers.model import Reason, Verdict, Verification
from worker import broker
from worker.pipeline import Pipeline
from worker.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

#: Each would leave a mark in the page if it were ever taken for more than text.
HOSTILE = (
    '<img src=x onerror="window.hit=1">',
    '"><script>window.hit=1</script>',
    "'-window.hit=1-'",
    "{{ 7*7 }}javascript:window.hit=1",
)
SAYS = " ".join(HOSTILE)


@pytest.fixture
def site(settings: Settings) -> Iterator[Site]:
    with broker.bundled(settings), serving(settings) as running:
        yield running


def _text(value: str) -> Field[str]:
    return Field[str](value=value, raw=value, source=Source.XML, confidence=1.0)


def _hostile_document(site: Site, submitter: str) -> str:
    """A document whose name, parties and remark are hostile, and which waits for a reviewer."""
    services = site.services
    batch = services.intake.open_batch("http", submitter, "JZ-1")
    receipt = services.intake.accept(batch, f"{SAYS}.xml", BytesIO(xml("hostile")))
    read = invoice().model_copy(
        update={"seller_name": _text(SAYS), "buyer_name": _text(SAYS), "remark": _text(SAYS)}
    )
    pipeline = Pipeline(services)
    pipeline.read(receipt.document_id, FixedReader(read))
    contradicted = Verification(
        verdict=Verdict.CONTRADICTED, reason=Reason.NOT_FOUND, portal_message=SAYS
    )
    pipeline.verify(receipt.document_id, visit(contradicted))
    return receipt.document_id


def test_script_in_names_and_remarks_stays_text(site: Site) -> None:
    with chromium() as browser, visitor(browser, site) as guest:
        actor = guest.sign_in(*Role)
        with site.services.database.write() as session:
            person = accounts.add_person(session, "x", SAYS[:64], [(Role.AUDITOR, EVERYWHERE)])
            accounts.set_grants(session, person, [(Role.AUDITOR, SAYS[:64])])
        document = _hostile_document(site, actor.id)
        shown = 0
        pages = (
            *("/", "/review", "/find?q=000001", "/claims", "/new", "/people", "/account"),
            *(f"/documents/{document}", f"/claims/{document}", f"/review/{document}"),
            *(f"/people/{person.id}", "/vouchers", "/vouchers/JZ-1", "/audit", "/dashboard"),
            f"/find?q={HOSTILE[0]}",
        )
        for path in pages:
            page = guest.page()
            reply = page.goto(site.address + path, wait_until="load")
            assert reply is not None
            if reply.status == 404 and path.split("/")[1] in ("vouchers", "audit", "dashboard"):
                guest.complaints.clear()
                page.close()
                continue
            assert reply.status == 200, path
            page.wait_for_timeout(200)
            assert page.evaluate("window.hit") is None, path
            assert page.evaluate("document.querySelectorAll('img[src=\"x\"]').length") == 0, path
            assert "49javascript" not in page.content(), path
            shown += HOSTILE[0] in page.evaluate("document.body.innerText")
            assert guest.complaints == [], path
            page.close()
        assert shown >= 5  # it was there to be taken for more
