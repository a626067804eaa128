"""The captcha desk's shared memory: challenges wait in Redis until a person has typed them.

A challenge is worth nothing after it expires, so nothing of it goes into the database. Several
people may sit at the desk; a challenge is handed to one of them at a time: they hold it while they
do something, and until they answer it, skip it or ask for another picture instead.
"""

from __future__ import annotations

import base64
import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass

import redis

from verifiers.model import CaptchaChallenge
from worker import tracing
from worker.captcha_trail import CaptchaTrail
from worker.log import logger
from worker.meters import Meters

log = logger("captcha_desk")

_QUEUE = "yanpiao:captcha:waiting"
_PRESENT = "yanpiao:captcha:present"
_HOLD_SECONDS = 60
#: How long after somebody's last deed the desk counts as attended.
_PRESENT_SECONDS = 300
#: A captcha with less time than this left is not given to anybody any more: it is renewed.
_LEAST_SECONDS = 10
#: Who skipped a captcha is not offered it again for so long, so that others come first.
_SKIP_SECONDS = 15
_LONGEST_ANSWER = 16
#: Who answered is known until the portal has said what it thinks of the answer.
_AUTHOR_SECONDS = 900

#: Only who holds a challenge may hold it longer or let it go; looking and doing are one step.
_HOLD_ON = (
    "if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('expire', KEYS[1], ARGV[2]) end"
)
_LET_GO = "if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('del', KEYS[1]) end"


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


def _author_key(challenge_id: str) -> str:
    return f"yanpiao:captcha:{challenge_id}:author"


def _skips_key(challenge_id: str) -> str:
    """Who skipped the challenge, and when (seconds of the epoch)."""
    return f"yanpiao:captcha:{challenge_id}:skips"


