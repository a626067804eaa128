"""The second factor, and slow guessing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from types import SimpleNamespace

import pyotp
import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient

from archive import accounts, factors, throttle
from archive.actors import EVERYWHERE, Role
from archive.people import LoginThrottle, Person
from archive.records import now
from archive.sealing import SealedByAnother, Sealer, kept_secret
from tests.factoring import MOMENT, PASSWORD, add, code_of, enter, forget_step, set_up, take_token
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


# -- setting up and proving ----------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.ARCHIVIST, Role.ADMIN])
def test_who_decides_is_led_to_set_the_factor_up_first(
    web: TestClient, joined: Services, role: Role
) -> None:
    add(joined, "li", role)
    assert enter(web, "li") == 303
    led = web.get("/find", follow_redirects=False)
    assert led.headers["location"] == "/sign-in/second-factor?next=/find"
    assert "<svg" in web.get("/sign-in/second-factor").text
    seed, codes = set_up(web)
    assert len(codes) == factors.RECOVERY_CODES
    assert web.get("/find").status_code == 200
    with joined.database.read() as session:
        person = session.scalars(select(Person).where(Person.login == "li")).one()
        assert person.totp_sealed is not None
        assert seed not in person.totp_sealed


@pytest.mark.parametrize("role", [Role.SUBMITTER, Role.AUDITOR])
def test_others_may_do_without(web: TestClient, joined: Services, role: Role) -> None:
    add(joined, "li", role)
    enter(web, "li")
    assert web.get("/find", follow_redirects=False).status_code == 200


def test_with_a_factor_the_password_alone_opens_nothing(web: TestClient, joined: Services) -> None:
    add(joined, "li", Role.REVIEWER)
    enter(web, "li")
    seed, codes = set_up(web)
    other = TestClient(web.app, base_url="http://localhost")
    assert enter(other, "li") == 303
    half = other.cookies["session"]
    for page in ("/", "/review", "/account", "/captcha"):
        assert "/sign-in/code" in other.get(page, follow_redirects=False).headers["location"]
    take_token(other, "/sign-in/code")
    used_already = other.post("/sign-in/code", data={"code": code_of(seed)})
    assert used_already.status_code == 422  # it was spent on setting up
    assert other.post("/sign-in/code", data={"code": "000000"}).status_code == 422
    forget_step(joined)
    code = code_of(seed)
    proved = other.post(
        "/sign-in/code", data={"code": code, "next": "/find"}, follow_redirects=False
    )
    assert (proved.status_code, proved.headers["location"]) == (303, "/find")
    assert other.cookies["session"] != half
    assert other.get("/review").status_code == 200
    third = TestClient(web.app, base_url="http://localhost")
    enter(third, "li")
    take_token(third, "/sign-in/code")
    assert (
        third.post("/sign-in/code", data={"code": code}).status_code == 422
    )  # seen over a shoulder
    by_code = third.post(
        "/sign-in/code", data={"code": codes[0].upper().replace("-", " ")}, follow_redirects=False
    )
    assert by_code.status_code == 303
    fourth = TestClient(web.app, base_url="http://localhost")
    enter(fourth, "li")
    take_token(fourth, "/sign-in/code")
    assert fourth.post("/sign-in/code", data={"code": codes[0]}).status_code == 422  # once only


def test_a_role_given_now_asks_for_the_factor_now(web: TestClient, joined: Services) -> None:
    person = add(joined, "li", Role.SUBMITTER)
    enter(web, "li")
    assert web.get("/find", follow_redirects=False).status_code == 200
    with joined.database.write() as session:
        accounts.set_grants(session, accounts.by_id(session, person), [(Role.REVIEWER, EVERYWHERE)])
    assert "second-factor" in web.get("/find", follow_redirects=False).headers["location"]


def test_codes_of_the_neighbouring_steps_count_and_older_ones_do_not(services: Services) -> None:
    sealer = services.sealer
    seed = factors.new_seed()
    totp = pyotp.TOTP(seed)
    person_id = add(services, "li", Role.REVIEWER)
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
    victim = add(joined, "victim", Role.REVIEWER)
    seed = factors.new_seed()
    enter(web, "victim")
    take_token(web, "/sign-in/second-factor")
    for sealed in (
        Sealer("another key").seal(f"{victim} {seed}"),
        joined.sealer.seal(f"{'0' * 24} {seed}"),
        seed,
    ):
        data = {"sealed": sealed, "code": code_of(seed)}
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
    add(joined, "li", Role.AUDITOR)
    assert [enter(web, login, f"wrong guess {n}") for n in range(7)] == [401] * 5 + [429] * 2
    refused = web.post("/sign-in", data={"login": login, "password": PASSWORD})
    assert refused.status_code == 429  # the right one is not even looked at
    assert 0 < int(refused.headers["retry-after"]) <= 30
    with TestClient(create_app(joined.settings), base_url="http://localhost") as again:
        assert enter(again, login) == 429  # a restart forgets nothing
    with joined.database.write() as session:
        session.execute(update(LoginThrottle).values(blocked_until=now()))
    if login == "li":
        assert enter(web, login) == 303
        web.cookies.clear()
        slips = [enter(web, login, "a slip of the hand") for _ in range(4)]
        assert slips == [401] * 4  # it counts afresh
        assert enter(web, login) == 303


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
    answers = [enter(web, f"login{n}", "same password") for n in range(32)]
    assert answers == [401] * 30 + [429] * 2
    add(joined, "good", Role.AUDITOR)
    assert enter(web, "good") == 429


def test_guessing_the_second_factor_is_stopped(web: TestClient, joined: Services) -> None:
    add(joined, "li", Role.REVIEWER)
    enter(web, "li")
    seed, _codes = set_up(web)
    other = TestClient(web.app, base_url="http://localhost")
    enter(other, "li")
    take_token(other, "/sign-in/code")
    answers = [other.post("/sign-in/code", data={"code": "000000"}).status_code for _ in range(6)]
    assert answers == [422] * 5 + [429]
    forget_step(joined)
    assert other.post("/sign-in/code", data={"code": code_of(seed)}).status_code == 429
