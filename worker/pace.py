"""How fast a portal is asked, over all workers: so many captchas a minute and a day.

The counts live in Redis, where one script reads and writes them at once. What a wiped server
has forgotten is counted anew from the checks in the database, so that it makes nobody faster.
"""

from __future__ import annotations

import datetime as dt
import secrets

import redis

from archive import checks
from archive.database import Database
from archive.records import now
from verifiers.outcome import CHINA

_MINUTE = dt.timedelta(minutes=1)
_DAY_KEPT = dt.timedelta(days=2)
_FORGOTTEN, _USED_UP = -2, -1

#: KEYS: log of the last minute, count of the day. ARGV: captchas a minute, a day, a name.
#: Answers milliseconds to wait (0: counted, go), -1 when the day is used up, -2 when the day's
#: count is not there. The server's clock decides, for workers' clocks differ.
_TAKE = """
local time = redis.call('TIME')
local ms = time[1] * 1000 + math.floor(time[2] / 1000)
local day = redis.call('GET', KEYS[2])
if not day then return -2 end
if tonumber(day) >= tonumber(ARGV[2]) then return -1 end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ms - 60000)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then
  local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  return math.max(1, oldest[2] + 60000 - ms)
end
redis.call('ZADD', KEYS[1], ms, ARGV[3])
redis.call('PEXPIRE', KEYS[1], 60000)
redis.call('INCR', KEYS[2])
return 0
"""


class Pace:
    """The pace towards one portal. Raises redis' connection errors: without the server nobody
    can type a captcha either."""

    def __init__(
        self,
        database: Database,
        client: redis.Redis,
        portal: str,
        *,
        per_minute: int,
        per_day: int,
    ) -> None:
        self._database = database
        self._redis = client
        self._portal = portal
        self._per_minute = per_minute
        self._per_day = per_day
        self._take = client.register_script(_TAKE)

    def turn(self) -> dt.timedelta | None:
        """Zero: one captcha may be asked for, and is counted. Else how long to wait; None when
        today's are used up."""
        minute, day = self._keys()
        arguments = (self._per_minute, self._per_day, secrets.token_hex(8))
        said = int(self._take(keys=(minute, day), args=arguments))
        if said == _FORGOTTEN:
            self._remember(minute, day)
            said = int(self._take(keys=(minute, day), args=arguments))
        # A worker's clock that went astray may have dated checks to come: no wait is longer.
        return None if said == _USED_UP else min(dt.timedelta(milliseconds=said), _MINUTE)

    def asked_today(self) -> int:
        """Captchas asked for today, as far as the server knows."""
        count = self._redis.get(self._keys()[1])
        return int(count) if count is not None else 0

    def _keys(self) -> tuple[str, str]:
        today = now().astimezone(CHINA).date()
        name = f"yanpiao:pace:{self._portal}"
        return f"{name}:minute", f"{name}:{today.isoformat()}"

    def _remember(self, minute: str, day: str) -> None:
        """Begin a day's count with what the database knows of it; the first to come does it."""
        moment = now()
        with self._database.read() as session:
            lately = checks.asked_since(session, self._portal, moment - _MINUTE)
            today = checks.asked_on(session, self._portal, moment.astimezone(CHINA).date())
        if self._redis.set(day, today, nx=True, ex=_DAY_KEPT) and lately:
            entries = {secrets.token_hex(8): at.timestamp() * 1000 for at in lately}
            self._redis.zadd(minute, entries)
            self._redis.pexpire(minute, _MINUTE)
