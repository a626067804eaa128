"""The captcha desk's shared memory on a real queue server."""

from __future__ import annotations

import datetime as dt
import threading

import pytest

from archive.records import now
from fixtures.posing import posing
from verifiers.model import CaptchaChallenge
from worker.captcha_desk import _hold_key, _text
from worker.services import Services


def _challenge(seconds: float = 30) -> CaptchaChallenge:
    return CaptchaChallenge(
        document_id="d1",
        image_png=b"png",
        instruction="请输入验证码图片中红色文字",
        colour="red",
        expires_at=now() + dt.timedelta(seconds=seconds),
    )


def test_an_answer_reaches_the_one_who_asked(services: Services) -> None:
    answers: list[str | None] = []
    asking = threading.Thread(target=lambda: answers.append(services.desk.ask(_challenge())))
    asking.start()
    posed = None
    while posed is None:
        posed = services.desk.next_for("anna")
    assert (posed.document_id, posed.colour, posed.image_png) == ("d1", "red", b"png")
    assert services.desk.waiting() == 1
    assert services.desk.next_for("anna") == posed
    assert services.desk.next_for("berta") is None
    assert services.desk.answer(posed.id, " Ab1 ")
    asking.join()
    assert answers == ["Ab1"]
    assert not services.desk.answer(posed.id, "Ab1")
    assert services.desk.waiting() == 0


def test_nobody_at_the_desk_is_no_answer(services: Services) -> None:
    assert services.desk.ask(_challenge(0.2)) is None
    assert services.desk.ask(_challenge(-1)) is None
    assert services.desk.waiting() == 0


@pytest.mark.parametrize("text", ["", "   ", "x" * 17])
def test_an_answer_has_a_sane_length(services: Services, text: str) -> None:
    with pytest.raises(ValueError, match="characters"):
        services.desk.answer("0" * 24, text)


# -- several people at one desk --------------------------------------------------------------


def test_many_who_ask_at_once_never_get_the_same_one(services: Services) -> None:
    challenges = [_challenge(30 + number) for number in range(6)]
    with posing(services.desk, *challenges):
        start = threading.Barrier(12)
        given: list[str] = []

        def sit_down(name: str) -> None:
            start.wait()
            posed = services.desk.next_for(name)
            if posed is not None:
                given.append(posed.id)

        people = [threading.Thread(target=sit_down, args=(f"p{one}",)) for one in range(12)]
        for person in people:
            person.start()
        for person in people:
            person.join()
        assert sorted(given) == sorted(challenge.id for challenge in challenges)


def test_what_is_being_typed_is_not_exchanged_for_a_more_urgent_one(services: Services) -> None:
    with posing(services.desk, calm := _challenge(60)):
        assert _given(services, "anna") == calm.id
        with posing(services.desk, urgent := _challenge(20)):
            assert _given(services, "anna") == calm.id
            assert _given(services, "berta") == urgent.id


def test_a_deed_holds_a_captcha_longer_and_a_page_left_alone_does_not(services: Services) -> None:
    with posing(services.desk, challenge := _challenge(90)):
        assert _given(services, "anna") == challenge.id
        services.redis.expire(_hold_key(challenge.id), 5)
        services.desk.next_for("anna", present=False)
        assert services.redis.ttl(_hold_key(challenge.id)) <= 5
        services.desk.next_for("anna")
        assert services.redis.ttl(_hold_key(challenge.id)) > 50


def test_only_who_holds_a_captcha_answers_skips_or_renews_it(services: Services) -> None:
    with posing(services.desk, challenge := _challenge()) as answers:
        assert _given(services, "anna") == challenge.id
        assert not services.desk.answer(challenge.id, "x", "berta")
        assert not services.desk.skip(challenge.id, "berta")
        assert not services.desk.renew(challenge.id, "berta")
        assert _given(services, "anna") == challenge.id
        assert services.desk.answer(challenge.id, "abc", "anna")
    assert answers == {challenge.id: "abc"}


def test_a_skipped_captcha_goes_to_others_and_comes_back_last(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = _challenge(40), _challenge(50)
    with posing(services.desk, first, second):
        assert _given(services, "anna") == first.id
        assert services.desk.skip(first.id, "anna")
        assert _given(services, "anna") == second.id
        assert services.desk.skip(second.id, "anna")
        assert _given(services, "anna") is None
        assert services.desk.waiting() == 2
        assert _given(services, "berta") == first.id
        monkeypatch.setattr("worker.captcha_desk._SKIP_SECONDS", 0)
        assert _given(services, "anna") == second.id
        with posing(services.desk, fresh := _challenge(60)):
            services.desk.skip(second.id, "anna")
            assert _given(services, "anna") == fresh.id
    assert not services.desk.skip(first.id, "anna")


def test_another_picture_is_no_answer_and_somebody_is_there_to_type_it(services: Services) -> None:
    with posing(services.desk, challenge := _challenge()) as answers:
        assert _given(services, "anna") == challenge.id
        services.redis.delete("yanpiao:captcha:present")
        assert services.desk.renew(challenge.id, "anna")
        assert services.desk.attended()
        assert not services.desk.renew(challenge.id, "anna")
        assert _given(services, "anna") is None
    assert answers == {challenge.id: None}
    counts = services.redis.hgetall("yanpiao:captcha:counts")
    assert {_text(name): _text(value) for name, value in counts.items()} == {"renewed": "1"}


def _given(services: Services, operator: str) -> str | None:
    posed = services.desk.next_for(operator)
    return None if posed is None else posed.id
