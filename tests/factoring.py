"""People with a second factor, for its tests."""

from __future__ import annotations

import re

import pyotp
from sqlalchemy import update
from starlette.testclient import TestClient

from archive import accounts
from archive.actors import EVERYWHERE, Role
from archive.people import Person
from worker.services import Services

PASSWORD = "correct horse battery"


def add(services: Services, login: str, *roles: Role) -> str:
    with services.database.write() as session:
        grants = [(role, EVERYWHERE) for role in roles]
        return accounts.add_person(session, login, login, grants, password=PASSWORD).id


def take_token(web: TestClient, page: str = "/account") -> None:
    found = re.search(r'name="csrf-token" content="(\w+)"', web.get(page).text)
    assert found
    web.headers["X-CSRF-Token"] = found[1]


#: Codes change with the clock, so it stands still here.
MOMENT = 1_790_000_015


def code_of(seed: str) -> str:
    return pyotp.TOTP(seed).at(MOMENT)


def enter(web: TestClient, login: str, password: str = PASSWORD) -> int:
    data = {"login": login, "password": password}
    return web.post("/sign-in", data=data, follow_redirects=False).status_code


def set_up(web: TestClient) -> tuple[str, list[str]]:
    """Set the factor up as a person does; the seed and the recovery codes."""
    take_token(web, "/sign-in/second-factor")
    page = web.get("/sign-in/second-factor").text
    seed = re.search(r'<code class="secret">(\w+)</code>', page)
    sealed = re.search(r'name="sealed" value="([^"]+)"', page)
    assert seed
    assert sealed
    data = {"sealed": sealed[1], "code": code_of(seed[1]), "next": "/find"}
    done = web.post("/sign-in/second-factor", data=data)
    assert done.status_code == 200
    return seed[1], re.findall(r"<code>([\w-]+)</code>", done.text)


def forget_step(services: Services) -> None:
    """As if half a minute had passed: the code may be used again."""
    with services.database.write() as session:
        session.execute(update(Person).values(totp_step=0))
