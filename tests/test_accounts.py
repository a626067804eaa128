"""Who may sign in, what each may see and do, and what keeps others out."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from sqlalchemy import select, update
from starlette.routing import Mount
from starlette.testclient import TestClient
from typer.testing import CliRunner

from archive import accounts
from archive.actors import EVERYWHERE, SYSTEM, Actor, Role
from archive.people import OneTimeLink, Person, PersonSession
from archive.records import AuditRow, Document, now
from archive.secrets import SHORTEST_PASSWORD, digest_of_token, password_matches
from archive.visibility import campus_to_submit, in_charge, visible, visible_batches
from tests.helpers import make_person, sign_in, sign_in_as, xml
from web.app import create_app
from web.signing_in import safe_address
from web.who import PUBLIC, Needs
from worker import broker
from worker.cli import app as cli
from worker.people_command import welcome_admin
from worker.services import Services
from worker.settings import Settings

TEMPLATES = Path(__file__).resolve().parent.parent / "web" / "templates"
PASSWORD = "correct horse battery"


def _add(services: Services, login: str, *grants: tuple[Role, str]) -> Person:
    with services.database.write() as session:
        return accounts.add_person(
            session, login, login, grants, password=PASSWORD, factor_waived=True
        )


def _enter(web: TestClient, login: str, password: str = PASSWORD, going_to: str = "/") -> int:
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


def _trail(services: Services) -> list[tuple[str, str]]:
    with services.database.read() as session:
        query = select(AuditRow.actor, AuditRow.action).order_by(AuditRow.seq)
        return [(actor, action) for actor, action in session.execute(query)]


# -- every route says what it needs --------------------------------------------------------


def _calls(dependant: Dependant) -> Iterator[object]:
    yield dependant.call
    for each in dependant.dependencies:
        yield from _calls(each)


def _undeclared(app: FastAPI) -> list[str]:
    """Paths of routes that neither need anybody nor are public."""
    found = []
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, Mount) and route.path == "/static":
            continue
        dependant = getattr(route, "dependant", None)
        if dependant is None:
            found.append(f"{route.path} is no route that a test can look into")
        elif route.path not in PUBLIC and not any(
            isinstance(call, Needs) for call in _calls(dependant)
        ):
            found.append(str(route.path))
    return found


def test_every_route_says_who_may_use_it(web: TestClient) -> None:
    app: FastAPI = web.app  # type: ignore[assignment]
    assert _undeclared(app) == []
    assert {route.path for route in iter_route_contexts(app.routes)} >= PUBLIC


def test_a_route_that_forgot_is_found(web: TestClient) -> None:
    app: FastAPI = web.app  # type: ignore[assignment]

    @app.get("/forgotten")
    def forgotten() -> str:
        return "for everybody"

    assert _undeclared(app) == ["/forgotten"]


def test_every_form_that_posts_carries_the_token() -> None:
    for template in TEMPLATES.glob("*.html"):
        text = template.read_text("utf-8")
        macros = re.findall(r"macro (\w+)\([^)]*\) %}(.*?){% endmacro", text, re.DOTALL)
        carriers = [
            "csrf_field()",
            *(f"{{{{ {name}(" for name, body in macros if "csrf_field()" in body),
        ]
        for form in re.findall(r"<form.*?</form>", text, re.DOTALL):
            if re.search(r'method="post"', form, re.IGNORECASE):
                assert any(each in form for each in carriers), f"{template.name}: {form[:80]}"


# -- signing in ----------------------------------------------------------------------------


def test_nobody_is_led_to_sign_in_and_back(web: TestClient, joined: Services) -> None:
    _add(joined, "li", (Role.AUDITOR, EVERYWHERE))
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
        _add(web.app.state.services, "li", (Role.AUDITOR, EVERYWHERE))  # type: ignore[attr-defined]
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
    _add(joined, "li", (Role.AUDITOR, EVERYWHERE))
    locked = _add(joined, "locked", (Role.AUDITOR, EVERYWHERE))
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
    assert [action for _, action in _trail(joined)].count("sign_in_failed") == 2


def test_signing_in_gives_a_new_session_and_ends_the_old(web: TestClient, joined: Services) -> None:
    _add(joined, "li", (Role.AUDITOR, EVERYWHERE))
    web.cookies.set("session", "planted-by-somebody", domain="localhost.local")
    assert _enter(web, "li") == 303
    first = web.cookies["session"]
    assert first != "planted-by-somebody"
    assert _enter(web, "li") == 303
    assert web.cookies["session"] != first
    with joined.database.read() as session:
        kept = list(session.scalars(select(PersonSession.token_hash)))
    assert kept == [digest_of_token(web.cookies["session"])]


def test_a_session_ends_by_sign_out_rest_age_and_lock(web: TestClient, joined: Services) -> None:
    person = _add(joined, "li", (Role.AUDITOR, EVERYWHERE))
    stolen = TestClient(web.app, base_url="http://localhost")

    def alive(client: TestClient) -> bool:
        return client.get("/find", follow_redirects=False).status_code == 200

    assert _enter(web, "li") == 303
    stolen.cookies.set("session", web.cookies["session"])
    assert alive(stolen)
    assert web.post("/sign-out", follow_redirects=False).status_code == 303
    assert not alive(stolen)

    settings = joined.settings
    for column, seconds in (
        ("seen_at", settings.session_idle),
        ("created_at", settings.session_longest),
    ):
        assert _enter(web, "li") == 303
        long_ago = now() - dt.timedelta(seconds=seconds + 1)
        with joined.database.write() as session:
            session.execute(update(PersonSession).values({column: long_ago}))
        assert not alive(web)

    assert _enter(web, "li") == 303
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
    person = _add(joined, "li", (Role.AUDITOR, EVERYWHERE))
    _enter(web, "li")
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
    person = _add(joined, "li", (Role.AUDITOR, EVERYWHERE))
    _enter(web, "li")
    with joined.database.write() as session:
        token = accounts.make_link(session, "password", accounts.by_id(session, person.id))
    other = TestClient(web.app, base_url="http://localhost")
    changed = other.post(
        f"/link/{token}", data={"password": "another long one"}, follow_redirects=False
    )
    assert changed.status_code == 303
    assert web.get("/find", follow_redirects=False).status_code == 303
    assert _enter(web, "li") == 401
    assert _enter(web, "li", "another long one") == 303


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


# -- forged requests -----------------------------------------------------------------------


def test_a_change_needs_the_sessions_own_token(web: TestClient, joined: Services) -> None:
    sign_in(web, Role.SUBMITTER)
    token = web.headers.pop("X-CSRF-Token")
    file = [("files", ("a.xml", xml()))]
    for attempt in (
        web.post("/api/upload", files=file),
        web.post("/api/upload", files=file, headers={"X-CSRF-Token": "f" * 64}),
        web.post("/upload", files=file, data={"csrf": ""}),
        web.post("/sign-out", data={"csrf": "f" * 64}),
        web.post("/sign-out", json={"csrf": token}),
    ):
        assert attempt.status_code == 403
    assert web.post("/upload", files=file, data={"csrf": token}).status_code == 200
    assert web.post("/api/upload", files=file, headers={"X-CSRF-Token": token}).status_code == 201
    other = TestClient(web.app, base_url="http://localhost")
    sign_in(other, Role.SUBMITTER)
    other.headers["X-CSRF-Token"] = token
    assert other.post("/api/upload", files=file).status_code == 403


# -- who sees what -------------------------------------------------------------------------


def _handed_in(services: Services, actor: Actor, campus: str, text: str) -> str:
    from io import BytesIO

    batch = services.intake.open_batch("http", actor.id, None, campus)
    return services.intake.accept(batch, f"{text}.xml", BytesIO(xml(text))).document_id


def _seen(services: Services, actor: Actor) -> set[str]:
    with services.database.read() as session:
        return set(session.scalars(select(Document.id).where(visible(actor))))


def test_people_see_their_own_and_their_campuses(services: Services) -> None:
    ann = make_person(services, (Role.SUBMITTER, "north"))
    bob = make_person(services, (Role.SUBMITTER, "north"), (Role.SUBMITTER, "south"))
    of_ann = _handed_in(services, ann, "north", "1")
    of_bob = _handed_in(services, bob, "south", "2")
    of_nobody = _handed_in(services, Actor("", "", "", frozenset()), "", "3")
    every = {of_ann, of_bob, of_nobody}
    for role in (Role.REVIEWER, Role.ARCHIVIST, Role.AUDITOR, Role.ADMIN):
        assert _seen(services, make_person(services, role)) == every
        assert _seen(services, make_person(services, (role, "north"))) == {of_ann}
        assert _seen(services, make_person(services, (role, "north"), (role, "south"))) == {
            of_ann,
            of_bob,
        }
    assert _seen(services, ann) == {of_ann}
    assert _seen(services, bob) == {of_bob}
    assert _seen(services, make_person(services)) == set()
    assert _seen(services, SYSTEM) == every
    with services.database.read() as session:
        from archive.records import Batch

        both = make_person(services, (Role.AUDITOR, "north"), (Role.REVIEWER, "south"))
        ruled = session.scalars(select(Document.id).where(in_charge(both, Role.REVIEWER)))
        assert set(ruled) == {of_bob}  # an auditor of the north decides nothing there
        batches = session.scalars(select(Batch.campus).where(visible_batches(ann)))
        assert list(batches) == ["north"]


def test_a_repeated_hand_in_shows_nothing_of_anothers_document(services: Services) -> None:
    ann, bob = (make_person(services, (Role.SUBMITTER, "north")) for _ in range(2))
    document = _handed_in(services, ann, "north", "same")
    assert _handed_in(services, bob, "north", "same") == document
    assert _seen(services, bob) == set()


def test_where_somebody_hands_in() -> None:
    def actor(*campuses: str) -> Actor:
        return Actor("x", "x", "x", frozenset((Role.SUBMITTER, campus) for campus in campuses))

    assert campus_to_submit(actor("north")) == "north"
    assert campus_to_submit(actor("north"), "south") is None
    assert campus_to_submit(actor("north", "south")) is None
    assert campus_to_submit(actor("north", "south"), "south") == "south"
    assert campus_to_submit(actor(""), "anywhere") == "anywhere"
    assert campus_to_submit(actor("")) == ""
    assert campus_to_submit(actor()) is None


def test_what_another_campus_has_is_not_there(web: TestClient, joined: Services) -> None:
    ann = make_person(joined, (Role.SUBMITTER, "north"))
    document = _handed_in(joined, ann, "north", "secret-name")
    with joined.database.read() as session:
        from archive.records import Upload

        batch = session.scalars(select(Upload.batch_id)).one()
    addresses = (
        f"/documents/{document}",
        f"/documents/{document}/original",
        f"/batches/{batch}",
        f"/batches/{batch}/rows",
    )
    for role in (*Role,):
        sign_in(web, (role, "south"))
        for address in addresses:
            assert web.get(address).status_code == 404, (role, address)
        for page in ("/", "/latest", "/find?q=1"):
            assert "secret-name" not in web.get(page).text
    sign_in_as(web, ann)
    for address in addresses:
        assert web.get(address).status_code == 200, address


# -- safety --------------------------------------------------------------------------------


def test_a_stranger_may_not_fill_the_disk(web: TestClient) -> None:
    large = [("files", ("a.xml", bytes(100_000)))]
    for address in ("/upload", "/api/upload", "/sign-in"):
        assert web.post(address, files=large).status_code == 401
    sign_in(web, Role.SUBMITTER)
    assert web.post("/api/upload", files=large).status_code == 201


def test_a_minute_holds_so_many_uploads(settings: Settings) -> None:
    strict = settings.model_copy(update={"uploads_per_minute": 2})
    with (
        broker.bundled(strict),
        TestClient(create_app(strict), base_url="http://localhost") as web,
    ):
        sign_in(web, Role.SUBMITTER)
        file = [("files", ("a.xml", xml()))]
        answers = [web.post("/api/upload", files=file) for _ in range(4)]
        assert 429 in {answer.status_code for answer in answers[2:]}
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert 0 < int(refused.headers["retry-after"]) <= 60
        assert refused.json()["code"] == "too_many_requests"
        sign_in(web, Role.SUBMITTER)  # another person is another count
        assert web.post("/api/upload", files=file).status_code == 201


def test_every_view_is_in_the_trail(web: TestClient, joined: Services) -> None:
    ann = make_person(joined, (Role.SUBMITTER, "north"))
    document = _handed_in(joined, ann, "north", "1")
    actor = sign_in(web, Role.AUDITOR)
    web.get(f"/documents/{document}")
    web.get(f"/documents/{document}/original")
    seen = [action for who, action in _trail(joined) if who == actor.id]
    assert seen[-2:] == ["document_viewed", "original_taken"]
    sign_in(web, (Role.AUDITOR, "south"))
    web.get(f"/documents/{document}")
    assert _trail(joined)[-1][1] == "signed_in"  # what is not shown is no view


def test_faults_of_a_request_are_problem_documents(web: TestClient) -> None:
    sign_in(web, *Role)
    nowhere = web.get("/api/nowhere")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "no_such_page")
    wrong = web.delete("/api/upload")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "wrong_method")
    bad = web.post("/api/upload", data={"voucher": "secret" * 20})
    assert bad.status_code == 422
    assert bad.headers["content-type"] == "application/problem+json"
    assert "secret" not in bad.text
    assert {"type", "title", "detail", "status", "code", "errors"} <= bad.json().keys()
    page = web.get("/nowhere")
    assert (page.status_code, "<h1>" in page.text) == (404, True)


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
        assert _enter(web, "demo", drawn) == 303
        assert web.get("/people").status_code == 200
        _yanpiao("people", "lock", "li")
        other = TestClient(web.app, base_url="http://localhost")
        assert _enter(other, "li") == 401
        _yanpiao("people", "unlock", "li")
        _yanpiao("people", "roles", "li", "--role", "auditor")
        assert _enter(other, "li") == 303
        assert other.get("/captcha").status_code == 403
        link = _yanpiao("people", "link", "li").strip().removeprefix("http://127.0.0.1:8080")
        assert TestClient(web.app, base_url="http://localhost").get(link).status_code == 200
        made = _yanpiao("admin", "link").strip().removeprefix("http://127.0.0.1:8080")
        assert TestClient(web.app, base_url="http://localhost").get(made).status_code == 200
    assert CliRunner().invoke(cli, ["people", "add", "x", "--role", "king"]).exit_code == 2
