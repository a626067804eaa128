"""The list of people stays small however many there are, and finds whom one looks for."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from archive import accounts
from archive.actors import Role
from tests.helpers import sign_in
from web import people
from worker.services import Services


def test_people_come_in_pages_and_are_found_by_name_or_login(
    web: TestClient, joined: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "_A_PAGE", 2)
    sign_in(web, Role.ADMIN, login="a0")
    with joined.database.write() as session:
        for login, name in (("b1", "王一"), ("b2", "李二"), ("b3", "王三")):
            accounts.add_person(session, login, name, [(Role.SUBMITTER, "")])
    seen: list[str] = []
    address = "/people"
    while address:
        page = web.get(address).text
        seen += re.findall(r'<td data-label="登录名">(\w+)<', page)
        following = re.search(r'class="pager"><a class="button" href="([^"]+)"', page)
        address = following[1].replace("&amp;", "&") if following else ""
    assert seen == ["a0", "b1", "b2", "b3"]
    for wanted, found in (("王", ["b1", "b3"]), ("B2", ["b2"]), ("%", []), ("nobody", [])):
        page = web.get("/people", params={"q": wanted}).text
        assert re.findall(r'<td data-label="登录名">(\w+)<', page) == found, wanted
