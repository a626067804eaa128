"""What others write stays text: in a real Chromium, on every page that shows it."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from archive import accounts
from archive.actors import EVERYWHERE, Actor, Role
from archive.records import Upload
from extractors.model import Field, Source
from tests.browsing import Site, chromium, serving, visitor
from tests.helpers import FixedReader, invoice, visit, xml
from tests.retaking import draw, hand_in_page, judge, photo, seen
from verifiers.model import Reason, Verdict, Verification
from worker import broker
from worker.pipeline import Pipeline
from worker.settings import Settings
from worker.transfers import Transfers

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


def _batch_of(site: Site, document_id: str) -> str:
    with site.services.database.read() as session:
        query = select(Upload.batch_id).where(Upload.document_id == document_id)
        return session.scalars(query).one()


def _hostile_claims(site: Site, actor: Actor) -> tuple[str, str, str]:
    """A file that failed, one that is to be retaken, and one that took another's place."""
    services = site.services
    name = f"{SAYS}.jpg"
    failed = hand_in_page(services, actor, b"failed", name, SAYS)
    retaken = hand_in_page(services, actor, photo(3), name, SAYS)
    judge(services, retaken, seen(seller_name=_text(SAYS)))
    draw(services, retaken)
    old = hand_in_page(services, actor, b"old", name, SAYS)
    fresh = Transfers(services).take_better(actor, old, name, BytesIO(b"fresh"))
    return failed, retaken, fresh


def test_script_in_names_and_remarks_stays_text(site: Site) -> None:
    with chromium() as browser, visitor(browser, site) as guest:
        actor = guest.sign_in(*Role)
        with site.services.database.write() as session:
            person = accounts.add_person(session, "x", SAYS[:64], [(Role.AUDITOR, EVERYWHERE)])
            accounts.set_grants(session, person, [(Role.AUDITOR, SAYS[:64])])
        document = _hostile_document(site, actor.id)
        batch = _batch_of(site, document)
        failed, retaken, fresh = _hostile_claims(site, actor)
        shown = 0
        pages = (
            *("/", "/review", "/find?q=000001", "/claims", "/new", "/people", "/account"),
            *(f"/documents/{document}", f"/claims/{document}", f"/review/{document}"),
            *(f"/people/{person.id}", "/vouchers", "/vouchers/JZ-1", "/audit", "/dashboard"),
            *(f"/find?q={HOSTILE[0]}", f"/claims?q={HOSTILE[0]}", "/notices", "/captcha"),
            *(f"/batches/{batch}", f"/claims/{failed}", f"/claims/{retaken}", f"/claims/{fresh}"),
            *("/claims?show=closed", "/review?view=picture", f"/audit?document={document}"),
            *(
                f"/audit?actor={HOSTILE[0]}",
                f"/new?voucher={HOSTILE[0]}",
                f"/vouchers?q={HOSTILE[1]}",
            ),
        )
        for path in pages:
            page = guest.page()
            reply = page.goto(site.address + path, wait_until="load")
            assert reply is not None
            assert reply.status == 200, path
            page.wait_for_timeout(200)
            assert page.evaluate("window.hit") is None, path
            assert page.evaluate("document.querySelectorAll('img[src=\"x\"]').length") == 0, path
            assert "49javascript" not in page.content(), path
            shown += HOSTILE[0] in page.evaluate("document.body.innerText")
            assert guest.complaints == [], path
            page.close()
        assert shown >= 10  # it was there to be taken for more
        address = urlsplit(site.address).netloc
        assert {host for host in guest.hosts if host} == {address}
