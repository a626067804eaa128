"""While the database is away, everybody is told so, and to come back: programs and people, also
where one would have to ask it who is asking."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from archive.actors import Role
from tests.helpers import sign_in, xml
from tests.programs import V1, program


@contextmanager
def _away() -> Iterator[None]:
    """Every statement fails as it does when the server is gone."""

    def fail(*_: object) -> None:
        raise OperationalError("connect", None, ConnectionRefusedError())

    event.listen(Engine, "before_cursor_execute", fail)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", fail)


@pytest.mark.parametrize("size", [10, 100_000], ids=["as a form", "larger than a form"])
def test_a_program_is_told_to_send_again(web: TestClient, size: int) -> None:
    program(web, Role.SUBMITTER)
    files = {"files": ("a.xml", xml() + b" " * size)}
    with _away():
        answer = web.post(f"{V1}/documents", files=files)
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unreachable")
    assert int(answer.headers["retry-after"]) > 0
    assert web.post(f"{V1}/documents", files=files).status_code == 201


def test_a_person_is_told_on_a_page(web: TestClient) -> None:
    sign_in(web, Role.REVIEWER)
    with _away():
        answer = web.get("/review")
    assert answer.status_code == 503
    assert "数据库" in answer.text
    assert web.get("/review").status_code == 200, "and is still signed in"
