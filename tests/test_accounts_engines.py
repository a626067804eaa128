"""Accounts on both engines: what locks, races or compares moments must hold on each."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from types import SimpleNamespace

import pyotp
import pytest
from starlette.testclient import TestClient

from archive import accounts, factors, repeats, sessions, throttle, tokens
from archive.actors import EVERYWHERE, Role
from archive.records import now
from archive.repeats import Answer
from archive.sessions import Limits
from archive.tokens import Scope
from tests.helpers import sign_in, xml
from web.app import create_app
from worker import attach, broker, webhooks
from worker.services import Services
from worker.settings import Settings


@pytest.fixture
def chosen(settings: Settings, database_url: str) -> Settings:
    return settings.model_copy(update={"database_url": database_url})


def test_the_same_holds_on_both_engines(chosen: Settings) -> None:
    with (
        broker.bundled(chosen),
        TestClient(create_app(chosen), base_url="http://localhost") as web,
    ):
        services: Services = web.app.state.services  # type: ignore[attr-defined]
        actor = sign_in(web, *Role)
        webhooks.follow(services)
        batch = services.intake.open_batch("http", actor.id, "JZ-1", "")
        document = services.intake.accept(batch, "a.xml", BytesIO(xml("1"))).document_id
        for page in ("/", f"/documents/{document}", "/people", "/account", "/claims"):
            assert web.get(page).status_code == 200, page
        assert attach.attach(services, actor, "JZ-2", document).voucher_no == "JZ-2"
        with services.database.write() as session:
            text = tokens.make(session, actor, "x", [Scope.READ], dt.timedelta(days=1))
            assert tokens.find(session, text) is not None
            assert repeats.begin(session, actor.id, "k", "a") is None
            repeats.end(session, actor.id, "k", Answer(200, "{}"))
            assert repeats.begin(session, actor.id, "k", "a") == Answer(200, "{}")
        assert webhooks.follow(services) == webhooks.deliver(services) == 0


def test_of_many_guesses_at_once_no_more_than_allowed_are_looked_at(chosen: Settings) -> None:
    services = Services.open(chosen)

    def guess(_: int) -> bool:
        with services.database.write() as session:
            return throttle.attempt(session, throttle.account("li")) is None

    with ThreadPoolExecutor(6) as pool:
        looked_at = sum(pool.map(guess, range(12)))
    services.close()
    assert looked_at == 5


def test_of_the_same_request_twice_at_once_one_is_done(chosen: Settings) -> None:
    services = Services.open(chosen)
    with services.database.write() as session:
        person = accounts.add_person(session, "li", "", [])

    def begin(_: int) -> bool:
        try:
            with services.database.write() as session:
                return repeats.begin(session, person.id, "k", "a") is None
        except repeats.StillBeingDone:
            return False

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(begin, range(6))) == 1
    services.close()


def test_of_two_that_race_one_gets_the_code_and_one_the_link(
    chosen: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = Services.open(chosen)
    seed = factors.new_seed()
    with services.database.write() as session:
        person = accounts.add_person(session, "li", "", [(Role.REVIEWER, EVERYWHERE)])
        person.totp_sealed = services.sealer.seal(seed)
        link = accounts.make_link(session, "password", person)
        old = sessions.begin(session, person)
    moment = 1_790_000_015
    code = pyotp.TOTP(seed).at(moment)
    # Between two steps the code of a moment ago is an older one: so the clock stands still.
    monkeypatch.setattr(factors, "time", SimpleNamespace(time=lambda: float(moment)))

    def prove(_: int) -> bool:
        try:
            with services.database.write() as session:
                fresh = accounts.by_id(session, person.id)
                factors.prove(session, fresh, code, services.sealer)
        except factors.WrongCode:
            return False
        return True

    def use(_: int) -> bool:
        try:
            with services.database.write() as session:
                accounts.use_link(session, link)
        except accounts.LinkGone:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(prove, range(4))) == 1
        assert sum(pool.map(use, range(4))) == 1
    limits = Limits(dt.timedelta(hours=1), dt.timedelta(hours=2))
    with services.database.write() as session:
        found = sessions.find(session, old, limits)
        assert found is not None
        found.seen_at = now() - dt.timedelta(hours=3)
        session.flush()
        sessions.forget_old(session, limits)
        session.expire_all()
        assert sessions.find(session, old, limits) is None
    services.close()
