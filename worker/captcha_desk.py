"""The captcha desk's shared memory: challenges wait in Redis until a person has typed them.

A challenge is worth nothing after it expires, so nothing of it goes into the database. Several
people may sit at the desk; a challenge is handed to one of them at a time.
"""

from __future__ import annotations

import base64
import datetime as dt
import time
from dataclasses import dataclass

import redis

from verifiers.model import CaptchaChallenge
from worker.log import logger

log = logger("captcha_desk")

_QUEUE = "yanpiao:captcha:waiting"
_PRESENT = "yanpiao:captcha:present"
_HOLD_SECONDS = 60
#: How long after somebody's last deed the desk counts as attended.
_PRESENT_SECONDS = 300
#: A captcha with less time than this left is not given to anybody any more: it is renewed.
_LEAST_SECONDS = 10
_LONGEST_ANSWER = 16


@dataclass(frozen=True, slots=True)
class Posed:
    """A challenge as the desk shows it."""

    id: str
    document_id: str
    image_png: bytes
    instruction: str
    colour: str
    expires_at: dt.datetime


def _text(value: object) -> str:
    """What the server sent, as text; its client gives bytes or str by its setting."""
    return value.decode() if isinstance(value, bytes) else str(value)


def _key(challenge_id: str) -> str:
    return f"yanpiao:captcha:{challenge_id}"


def _answer_key(challenge_id: str) -> str:
    return f"yanpiao:captcha:{challenge_id}:answer"


def _hold_key(challenge_id: str) -> str:
    return f"yanpiao:captcha:{challenge_id}:operator"


class RedisCaptchaDesk:
    """The worker's side (`ask`, `report`) and the people's side (`next_for`, `answer`)."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def ask(self, challenge: CaptchaChallenge) -> str | None:
        """Pose a challenge and wait for its answer; None if nobody answered in time, or it was
        withdrawn."""
        seconds = (challenge.expires_at - dt.datetime.now(dt.UTC)).total_seconds()
        if seconds <= 0:
            return None
        self._pose(challenge.id, challenge, seconds)
        log.info("captcha_posed", id=challenge.id, document_id=challenge.document_id)
        try:
            return self._await_answer(challenge.id, time.monotonic() + seconds) or None
        finally:
            self._forget(challenge.id)

    def withdraw(self, challenge: CaptchaChallenge) -> None:
        """Take a challenge back; whoever waits in `ask` gets None at once."""
        self._redis.zrem(_QUEUE, challenge.id)
        self._hand_over(challenge.id, "")

    def attended(self) -> bool:
        """Whether somebody did something at the desk in the last minutes."""
        return bool(self._redis.exists(_PRESENT))

    def _pose(self, challenge_id: str, challenge: CaptchaChallenge, seconds: float) -> None:
        pipeline = self._redis.pipeline()
        pipeline.hset(
            _key(challenge_id),
            mapping={
                "document_id": challenge.document_id,
                "image": base64.b64encode(challenge.image_png).decode(),
                "instruction": challenge.instruction,
                "colour": challenge.colour,
                "expires_at": challenge.expires_at.isoformat(),
            },
        )
        pipeline.pexpire(_key(challenge_id), int(seconds * 1000))
        pipeline.zadd(_QUEUE, {challenge_id: challenge.expires_at.timestamp()})
        pipeline.execute()

    def _await_answer(self, challenge_id: str, deadline: float) -> str | None:
        while (left := deadline - time.monotonic()) > 0:
            # Short waits, so that a stop signal or a lost connection is noticed soon.
            reply = self._redis.blpop([_answer_key(challenge_id)], timeout=min(left, 2.0))
            if reply is not None:
                return _text(reply[1])
        return None

    def _forget(self, challenge_id: str) -> None:
        self._redis.zrem(_QUEUE, challenge_id)
        self._redis.delete(_key(challenge_id), _answer_key(challenge_id), _hold_key(challenge_id))

    def report(self, challenge: CaptchaChallenge, accepted: bool) -> None:
        """Count the desk's hits and misses."""
        self._redis.hincrby("yanpiao:captcha:counts", "accepted" if accepted else "refused", 1)
        log.info("captcha_result", document_id=challenge.document_id, accepted=accepted)

    def waiting(self) -> int:
        """How many challenges wait for a person."""
        self._redis.zremrangebyscore(_QUEUE, "-inf", time.time())
        return int(self._redis.zcard(_QUEUE))

    def next_for(self, operator: str, *, present: bool = True) -> Posed | None:
        """The challenge that expires first among those nobody else is typing; the one the
        operator already holds comes again, so a reloaded page loses nothing.

        `present`: a person did something, it is not only their page that asks.
        """
        moment = time.time()
        if present:
            self._redis.set(_PRESENT, operator, ex=_PRESENT_SECONDS)
        lasting = self._waiting_after(moment + _LEAST_SECONDS)
        for challenge_id in self._waiting_after(moment):
            if self._hold(challenge_id, operator, new=challenge_id in lasting):
                posed = self._load(challenge_id)
                if posed is not None:
                    return posed
        return None

    def _waiting_after(self, moment: float) -> list[str]:
        """Challenges that expire after a moment, the first to do so first."""
        return [_text(raw) for raw in self._redis.zrangebyscore(_QUEUE, moment, "+inf")]

    def _hold(self, challenge_id: str, operator: str, *, new: bool) -> bool:
        """Whether the operator holds the challenge; takes hold of it where `new` allows."""
        key = _hold_key(challenge_id)
        if new and self._redis.set(key, operator, nx=True, ex=_HOLD_SECONDS):
            return True
        holder = self._redis.get(key)
        return holder is not None and _text(holder) == operator

    def _load(self, challenge_id: str) -> Posed | None:
        stored = {
            _text(name): _text(value)
            for name, value in self._redis.hgetall(_key(challenge_id)).items()
        }
        if not stored:
            self._redis.zrem(_QUEUE, challenge_id)
            return None
        return Posed(
            id=challenge_id,
            document_id=stored["document_id"],
            image_png=base64.b64decode(stored["image"]),
            instruction=stored["instruction"],
            colour=stored["colour"],
            expires_at=dt.datetime.fromisoformat(stored["expires_at"]),
        )

    def answer(self, challenge_id: str, text: str) -> bool:
        """Hand in what a person typed; False when the challenge is gone or already answered.

        Taking it out of the queue decides: of two answers at once only the first counts.
        """
        typed = text.strip()
        if not typed or len(typed) > _LONGEST_ANSWER:
            raise ValueError("an answer has 1 to 16 characters")
        if not self._redis.zrem(_QUEUE, challenge_id):
            return False
        self._redis.set(_PRESENT, "answered", ex=_PRESENT_SECONDS)
        self._hand_over(challenge_id, typed)
        return True

    def _hand_over(self, challenge_id: str, text: str) -> None:
        pipeline = self._redis.pipeline()
        pipeline.rpush(_answer_key(challenge_id), text)
        pipeline.expire(_answer_key(challenge_id), _HOLD_SECONDS)
        pipeline.execute()
