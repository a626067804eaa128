"""People with passwords, signing in as they do, for the tests of accounts."""

from __future__ import annotations

import re

from sqlalchemy import select
from starlette.testclient import TestClient

from archive import accounts
from archive.actors import Role
from archive.people import Person
from archive.records import AuditRow
from worker.services import Services

PASSWORD = "correct horse battery"


def add(services: Services, login: str, *grants: tuple[Role, str]) -> Person:
    with services.database.write() as session:
        return accounts.add_person(
            session, login, login, grants, password=PASSWORD, factor_waived=True
        )


def enter(web: TestClient, login: str, password: str = PASSWORD, going_to: str = "/") -> int:
    reply = web.post(
        "/sign-in",
        data={"login": login, "password": password, "next": going_to},
        follow_redirects=False,
    )
    if reply.status_code == 303:
        page = web.get("/").text
        found = re.search(r'name="csrf-token" content="(\w+)"', page)
        assert found
        web.headers["X-CSRF-Token"] = found[1]
    return reply.status_code


def trail(services: Services) -> list[tuple[str, str]]:
    with services.database.read() as session:
        query = select(AuditRow.actor, AuditRow.action).order_by(AuditRow.seq)
        return [(actor, action) for actor, action in session.execute(query)]
