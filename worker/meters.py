"""What monitoring is told and the audit trail does not say: kept in Redis, added to by any process
of any host in one step, so that it is right however many there are.

Losing it loses no document: counts then begin anew, which Prometheus takes for a restart. A server
that does not answer costs a count, never a step.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

import redis

from archive.tallies import step_of
from worker.log import logger

log = logger("meters")

_COUNTS = "yanpiao:meters:counts"
_READERS = "yanpiao:meters:readers"
_BETWEEN = "|"
#: A reading process that nobody spoke of for so long is gone; living workers speak more often.
_FORGOTTEN_SECONDS = 1200


@dataclass(frozen=True, slots=True)
class Times:
    """How often, and how long altogether; `steps` by place in `archive.tallies.STEPS`."""

    count: int
    seconds: float
    steps: dict[str, int]


@dataclass(frozen=True, slots=True)
class ReaderMemory:
    """Bytes of one living reading process: now, and at most so far."""

    host: str
    resident: int
    peak: int


class Meters:
    """Adds to the meters and reads them."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def count(self, name: str, *labels: str, by: int = 1) -> None:
        """Add to a count. Names and labels are codes, without `|`."""
        self._add({_BETWEEN.join((name, *labels)): by})

    def time(self, seconds: float, name: str, *labels: str) -> None:
        """Add a time, to the microsecond: whole numbers add up without error."""
        base = _BETWEEN.join((name, *labels))
        microseconds = round(seconds * 1_000_000)
        self._add({f"{base}|step|{step_of(seconds)}": 1, f"{base}|sum|": microseconds})

    def _add(self, amounts: dict[str, int]) -> None:
        try:
            pipeline = self._redis.pipeline()
            for field, amount in amounts.items():
                pipeline.hincrby(_COUNTS, field, amount)
            pipeline.execute()
        except redis.RedisError as error:
            log.debug("not_counted", error=type(error).__name__)

    def counts(self, name: str) -> Iterator[tuple[list[str], int]]:
        """Each count of a name: its labels, and how many. Raises `redis.RedisError`."""
        for field, value in self._all():
            first, *labels = field.split(_BETWEEN)
            if first == name:
                yield labels, value

    def times(self, name: str) -> dict[tuple[str, ...], Times]:
        """The times of a name by their labels. Raises `redis.RedisError`."""
        sums: dict[tuple[str, ...], int] = {}
        steps: dict[tuple[str, ...], dict[str, int]] = {}
        for (*labels, what, step), value in self.counts(name):
            if what == "sum":
                sums[tuple(labels)] = value
            else:
                steps.setdefault(tuple(labels), {})[step] = value
        return {
            key: Times(sum(found.values()), sums.get(key, 0) / 1_000_000, found)
            for key, found in steps.items()
        }

    def _all(self) -> Iterator[tuple[str, int]]:
        for field, value in self._redis.hgetall(_COUNTS).items():
            yield _text(field), int(value)

    def reader(self, pid: int, resident: int, peak: int) -> None:
        """A reading process of this host is alive and so large."""
        said = json.dumps([int(time.time()), resident, peak])
        try:
            self._redis.hset(_READERS, f"{socket.gethostname()}|{pid}", said)
        except redis.RedisError as error:
            log.debug("not_counted", error=type(error).__name__)

    def reader_gone(self, pid: int) -> None:
        """A reading process of this host has ended."""
        try:
            self._redis.hdel(_READERS, f"{socket.gethostname()}|{pid}")
        except redis.RedisError as error:
            log.debug("not_counted", error=type(error).__name__)

    def readers(self) -> list[ReaderMemory]:
        """Every living reading process. Raises `redis.RedisError`."""
        found = []
        for field, value in self._redis.hgetall(_READERS).items():
            at, resident, peak = json.loads(value)
            if time.time() - at > _FORGOTTEN_SECONDS:
                self._redis.hdel(_READERS, field)
                continue
            found.append(ReaderMemory(_text(field).partition(_BETWEEN)[0], resident, peak))
        return found


def _text(value: object) -> str:
    """What the server sent, as text; its client gives bytes or str by its setting."""
    return value.decode() if isinstance(value, bytes) else str(value)
