"""How often somebody may ask: counted by the minute in the queue server, for a person or token
owner, or for an address where nobody is signed in.

Where the queue server is away nothing is counted: taking invoices in must not depend on it.
"""

from __future__ import annotations

import time

import redis
from fastapi import Request

from extractors.errors import YanpiaoError
from web.asking import services_of
from web.who import actor_or_none
from worker.log import logger

log = logger("limits")

_WINDOW_SECONDS = 60


class TooManyRequests(YanpiaoError):
    """`seconds`: after how many it may be tried again."""

    code = "too_many_requests"


class Limited:
    """A dependency: at most as many requests a minute as the setting of this name says."""

    def __init__(self, setting: str) -> None:
        self._setting = setting

    def __call__(self, request: Request) -> None:
        services = services_of(request)
        most: int = getattr(services.settings, self._setting)
        actor = actor_or_none(request)
        who = actor.id if actor else f"at {request.client.host if request.client else ''}"
        window, passed = divmod(int(time.time()), _WINDOW_SECONDS)
        key = f"yanpiao:asked:{self._setting}:{who}:{window}"
        try:
            with services.redis.pipeline() as pipe:
                pipe.incr(key)
                pipe.expire(key, 2 * _WINDOW_SECONDS)
                count = int(pipe.execute()[0])
        except redis.RedisError as error:
            log.warning("not_counted", error=type(error).__name__)
            return
        if count > most:
            raise TooManyRequests(seconds=_WINDOW_SECONDS - passed)


#: For whatever takes files in.
uploads_limited = Limited("uploads_per_minute")
#: For the programming interface.
api_limited = Limited("api_per_minute")
