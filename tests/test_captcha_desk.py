"""The captcha desk's shared memory on a real queue server."""

from __future__ import annotations

import datetime as dt
import threading

import pytest

from archive.records import now
from verifiers.model import CaptchaChallenge
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
