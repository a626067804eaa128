"""Who may sign in: passwords, sessions, links, and the machine's keeper."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient
from typer.testing import CliRunner

from archive import accounts
from archive.actors import EVERYWHERE, Role
from archive.people import OneTimeLink, PersonSession
from archive.records import now
from archive.secrets import SHORTEST_PASSWORD, digest_of_token, password_matches
from tests.helpers import sign_in, xml
from tests.signing import PASSWORD, add, enter, trail
from web.app import create_app
from web.signing_in import safe_address
from worker.cli import app as cli
from worker.people_command import welcome_admin
from worker.services import Services
from worker.settings import Settings

# -- signing in ----------------------------------------------------------------------------


def test_nobody_is_led_to_sign_in_and_back(web: TestClient, joined: Services) -> None:
    add(joined, "li", (Role.AUDITOR, EVERYWHERE))
    page = web.get("/find?q=7", follow_redirects=False)
    assert (page.status_code, page.headers["location"]) == (303, "/sign-in?next=/find%3Fq%3D7")
    part = web.get("/latest", headers={"HX-Request": "true"}, follow_redirects=False)
    assert (part.status_code, part.headers["hx-redirect"]) == (401, "/sign-in")
    program = web.post("/api/upload", files=[("files", ("a.xml", xml()))])
    assert (program.status_code, program.json()["code"]) == (401, "sign_in_needed")
    entered = web.post(
        "/sign-in",
        data={"login": " LI ", "password": PASSWORD, "next": "/find?q=7"},
        follow_redirects=False,
    )
    assert (entered.status_code, entered.headers["location"]) == (303, "/find?q=7")
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert web.get("/find?q=7").status_code == 200


def test_over_https_the_cookie_stays_on_https(settings: Settings) -> None:
    with TestClient(create_app(settings), base_url="https://localhost") as web:
        add(web.app.state.services, "li", (Role.AUDITOR, EVERYWHERE))  # type: ignore[attr-defined]
        reply = web.post(
            "/sign-in", data={"login": "li", "password": PASSWORD}, follow_redirects=False
        )
        cookie = reply.headers["set-cookie"]
        assert cookie.startswith("__Host-session=")
        assert "Secure" in cookie
        assert web.get("/", follow_redirects=False).status_code == 200


@pytest.mark.parametrize(("login", "password"), [("li", "wrong password"), ("nobody", PASSWORD)])
def test_wrong_unknown_and_locked_look_alike(
    web: TestClient, joined: Services, login: str, password: str
) -> None:
    add(joined, "li", (Role.AUDITOR, EVERYWHERE))
    locked = add(joined, "locked", (Role.AUDITOR, EVERYWHERE))
    with joined.database.write() as session:
        accounts.set_disabled(session, accounts.by_id(session, locked.id), disabled=True)
    replies = [
        web.post("/sign-in", data={"login": each, "password": typed})
        for each, typed in ((login, password), ("locked", PASSWORD))
    ]
    assert {reply.status_code for reply in replies} == {401}
    pages = {
        reply.text.replace(f'value="{name}"', "")
        for reply, name in zip(replies, (login, "locked"), strict=True)
    }
    assert len(pages) == 1
    assert "set-cookie" not in replies[0].headers
    assert [action for _, action in trail(joined)].count("sign_in_failed") == 2


def test_signing_in_gives_a_new_session_and_ends_the_old(web: TestClient, joined: Services) -> None:
    add(joined, "li", (Role.AUDITOR, EVERYWHERE))
    web.cookies.set("session", "planted-by-somebody", domain="localhost.local")
    assert enter(web, "li") == 303
    first = web.cookies["session"]
    assert first != "planted-by-somebody"
    assert enter(web, "li") == 303
    assert web.cookies["session"] != first
    with joined.database.read() as session:
        kept = list(session.scalars(select(PersonSession.token_hash)))
    assert kept == [digest_of_token(web.cookies["session"])]


def test_a_session_ends_by_sign_out_rest_age_and_lock(web: TestClient, joined: Services) -> None:
    person = add(joined, "li", (Role.AUDITOR, EVERYWHERE))
    stolen = TestClient(web.app, base_url="http://localhost")

    def alive(client: TestClient) -> bool:
        return client.get("/find", follow_redirects=False).status_code == 200

    assert enter(web, "li") == 303
    stolen.cookies.set("session", web.cookies["session"])
    assert alive(stolen)
    assert web.post("/sign-out", follow_redirects=False).status_code == 303
    assert not alive(stolen)

    settings = joined.settings
    for column, seconds in (
        ("seen_at", settings.session_idle),
        ("created_at", settings.session_longest),
    ):
        assert enter(web, "li") == 303
        long_ago = now() - dt.timedelta(seconds=seconds + 1)
        with joined.database.write() as session:
            session.execute(update(PersonSession).values({column: long_ago}))
        assert not alive(web)

    assert enter(web, "li") == 303
    with joined.database.write() as session:
        accounts.set_disabled(session, accounts.by_id(session, person.id), disabled=True)
    assert not alive(web)


@pytest.mark.parametrize(
    "wish",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x", "/a\r\nb"],
)
def test_going_on_never_leaves_for_another_site(wish: str) -> None:
    assert safe_address(wish) == "/"


def test_a_changed_role_counts_at_the_next_click(web: TestClient, joined: Services) -> None:
    actor = sign_in(web, Role.AUDITOR)
    assert web.get("/review").status_code == 200
    assert web.get("/captcha").status_code == 403
    with joined.database.write() as session:
        person = accounts.by_id(session, actor.id)
        accounts.set_grants(session, person, [(Role.REVIEWER, "north")])
    assert web.get("/captcha").status_code == 200
    with joined.database.write() as session:
        accounts.set_grants(session, accounts.by_id(session, actor.id), [])
    assert web.get("/review").status_code == 403


# -- passwords and links -------------------------------------------------------------------


@pytest.mark.parametrize("password", ["short", "x" * 201, "aaaaaaaaaaaa", "my li-ming 2026"])
def test_weak_passwords_are_refused(services: Services, password: str) -> None:
    with services.database.write() as session, pytest.raises(accounts.WeakPassword):
        accounts.add_person(session, "li-ming", "", [], password=password)


def test_only_digests_are_kept(web: TestClient, joined: Services) -> None:
    person = add(joined, "li", (Role.AUDITOR, EVERYWHERE))
    enter(web, "li")
    token = web.cookies["session"]
    assert person.password_hash is not None
    assert person.password_hash.startswith("$argon2id$")
    assert not password_matches("", None)
    joined.database.close()
    stored = b"".join(path.read_bytes() for path in joined.settings.root.glob("yanpiao.db*"))
    assert PASSWORD.encode() not in stored
    assert token.encode() not in stored


def test_the_first_link_makes_the_administrator_once(web: TestClient, joined: Services) -> None:
    with joined.database.write() as session:
        assert not accounts.has_admin(session)
        token = accounts.make_link(session, "admin")
    assert web.get(f"/link/{token}").status_code == 200  # looking does not use it up
    wanted = {"login": "keeper", "name": "管理员", "password": "short"}
    assert web.post(f"/link/{token}", data=wanted).status_code == 422
    wanted["password"] = PASSWORD
    made = web.post(f"/link/{token}", data=wanted, follow_redirects=False)
    assert made.status_code == 303
    with joined.database.read() as session:
        assert accounts.has_admin(session)
    again = TestClient(web.app, base_url="http://localhost")
    assert again.get(f"/link/{token}").status_code == 410
    assert again.post(f"/link/{token}", data=wanted | {"login": "two"}).status_code == 410


def test_links_age_and_newer_ones_replace_older(services: Services) -> None:
    with services.database.write() as session:
        person = accounts.add_person(session, "li", "", [])
        first = accounts.make_link(session, "password", person)
        second = accounts.make_link(session, "password", person)
        with pytest.raises(accounts.LinkGone):
            accounts.find_link(session, first)
        accounts.find_link(session, second)
        session.execute(update(OneTimeLink).values(expires_at=now() - dt.timedelta(seconds=1)))
        session.expire_all()
        with pytest.raises(accounts.LinkGone):
            accounts.use_link(session, second)


def test_a_new_password_signs_out_everywhere(web: TestClient, joined: Services) -> None:
    person = add(joined, "li", (Role.AUDITOR, EVERYWHERE))
    enter(web, "li")
    with joined.database.write() as session:
        token = accounts.make_link(session, "password", accounts.by_id(session, person.id))
    other = TestClient(web.app, base_url="http://localhost")
    changed = other.post(
        f"/link/{token}", data={"password": "another long one"}, follow_redirects=False
    )
    assert changed.status_code == 303
    assert web.get("/find", follow_redirects=False).status_code == 303
    assert enter(web, "li") == 401
    assert enter(web, "li", "another long one") == 303


def test_somebody_can_always_manage_accounts(services: Services) -> None:
    with services.database.write() as session:
        boss = accounts.add_person(session, "boss", "", [(Role.ADMIN, EVERYWHERE)])
        with pytest.raises(accounts.LastAdmin), session.begin_nested():
            accounts.set_grants(session, boss, [])
        session.refresh(boss)
        with pytest.raises(accounts.LastAdmin), session.begin_nested():
            accounts.set_disabled(session, boss, disabled=True)
        session.refresh(boss)
        accounts.add_person(session, "two", "", [(Role.ADMIN, EVERYWHERE)])
        accounts.set_grants(session, boss, [])


# -- the command line ----------------------------------------------------------------------


def _yanpiao(*arguments: str, typed: str = "") -> str:
    done = CliRunner().invoke(cli, arguments, input=typed, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_first_start_prints_the_administrators_link(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    welcome_admin(settings)
    found = re.search(r"http://127\.0\.0\.1:8080(/link/[\w-]+)", capsys.readouterr().out)
    assert found
    with TestClient(create_app(settings), base_url="http://localhost") as web:
        wanted = {"login": "keeper", "name": "管理员", "password": PASSWORD}
        assert web.post(found[1], data=wanted, follow_redirects=False).status_code == 303
    welcome_admin(settings)
    assert capsys.readouterr().out == ""  # there is one now


def test_the_machines_keeper_manages_accounts(settings: Settings) -> None:
    _yanpiao(
        "people", "add", "Li", "--role", "reviewer@北", "--password-stdin", typed=f"{PASSWORD}\n"
    )
    drawn = _yanpiao("people", "add", "demo", "--role", "admin", "--no-second-factor").strip()
    assert len(drawn) >= SHORTEST_PASSWORD
    assert "reviewer@北" in _yanpiao("people", "list")
    with TestClient(create_app(settings), base_url="http://localhost") as web:
        assert enter(web, "demo", drawn) == 303
        assert web.get("/people").status_code == 200
        _yanpiao("people", "lock", "li")
        other = TestClient(web.app, base_url="http://localhost")
        assert enter(other, "li") == 401
        _yanpiao("people", "unlock", "li")
        _yanpiao("people", "roles", "li", "--role", "auditor")
        assert enter(other, "li") == 303
        assert other.get("/captcha").status_code == 403
        link = _yanpiao("people", "link", "li").strip().removeprefix("http://127.0.0.1:8080")
        assert TestClient(web.app, base_url="http://localhost").get(link).status_code == 200
        made = _yanpiao("admin", "link").strip().removeprefix("http://127.0.0.1:8080")
        assert TestClient(web.app, base_url="http://localhost").get(made).status_code == 200
    assert CliRunner().invoke(cli, ["people", "add", "x", "--role", "king"]).exit_code == 2
