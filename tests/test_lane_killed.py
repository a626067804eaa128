"""The verify worker is killed while people are typing for several tabs, and the queue server is
wiped: nothing is lost, nothing is asked or decided twice."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from archive import audit
from archive.records import AuditRow, Document, PortalCheck, State, VerificationRow
from extractors.model import Kind
from fixtures.maker import Form, make, make_truth
from fixtures.operator import Operator
from fixtures.services import running
from tests.test_end_to_end import TODAY, _process, open_database, until
from worker.broker import connect
from worker.captcha_desk import RedisCaptchaDesk
from worker.captcha_trail import CaptchaTrail
from worker.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("road")]

_DOCUMENTS = 5


def test_a_killed_lane_loses_nothing_and_asks_nothing_twice(tmp_path: Path) -> None:
    truths = [make_truth(Kind.DIGITAL_NORMAL, 700 + n, today=TODAY) for n in range(_DOCUMENTS)]
    folder = tmp_path / "in"
    folder.mkdir()
    for number, truth in enumerate(truths):
        (folder / f"{number}.xml").write_bytes(make(truth, Form.XML, 700 + number).content)
    known = tmp_path / "known.json"
    rows = [one.model_dump(mode="json") | {"status": "normal"} for one in truths]
    known.write_text(json.dumps(rows))
    settings = {
        "YANPIAO_LEASE_SECONDS": "3",
        "YANPIAO_CLOCK_SECONDS": "1",
        "YANPIAO_VERIFY_TABS": "3",
    }
    with running(tmp_path / "data", known, operator=False, settings=settings) as services:
        database = open_database(services)
        redis = connect(Settings(data=services.data))
        desk = RedisCaptchaDesk(redis, CaptchaTrail(database))
        assert services.yanpiao("drop", str(folder), "--voucher", "JZ-L").returncode == 0
        until(lambda: desk.waiting() == 3, "a captcha of each tab")

        driver = _process(services, "playwright/driver")
        assert driver is not None
        worker = driver.parent()
        assert worker is not None
        worker.kill()
        until(lambda: not worker.is_running() or worker.status() == "zombie", "its end")
        redis.flushall()

        with (
            services.client() as web,
            httpx.Client(base_url=services.portal, timeout=30) as portal,
        ):
            operator = Operator(web, portal)

            def all_archived() -> bool:
                operator.answer_next()
                with database.read() as session:
                    states = Counter(session.scalars(select(Document.state)))
                return states == {State.ARCHIVED: _DOCUMENTS}

            until(all_archived, "all documents archived")
        with database.read() as session:
            assert audit.verify(session).sound
            assert session.query(VerificationRow).count() == _DOCUMENTS
            assert session.query(PortalCheck).count() == _DOCUMENTS
            done = Counter(
                session.scalars(select(AuditRow.action).where(AuditRow.document_id.is_not(None)))
            )
        assert done["document_verified"] == done["document_archived"] == _DOCUMENTS
