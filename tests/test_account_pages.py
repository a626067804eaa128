"""The pages on which one keeps one's own account, and administrators those of others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from archive import accounts, factors
from archive.actors import EVERYWHERE, Role
from archive.people import ApiToken, Person, PersonSession, RecoveryCode
from archive.records import AuditRow
from tests.factoring import MOMENT, PASSWORD, add, enter, set_up, take_token
from tests.helpers import make_person, sign_in
from web.app import create_app
from worker.services import Services
from worker.settings import Settings


@pytest.fixture
def web(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        yield client


@pytest.fixture(autouse=True)
def _still_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factors, "time", SimpleNamespace(time=lambda: float(MOMENT)))


# -- one's own account ---------------------------------------------------------------------


def test_the_password_changes_only_with_the_present_one(web: TestClient, joined: Services) -> None:
    add(joined, "li", Role.SUBMITTER)
    enter(web, "li")
    other = TestClient(web.app, base_url="http://localhost")
    enter(other, "li")
    take_token(web)
    change = {"present": "wrong", "password": "a much longer one"}
    assert web.post("/account/password", data=change).status_code == 422
    assert (
        web.post("/account/password", data={"present": PASSWORD, "password": "x"}).status_code
        == 422
    )
    change["present"] = PASSWORD
    assert web.post("/account/password", data=change).status_code == 200
    assert web.get("/account", follow_redirects=False).status_code == 200
    assert other.get("/account", follow_redirects=False).status_code == 303
    assert enter(other, "li", "a much longer one") == 303


def test_sign_out_everywhere_else(web: TestClient, joined: Services) -> None:
    add(joined, "li", Role.SUBMITTER)
    other = TestClient(web.app, base_url="http://localhost")
    for client in (web, other):
        enter(client, "li")
    take_token(web)
    assert web.get("/account").text.count('class="sessions"') >= 1
    web.post("/account/sessions/end")
    assert web.get("/account", follow_redirects=False).status_code == 200
    assert other.get("/account", follow_redirects=False).status_code == 303


def test_a_needed_factor_stays_and_a_wished_one_goes(web: TestClient, joined: Services) -> None:
    add(joined, "li", Role.REVIEWER)
    enter(web, "li")
    set_up(web)
    take_token(web)
    assert web.post("/account/second-factor/remove", data={"present": PASSWORD}).status_code == 422
    with joined.database.write() as session:
        person = session.scalars(select(Person).where(Person.login == "li")).one()
        accounts.set_grants(session, person, [(Role.SUBMITTER, EVERYWHERE)])
    assert web.post("/account/second-factor/remove", data={"present": "x"}).status_code == 422
    assert web.post("/account/second-factor/remove", data={"present": PASSWORD}).status_code == 200
    with joined.database.read() as session:
        assert session.scalars(select(Person.totp_sealed)).one() is None
        assert session.scalars(select(RecoveryCode.id)).all() == []


def test_tokens_are_shown_once_and_kept_as_digests(web: TestClient, joined: Services) -> None:
    add(joined, "li", Role.SUBMITTER)
    enter(web, "li")
    take_token(web)
    wanted = {"label": "用友", "scopes": ["upload", "read"], "days": "30", "present": PASSWORD}
    page = web.post("/account/tokens", data=wanted).text
    shown = re.search(r'<code class="secret">(yp_[\w-]+)</code>', page)
    assert shown
    assert shown[1] not in web.get("/account").text
    with joined.database.read() as session:
        row = session.scalars(select(ApiToken)).one()
    assert row.scopes == ["read", "upload"]
    assert shown[1] not in row.token_hash
    assert row.expires_at is not None
    assert web.post(f"/account/tokens/{row.id}/revoke").status_code == 200
    assert "用友" not in web.get("/account").text
    sign_in(web, Role.ADMIN)
    assert web.post(f"/account/tokens/{row.id}/revoke").status_code == 404  # another's


# -- managing people -----------------------------------------------------------------------


def test_an_administrator_opens_accounts_and_changes_them(
    web: TestClient, joined: Services
) -> None:
    admin = sign_in(web, Role.ADMIN)
    made = web.post(
        "/people", data={"login": "Wang", "name": "王", "role": "reviewer", "campus": "北校区"}
    )
    link = re.search(r'<code class="secret">http://127.0.0.1:8080(/link/[\w-]+)</code>', made.text)
    assert link
    with joined.database.read() as session:
        wang = session.scalars(select(Person).where(Person.login == "wang")).one()
    page = f"/people/{wang.id}"
    assert "北校区" in web.get(page).text
    newcomer = TestClient(web.app, base_url="http://localhost")
    assert (
        newcomer.post(link[1], data={"password": PASSWORD}, follow_redirects=False).status_code
        == 303
    )
    again = web.post("/people", data={"login": "wang", "role": "auditor"})
    assert again.status_code == 422

    assert web.post(f"{page}/grants", data={"role": "auditor", "campus": ""}).status_code == 200
    web.post(f"{page}/grants/take", data={"role": "reviewer", "campus": "北校区"})
    with joined.database.read() as session:
        held = accounts.actor_of(accounts.by_id(session, wang.id)).grants
    assert held == {(Role.AUDITOR, EVERYWHERE)}
    assert newcomer.get("/find", follow_redirects=False).status_code == 200
    web.post(f"{page}/lock")
    assert newcomer.get("/find", follow_redirects=False).status_code == 303
    web.post(f"{page}/unlock")
    assert enter(newcomer, "wang") == 303

    own = web.post(f"/people/{admin.id}/grants/take", data={"role": "admin", "campus": ""})
    assert own.status_code == 409
    assert web.post(f"/people/{admin.id}/lock").status_code == 409
    with joined.database.read() as session:
        details = list(session.scalars(select(AuditRow.detail)))
    assert not any("王" in detail or "wang" in detail for detail in details)


def test_an_administrator_of_one_campus_gives_no_roles_away(
    web: TestClient, joined: Services
) -> None:
    actor = sign_in(web, (Role.ADMIN, "北校区"))
    assert web.get("/people").status_code == 403
    raised = web.post(f"/people/{actor.id}/grants", data={"role": "admin", "campus": ""})
    assert raised.status_code == 403
    assert 'href="/people"' not in web.get("/").text
    sign_in(web, Role.ADMIN)
    assert 'href="/people"' in web.get("/").text


def test_a_lost_telephone_is_reset_by_an_administrator(web: TestClient, joined: Services) -> None:
    add(joined, "li", Role.REVIEWER)
    lost = TestClient(web.app, base_url="http://localhost")
    enter(lost, "li")
    set_up(lost)
    sign_in(web, Role.ADMIN)
    with joined.database.read() as session:
        person = session.scalars(select(Person).where(Person.login == "li")).one()
    web.post(f"/people/{person.id}/second-factor/remove")
    with joined.database.read() as session:
        mine = select(PersonSession).where(PersonSession.person_id == person.id)
        assert session.scalars(mine).all() == []
    enter(lost, "li")
    assert "second-factor" in lost.get("/", follow_redirects=False).headers["location"]


def test_every_accounts_page_speaks_both_languages(web: TestClient, joined: Services) -> None:
    actor = sign_in(web, Role.ADMIN)
    stranger = TestClient(web.app, base_url="http://localhost")
    with joined.database.write() as session:
        links = [
            accounts.make_link(session, "admin"),
            accounts.make_link(session, "password", accounts.by_id(session, actor.id)),
        ]
    make_person(joined, (Role.REVIEWER, "北"))
    for language in ("zh", "en"):
        for client, page in (
            (stranger, "/sign-in"),
            *((stranger, f"/link/{link}") for link in links),
            *(
                (web, page)
                for page in (
                    "/account",
                    "/people",
                    f"/people/{actor.id}",
                    "/sign-in/second-factor",
                    "/sign-in/code",
                )
            ),
        ):
            reply = client.get(page, params={"language": language})
            assert reply.status_code == 200, page
            assert "ui_" not in reply.text, f"{page} lacks a sentence in {language}"
