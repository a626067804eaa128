"""What pages count is cheap with millions of documents: by index, no further than is shown."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from archive.actors import Role
from archive.database import Database
from tests.helpers import hand_in, sign_in, xml
from web import pages
from worker.services import Services


def test_counting_ends_where_nobody_wants_to_know(
    web: TestClient, joined: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        hand_in(joined, xml(str(number)))
    sign_in(web, Role.AUDITOR)
    assert re.findall(r"<li class=\"\w+\"><b>(.*?)</b>", web.get("/").text) == ["3"]
    monkeypatch.setattr(pages, "_MOST_COUNTED", 2)
    assert re.findall(r"<li class=\"\w+\"><b>(.*?)</b>", web.get("/").text) == ["2+"]


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (
            "SELECT count(*) FROM documents WHERE submitter = 'x' AND state = 'archived'",
            "ix_documents_submitter_state",
        ),
        (
            "SELECT voucher_no FROM vouchers ORDER BY created_at DESC, voucher_no DESC LIMIT 51",
            "ix_vouchers_created_at_voucher_no",
        ),
    ],
)
def test_an_index_answers(database: Database, query: str, index: str) -> None:
    with database.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            rows = connection.execute(text(f"EXPLAIN {query}"))
            # Where nothing lies yet, all indexes that begin alike are worth the same to it.
            index = index.removesuffix("_state")
        else:
            rows = connection.execute(text(f"EXPLAIN QUERY PLAN {query}"))
        plan = " ".join(str(row) for row in rows)
    assert index in plan, plan
