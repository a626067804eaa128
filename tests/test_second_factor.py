"""The second factor, slow guessing, and the pages on which people and accounts are kept."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from types import SimpleNamespace

import pyotp
import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient

from archive import accounts, factors, throttle
from archive.actors import EVERYWHERE, Role
from archive.people import ApiToken, LoginThrottle, Person, PersonSession, RecoveryCode
from archive.records import AuditRow, now
from archive.sealing import SealedByAnother, Sealer, kept_secret
from tests.helpers import make_person, sign_in
from web.app import create_app
from worker.services import Services
from worker.settings import Settings

PASSWORD = "correct horse battery"


@pytest.fixture
def web(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        yield client


def _add(services: Services, login: str, *roles: Role) -> str:
    with services.database.write() as session:
        grants = [(role, EVERYWHERE) for role in roles]
        return accounts.add_person(session, login, login, grants, password=PASSWORD).id


def _token(web: TestClient, page: str = "/account") -> None:
    found = re.search(r'name="csrf-token" content="(\w+)"', web.get(page).text)
    assert found
    web.headers["X-CSRF-Token"] = found[1]


#: Codes change with the clock, so it stands still here.
MOMENT = 1_790_000_015


@pytest.fixture(autouse=True)
def _still_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factors, "time", SimpleNamespace(time=lambda: float(MOMENT)))


def _code(seed: str) -> str:
    return pyotp.TOTP(seed).at(MOMENT)


def _enter(web: TestClient, login: str, password: str = PASSWORD) -> int:
    data = {"login": login, "password": password}
    return web.post("/sign-in", data=data, follow_redirects=False).status_code


def _set_up(web: TestClient) -> tuple[str, list[str]]:
    """Set the factor up as a person does; the seed and the recovery codes."""
    _token(web, "/sign-in/second-factor")
    page = web.get("/sign-in/second-factor").text
    seed = re.search(r'<code class="secret">(\w+)</code>', page)
    sealed = re.search(r'name="sealed" value="([^"]+)"', page)
    assert seed
    assert sealed
    data = {"sealed": sealed[1], "code": _code(seed[1]), "next": "/find"}
    done = web.post("/sign-in/second-factor", data=data)
    assert done.status_code == 200
    return seed[1], re.findall(r"<code>([\w-]+)</code>", done.text)


def _forget_step(services: Services) -> None:
    """As if half a minute had passed: the code may be used again."""
    with services.database.write() as session:
        session.execute(update(Person).values(totp_step=0))


# -- setting up and proving ----------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.ARCHIVIST, Role.ADMIN])
def test_who_decides_is_led_to_set_the_factor_up_first(
    web: TestClient, joined: Services, role: Role
) -> None:
    _add(joined, "li", role)
    assert _enter(web, "li") == 303
    led = web.get("/find", follow_redirects=False)
    assert led.headers["location"] == "/sign-in/second-factor?next=/find"
    assert "<svg" in web.get("/sign-in/second-factor").text
    seed, codes = _set_up(web)
    assert len(codes) == factors.RECOVERY_CODES
    assert web.get("/find").status_code == 200
    with joined.database.read() as session:
        person = session.scalars(select(Person).where(Person.login == "li")).one()
        assert person.totp_sealed is not None
        assert seed not in person.totp_sealed


@pytest.mark.parametrize("role", [Role.SUBMITTER, Role.AUDITOR])
def test_others_may_do_without(web: TestClient, joined: Services, role: Role) -> None:
    _add(joined, "li", role)
    _enter(web, "li")
    assert web.get("/find", follow_redirects=False).status_code == 200


def test_with_a_factor_the_password_alone_opens_nothing(web: TestClient, joined: Services) -> None:
    _add(joined, "li", Role.REVIEWER)
    _enter(web, "li")
    seed, codes = _set_up(web)
    other = TestClient(web.app, base_url="http://localhost")
    assert _enter(other, "li") == 303
    half = other.cookies["session"]
    for page in ("/", "/review", "/account", "/captcha"):
        assert "/sign-in/code" in other.get(page, follow_redirects=False).headers["location"]
    _token(other, "/sign-in/code")
    used_already = other.post("/sign-in/code", data={"code": _code(seed)})
    assert used_already.status_code == 422  # it was spent on setting up
    assert other.post("/sign-in/code", data={"code": "000000"}).status_code == 422
    _forget_step(joined)
    code = _code(seed)
    proved = other.post(
        "/sign-in/code", data={"code": code, "next": "/find"}, follow_redirects=False
    )
    assert (proved.status_code, proved.headers["location"]) == (303, "/find")
    assert other.cookies["session"] != half
    assert other.get("/review").status_code == 200
    third = TestClient(web.app, base_url="http://localhost")
    _enter(third, "li")
    _token(third, "/sign-in/code")
    assert (
        third.post("/sign-in/code", data={"code": code}).status_code == 422
    )  # seen over a shoulder
    by_code = third.post(
        "/sign-in/code", data={"code": codes[0].upper().replace("-", " ")}, follow_redirects=False
    )
    assert by_code.status_code == 303
    fourth = TestClient(web.app, base_url="http://localhost")
    _enter(fourth, "li")
    _token(fourth, "/sign-in/code")
    assert fourth.post("/sign-in/code", data={"code": codes[0]}).status_code == 422  # once only


def test_a_role_given_now_asks_for_the_factor_now(web: TestClient, joined: Services) -> None:
    person = _add(joined, "li", Role.SUBMITTER)
    _enter(web, "li")
    assert web.get("/find", follow_redirects=False).status_code == 200
    with joined.database.write() as session:
        accounts.set_grants(session, accounts.by_id(session, person), [(Role.REVIEWER, EVERYWHERE)])
    assert "second-factor" in web.get("/find", follow_redirects=False).headers["location"]


def test_codes_of_the_neighbouring_steps_count_and_older_ones_do_not(services: Services) -> None:
    sealer = services.sealer
    seed = factors.new_seed()
    totp = pyotp.TOTP(seed)
    person_id = _add(services, "li", Role.REVIEWER)
    for offset, right in (
        (-90, False),
        (-60, False),
        (-30, True),
        (0, True),
        (30, True),
        (90, False),
    ):
        with services.database.write() as session:
            person = accounts.by_id(session, person_id)
            person.totp_sealed, person.totp_step = sealer.seal(seed), 0
            session.flush()
            code = totp.at(MOMENT + offset)
            try:
                factors.prove(session, person, code, sealer)
                assert right, offset
            except factors.WrongCode:
                assert not right, offset


def test_nobody_plants_their_seed_in_anothers_account(web: TestClient, joined: Services) -> None:
    victim = _add(joined, "victim", Role.REVIEWER)
    seed = factors.new_seed()
    _enter(web, "victim")
    _token(web, "/sign-in/second-factor")
    for sealed in (
        Sealer("another key").seal(f"{victim} {seed}"),
        joined.sealer.seal(f"{'0' * 24} {seed}"),
        seed,
    ):
        data = {"sealed": sealed, "code": _code(seed)}
        assert web.post("/sign-in/second-factor", data=data).status_code >= 400
    with joined.database.read() as session:
        assert accounts.by_id(session, victim).totp_sealed is None


def test_seals_open_with_their_own_key_only(settings: Settings) -> None:
    path = settings.root / "secret.key"
    secret = kept_secret(path)
    assert kept_secret(path) == secret
    assert path.stat().st_mode & 0o077 == 0
    sealed = Sealer(secret).seal("JBSWY3DPEHPK3PXP")
    assert Sealer(secret).open(sealed) == "JBSWY3DPEHPK3PXP"
    with pytest.raises(SealedByAnother):
        Sealer(f"{secret}x").open(sealed)


# -- slow guessing -------------------------------------------------------------------------


@pytest.mark.parametrize("login", ["li", "nobody-has-this"])
def test_guessing_a_password_is_stopped_for_anybodys_login(
    web: TestClient, joined: Services, login: str
) -> None:
    _add(joined, "li", Role.AUDITOR)
    assert [_enter(web, login, f"wrong guess {n}") for n in range(7)] == [401] * 5 + [429] * 2
    refused = web.post("/sign-in", data={"login": login, "password": PASSWORD})
    assert refused.status_code == 429  # the right one is not even looked at
    assert 0 < int(refused.headers["retry-after"]) <= 30
    with TestClient(create_app(joined.settings), base_url="http://localhost") as again:
        assert _enter(again, login) == 429  # a restart forgets nothing
    with joined.database.write() as session:
        session.execute(update(LoginThrottle).values(blocked_until=now()))
    if login == "li":
        assert _enter(web, login) == 303
        web.cookies.clear()
        slips = [_enter(web, login, "a slip of the hand") for _ in range(4)]
        assert slips == [401] * 4  # it counts afresh
        assert _enter(web, login) == 303


def test_pauses_grow_to_a_quarter_of_an_hour(services: Services) -> None:
    counter = throttle.account("li")
    waits = []
    for _ in range(14):
        with services.database.write() as session:
            assert throttle.attempt(session, counter) is None
            row = session.get_one(LoginThrottle, counter.key)
            waits.append((row.blocked_until - row.last_at) if row.blocked_until else None)
            row.blocked_until = None
    assert waits[:4] == [None] * 4
    assert waits[4] == dt.timedelta(seconds=30)
    assert waits[5] == dt.timedelta(seconds=60)
    assert waits[-1] == dt.timedelta(minutes=15)


def test_one_address_cannot_try_many_logins(web: TestClient, joined: Services) -> None:
    answers = [_enter(web, f"login{n}", "same password") for n in range(32)]
    assert answers == [401] * 30 + [429] * 2
    _add(joined, "good", Role.AUDITOR)
    assert _enter(web, "good") == 429


def test_guessing_the_second_factor_is_stopped(web: TestClient, joined: Services) -> None:
    _add(joined, "li", Role.REVIEWER)
    _enter(web, "li")
    seed, _codes = _set_up(web)
    other = TestClient(web.app, base_url="http://localhost")
    _enter(other, "li")
    _token(other, "/sign-in/code")
    answers = [other.post("/sign-in/code", data={"code": "000000"}).status_code for _ in range(6)]
    assert answers == [422] * 5 + [429]
    _forget_step(joined)
    assert other.post("/sign-in/code", data={"code": _code(seed)}).status_code == 429


# -- one's own account ---------------------------------------------------------------------


def test_the_password_changes_only_with_the_present_one(web: TestClient, joined: Services) -> None:
    _add(joined, "li", Role.SUBMITTER)
    _enter(web, "li")
    other = TestClient(web.app, base_url="http://localhost")
    _enter(other, "li")
    _token(web)
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
    assert _enter(other, "li", "a much longer one") == 303


def test_sign_out_everywhere_else(web: TestClient, joined: Services) -> None:
    _add(joined, "li", Role.SUBMITTER)
    other = TestClient(web.app, base_url="http://localhost")
    for client in (web, other):
        _enter(client, "li")
    _token(web)
    assert web.get("/account").text.count('class="sessions"') >= 1
    web.post("/account/sessions/end")
    assert web.get("/account", follow_redirects=False).status_code == 200
    assert other.get("/account", follow_redirects=False).status_code == 303


def test_a_needed_factor_stays_and_a_wished_one_goes(web: TestClient, joined: Services) -> None:
    _add(joined, "li", Role.REVIEWER)
    _enter(web, "li")
    _set_up(web)
    _token(web)
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
    _add(joined, "li", Role.SUBMITTER)
    _enter(web, "li")
    _token(web)
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
    assert _enter(newcomer, "wang") == 303

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
    _add(joined, "li", Role.REVIEWER)
    lost = TestClient(web.app, base_url="http://localhost")
    _enter(lost, "li")
    _set_up(lost)
    sign_in(web, Role.ADMIN)
    with joined.database.read() as session:
        person = session.scalars(select(Person).where(Person.login == "li")).one()
    web.post(f"/people/{person.id}/second-factor/remove")
    with joined.database.read() as session:
        mine = select(PersonSession).where(PersonSession.person_id == person.id)
        assert session.scalars(mine).all() == []
    _enter(lost, "li")
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
