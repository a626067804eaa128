"""Whose turn it is: a queue in which a batch of thousands does not keep a single photo waiting.

Every piece of work belongs to a flow: who handed it in, and how urgent it is. Each flow's pieces
get finishing times, one behind the other, nearer together the more urgent; the piece with the least
time is next (start-time fair queueing). So submitters take turns, within one submitter's work the
urgent comes first, and nobody waits for ever: every eighth piece is the one that has lain longest.

The list of ids stays RQ's own, with all that RQ does with it; the times lie beside it. Without
them (Redis was wiped, an older version enqueued) the order is that of arrival.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import redis
from rq import Queue
from rq.exceptions import DequeueTimeout
from rq.intermediate_queue import IntermediateQueue

_OLDEST_EVERY = 8

#: KEYS: list of ids, times, last times and clock. ARGV: id, flow, length of one piece.
_TAG = """
local clock = tonumber(redis.call('HGET', KEYS[3], '') or '0')
local last = tonumber(redis.call('HGET', KEYS[3], ARGV[2]) or '0')
local ends = math.max(clock, last) + tonumber(ARGV[3])
if redis.call('ZADD', KEYS[2], 'NX', ends, ARGV[1]) == 1 then
  redis.call('HSET', KEYS[3], ARGV[2], tostring(ends))
end
"""
#: KEYS: as above, then the list that the id goes to. ARGV: how often the oldest is taken.
_TAKE = """
local oldest = redis.call('HINCRBY', KEYS[3], '#', 1) % tonumber(ARGV[1]) == 0
while not oldest do
  local least = redis.call('ZPOPMIN', KEYS[2])
  if not least[1] then break end
  if redis.call('LREM', KEYS[1], 1, least[1]) > 0 then
    redis.call('RPUSH', KEYS[4], least[1])
    redis.call('HSET', KEYS[3], '', least[2])
    return least[1]
  end
end
local first = redis.call('LPOP', KEYS[1])
if first then
  redis.call('ZREM', KEYS[2], first)
  redis.call('RPUSH', KEYS[4], first)
else
  redis.call('DEL', KEYS[2], KEYS[3])
end
return first
"""


class Urgency(IntEnum):
    """How many pieces of a flow are done while one of the bulk is."""

    BULK = 1
    USUAL = 8
    WAITED_FOR = 32


@dataclass(frozen=True, slots=True)
class Share:
    """The flow that a piece of work belongs to; `owner` is a person's id, "" for nobody."""

    owner: str = ""
    urgency: Urgency = Urgency.USUAL


class FairQueue(Queue):
    """RQ's queue, taken from in fair order."""

    def tag(self, job_id: str, share: Share, client: redis.Redis) -> None:
        """Give a queued piece its time, by a client or with the messages of a pipeline. After it
        was pushed, so that no time is lost for it."""
        flow = f"{share.owner}:{share.urgency}"
        keys = _keys(self.key)
        client.eval(_TAG, len(keys), *keys, job_id, flow, repr(1 / share.urgency))

    @classmethod
    def lmove(cls, connection: redis.Redis, queue_key: str, timeout: int | None) -> Any:
        """The next id, moved to where RQ keeps what is being begun; waits for one up to `timeout`
        seconds. Raises `DequeueTimeout`."""
        keys = (*_keys(queue_key), IntermediateQueue(queue_key, connection).key)
        while True:
            taken = connection.eval(_TAKE, len(keys), *keys, _OLDEST_EVERY)
            if taken is not None:
                return queue_key, taken
            if timeout is None:
                return None
            # Moves the last id to where it is: a way to wait for one without taking it.
            if connection.blmove(queue_key, queue_key, timeout, "RIGHT", "RIGHT") is None:
                raise DequeueTimeout(timeout, queue_key)


def _keys(queue_key: str) -> tuple[str, str, str]:
    name = queue_key.rpartition(":")[2]
    return queue_key, f"yanpiao:fair:{name}:times", f"yanpiao:fair:{name}:flows"