class RedisCaptchaDesk:
    """The worker's side (`ask`, `report`) and the people's side (`next_for`, and then `answer`,
    `skip` or `renew`). An operator is a page at the desk, a person who sits there."""

    def __init__(self, client: redis.Redis, trail: CaptchaTrail) -> None:
        self._redis = client
        self._trail = trail
        self._meters = Meters(client)

    def ask(self, challenge: CaptchaChallenge) -> str | None:
        """Pose a challenge and wait for its answer; None if nobody answered in time, or it was
        withdrawn."""
        seconds = (challenge.expires_at - dt.datetime.now(dt.UTC)).total_seconds()
        if seconds <= 0:
            return None
        self._pose(challenge.id, challenge, seconds)
        log.info("captcha_posed", id=challenge.id, document_id=challenge.document_id)
        began = time.monotonic()
        try:
            with tracing.step("captcha", challenge.document_id):
                typed = self._await_answer(challenge.id, began + seconds)
            ended = "unanswered" if typed is None else "answered" if typed else "taken_back"
            self._meters.time(time.monotonic() - began, "captcha", ended)
            return typed or None
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
        keys = (_key, _answer_key, _hold_key, _skips_key)
        self._redis.delete(*(key(challenge_id) for key in keys))

    def report(self, challenge: CaptchaChallenge, accepted: bool) -> None:
        """Count the desk's hits and misses, and write down whose it was."""
        self._redis.hincrby("yanpiao:captcha:counts", "accepted" if accepted else "refused", 1)
        log.info("captcha_result", document_id=challenge.document_id, accepted=accepted)
        author = self._redis.get(_author_key(challenge.id))
        person = "" if author is None else _text(author)
        self._trail.judged(person, challenge.id, challenge.document_id, accepted=accepted)

    def counts(self) -> dict[str, int]:
        """How many answers the portal accepted and refused, and how many pictures were renewed."""
        found = self._redis.hgetall("yanpiao:captcha:counts")
        return {_text(name): int(count) for name, count in found.items()}

    def waiting(self) -> int:
        """How many challenges wait for a person."""
        self._redis.zremrangebyscore(_QUEUE, "-inf", time.time())
        return int(self._redis.zcard(_QUEUE))

    def next_for(self, operator: str, *, present: bool = True) -> Posed | None:
        """The challenge that the operator already holds, so that a reloaded page loses nothing;
        else the one that expires first among those nobody else is typing. What they skipped
        comes after what they have not seen, and not at once.

        `present`: a person did something, it is not only their page that asks. Only then what
        they hold is held longer.
        """
        moment = time.time()
        if present:
            self._redis.set(_PRESENT, operator, ex=_PRESENT_SECONDS)
        waiting = self._waiting_after(moment)
        holders = self._holders(waiting)
        held = [one for one, holder in zip(waiting, holders, strict=True) if holder == operator]
        lasting = set(self._waiting_after(moment + _LEAST_SECONDS))
        free = [
            one
            for one, holder in zip(waiting, holders, strict=True)
            if holder is None and one in lasting
        ]
        for challenge_id in held:
            posed = self._load(challenge_id)
            if posed is not None:
                if present:
                    self._redis.eval(
                        _HOLD_ON, 1, _hold_key(challenge_id), operator, str(_HOLD_SECONDS)
                    )
                return posed
        for challenge_id in self._unskipped_first(free, operator, moment):
            if self._hold(challenge_id, operator):
                posed = self._load(challenge_id)
                if posed is not None:
                    return posed
        return None

    def _waiting_after(self, moment: float) -> list[str]:
        """Challenges that expire after a moment, the first to do so first."""
        return [_text(raw) for raw in self._redis.zrangebyscore(_QUEUE, moment, "+inf")]

    def _holders(self, challenge_ids: Sequence[str]) -> list[str | None]:
        """Who holds each of the challenges; None: nobody."""
        if not challenge_ids:
            return []
        raws = self._redis.mget([_hold_key(one) for one in challenge_ids])
        return [None if raw is None else _text(raw) for raw in raws]

    def _unskipped_first(
        self, challenge_ids: Sequence[str], operator: str, moment: float
    ) -> list[str]:
        """Those that the operator has not skipped, then those skipped some time ago, the
        longest ago first."""
        pipeline = self._redis.pipeline()
        for one in challenge_ids:
            pipeline.hget(_skips_key(one), operator)
        skipped = [0.0 if raw is None else float(raw) for raw in pipeline.execute()]
        offered = [
            (at, one)
            for at, one in zip(skipped, challenge_ids, strict=True)
            if moment - at >= _SKIP_SECONDS
        ]
        return [one for _, one in sorted(offered, key=lambda pair: pair[0])]

    def _hold(self, challenge_id: str, operator: str) -> bool:
        """Take hold of a challenge; whether the operator holds it then. Of several who try at
        once one has it; two pages' calls of one operator come to the same challenge."""
        key = _hold_key(challenge_id)
        if self._redis.set(key, operator, nx=True, ex=_HOLD_SECONDS):
            return True
        holder = self._redis.get(key)
        return holder is not None and _text(holder) == operator

    def _held_by_another(self, challenge_id: str, operator: str | None) -> bool:
        """Whether somebody else than this operator types the challenge. None: it is not said who
        asks, as by a program that is the only one at the desk."""
        holder = self._redis.get(_hold_key(challenge_id))
        return operator is not None and holder is not None and _text(holder) != operator

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

    def answer(
        self, challenge_id: str, text: str, operator: str | None = None, person: str = ""
    ) -> bool:
        """Hand in what a person typed; False when the challenge is gone, already answered, or
        another's by now. Raises ValueError when the text cannot be an answer."""
        typed = text.strip()
        if not typed or len(typed) > _LONGEST_ANSWER:
            raise ValueError("an answer has 1 to 16 characters")
        document_id = self._document_of(challenge_id)
        self._redis.set(_author_key(challenge_id), person, ex=_AUTHOR_SECONDS)
        if not self._settle(challenge_id, typed, operator):
            return False
        self._trail.answered(person, challenge_id, document_id)
        return True

    def _document_of(self, challenge_id: str) -> str:
        """Asked for before a deed: whoever waits for it forgets the challenge at once."""
        found = self._redis.hget(_key(challenge_id), "document_id")
        return "" if found is None else _text(found)

    def renew(self, challenge_id: str, operator: str, person: str = "") -> bool:
        """Ask the portal's page for another picture instead of this one; False as for `answer`.

        Whoever waits in `ask` gets None, as when a captcha has become old, and as somebody is at
        the desk they pose a new one. No answer was given, so none was wrong.
        """
        document_id = self._document_of(challenge_id)
        renewed = self._settle(challenge_id, "", operator)
        if renewed:
            self._trail.renewed(person, challenge_id, document_id)
            self._redis.hincrby("yanpiao:captcha:counts", "renewed", 1)
            log.info("captcha_renewed", id=challenge_id)
        return renewed

    def skip(self, challenge_id: str, operator: str, person: str = "") -> bool:
        """Leave a challenge to others; False when it is gone, or another's by now."""
        expires = self._redis.zscore(_QUEUE, challenge_id)
        if expires is None or self._held_by_another(challenge_id, operator):
            return False
        document_id = self._document_of(challenge_id)
        # Noted before it is let go, or the operator's own page might take it again between.
        pipeline = self._redis.pipeline()
        pipeline.hset(_skips_key(challenge_id), operator, repr(time.time()))
        pipeline.expireat(_skips_key(challenge_id), int(expires) + 1)
        pipeline.execute()
        self._redis.eval(_LET_GO, 1, _hold_key(challenge_id), operator)
        self._redis.set(_PRESENT, operator, ex=_PRESENT_SECONDS)
        self._trail.skipped(person, challenge_id, document_id)
        return True

    def _settle(self, challenge_id: str, text: str, operator: str | None) -> bool:
        """Give whoever waits in `ask` a text; taking the challenge out of the queue decides: of
        two deeds at once only the first counts."""
        if self._held_by_another(challenge_id, operator):
            return False
        if not self._redis.zrem(_QUEUE, challenge_id):
            return False
        self._redis.set(_PRESENT, operator or "answered", ex=_PRESENT_SECONDS)
        self._hand_over(challenge_id, text)
        return True

    def _hand_over(self, challenge_id: str, text: str) -> None:
        pipeline = self._redis.pipeline()
        pipeline.rpush(_answer_key(challenge_id), text)
        pipeline.expire(_answer_key(challenge_id), _HOLD_SECONDS)
        pipeline.execute()
