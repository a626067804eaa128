"""The dashboard's figures beside a small case that was added up by hand, on each engine."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from archive import audit
from archive.actors import Role
from archive.noticing import Figures
from archive.records import Batch, Document, InvoiceRow, State, Upload, Voucher, new_id, now
from archive.reviewing import DeedStatus, ReviewDeed
from tests.helpers import sign_in
from verifiers.model import Reason, Verdict
from worker.figures import bring_up_to_date, seconds_at
from worker.services import Services
from worker.settings import Settings

#: State, verdict, reason, yuan, seconds until it was archived.
CASES = (
    (State.ARCHIVED, Verdict.CONFIRMED, Reason.CONSISTENT, "100.00", 60),
    (State.ARCHIVED, Verdict.CONFIRMED, Reason.CONSISTENT, "200.00", 120),
    (State.ARCHIVED, Verdict.CONFIRMED, Reason.CONSISTENT, "300.10", 600),  # decided by a person
    (State.ARCHIVED, Verdict.CONFIRMED, Reason.CONSISTENT, "50.00", 7200),  # its deed was undone
    (State.ARCHIVED, Verdict.CONFIRMED, Reason.CONSISTENT, "-20.00", 30),
    (State.IN_REVIEW, Verdict.CONTRADICTED, Reason.MISMATCH, "1000.00", None),
    (State.IN_REVIEW, Verdict.CONTRADICTED, Reason.MISMATCH, "10.00", None),
    (State.IN_REVIEW, Verdict.CONTRADICTED, Reason.DUPLICATE, "100.00", None),
    (State.IN_REVIEW, Verdict.UNDECIDED, Reason.NOT_COVERED, "7.00", None),
    (State.WAITING, Verdict.UNDECIDED, Reason.SAME_DAY, "70.00", None),
    (State.REJECTED, Verdict.CONTRADICTED, Reason.NOT_FOUND, "500.00", None),
    (State.FAILED, None, "unreadable", None, None),
    (State.RECEIVED, None, None, None, None),
)


@pytest.fixture
def settings(settings: Settings, database_url: str) -> Settings:
    return settings.model_copy(update={"database_url": database_url})


def fill(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    with services.database.write() as session:
        session.add(Voucher(voucher_no="JZ-1"))
        session.flush()
        session.add(batch := Batch(channel="web", campus="北", voucher_no="JZ-1"))
        session.flush()
        made = [_document(session, batch, case, monkeypatch) for case in CASES]
        for document, status in (
            (made[2], DeedStatus.DONE),
            (made[3], DeedStatus.UNDONE),
            (made[4], None),
        ):
            action = "accept" if status else "note"  # a note decides nothing
            session.add(
                ReviewDeed(
                    document_id=document,
                    actor="li",
                    action=action,
                    token=new_id(),
                    status=status or DeedStatus.DONE,
                )
            )
        # The bytes of one came once more.
        session.add(Upload(batch_id=batch.id, document_id=made[0], name="a", repeated=True))
    bring_up_to_date(services.database)


def _document(
    session: Session,
    batch: Batch,
    case: tuple[State, Verdict | None, str | None, str | None, int | None],
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    state, verdict, reason, yuan, seconds = case
    received = now()
    document = Document(
        sha256=new_id(), size=1, name="a", voucher_no="JZ-1", campus="北", state=state
    )
    document.verdict, document.reason, document.received_at = verdict, reason, received
    session.add(document)
    session.flush()
    session.add(Upload(batch_id=batch.id, document_id=document.id, name="a"))
    if yuan is not None:
        total = Decimal(yuan)
        session.add(InvoiceRow(document_id=document.id, kind="x", total_with_tax=total, data={}))
    if seconds is not None:
        archived = received + dt.timedelta(seconds=seconds)
        with monkeypatch.context() as clock:
            clock.setattr(audit, "now", lambda: archived)
            audit.record(session, "document_archived", document_id=document.id)
            # Sealed once more in a later version: the first time counts.
            clock.setattr(audit, "now", lambda: archived + dt.timedelta(days=1))
            audit.record(session, "document_archived", document_id=document.id)
    return document.id


def test_figures_are_those_added_up_by_hand(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(services, monkeypatch)
    with services.database.read() as session:
        (row,) = session.query(Figures).all()
    assert (row.campus, row.received) == ("北", 13)
    assert (row.by_itself, row.by_hand) == (4, 1)
    assert (row.in_review, row.waiting, row.refused) == (4, 1, 2)
    assert row.duplicates == 2, "one invoice a second time, one file a second time"
    # 100 + 200 + 300.10 + 50 - 20; what was contradicted and is held or was rejected.
    assert row.money_checked == Decimal("630.10")
    assert row.money_stopped == Decimal("1610.00")
    # 30, 60, 120, 600, 7200: the third of five, and the fifth (95 % of five are 4.75).
    assert seconds_at(row.durations, 0.5) == pytest.approx(120, rel=0.025)
    assert seconds_at(row.durations, 0.95) == pytest.approx(7200, rel=0.025)


def test_the_page_shows_them_and_each_leads_to_its_list(
    web: TestClient, joined: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(joined, monkeypatch)
    sign_in(web, Role.AUDITOR)
    page = web.get("/dashboard").text
    for shown in ("630.10", "1,610.00", "2 分钟", "2.0 小时"):
        assert f">{shown}<" in page, shown
    still = page.split('id="still"')[1].split("</table>")[0]
    found = re.findall(r'href="(/review\?[^"]+)".*?class="money"[^>]*>(\d+)<', still, re.DOTALL)
    assert sorted(int(count) for _, count in found) == [1, 1, 1, 2]
    for address, count in found:
        queue = web.get(address.replace("&amp;", "&")).text
        assert queue.count('<td class="head">') == int(count), address
