"""`redis+sentinel://[USER:PASSWORD@]HOST:PORT,HOST:PORT/SERVICE[/DATABASE]`: a client that asks the
sentinels who the master is, at each new connection, so that work goes on after a failover."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import unquote

import redis
from redis.sentinel import Sentinel

SCHEME = "redis+sentinel://"
_USUAL_PORT = 26379


class BadSentinelUrl(ValueError):
    """The address is none."""


@dataclass(frozen=True, slots=True)
class SentinelAddress:
    """Where the sentinels are, and what they call the servers. User and password are those of the
    servers and of the sentinels alike."""

    hosts: tuple[tuple[str, int], ...]
    service: str
    database: int = 0
    user: str = ""
    password: str = ""

    @classmethod
    def parse(cls, url: str) -> Self:
        """Raises `BadSentinelUrl`."""
        login, _, rest = url.removeprefix(SCHEME).rpartition("@")
        places, _, path = rest.partition("/")
        service, _, database = path.partition("/")
        user, _, password = login.partition(":")
        try:
            hosts = tuple(_host(place) for place in places.split(",") if place)
            number = int(database or 0)
        except ValueError as error:
            raise BadSentinelUrl(f"{SCHEME}HOST:PORT,HOST:PORT/SERVICE") from error
        if not hosts or not service:
            raise BadSentinelUrl(f"{SCHEME}HOST:PORT,HOST:PORT/SERVICE")
        return cls(hosts, service, number, unquote(user), unquote(password))


def _host(place: str) -> tuple[str, int]:
    host, colon, port = place.rpartition(":")
    return (host, int(port)) if colon else (place, _USUAL_PORT)


def connect(url: str, **options: Any) -> redis.Redis:
    """A client of whoever is master; nothing is sent until its first command."""
    address = SentinelAddress.parse(url)
    login: dict[str, Any] = {}
    if address.password:
        login = {"username": address.user or None, "password": address.password}
    sentinels: Any = Sentinel  # the library declares its types only in part
    sentinel = sentinels(list(address.hosts), sentinel_kwargs={**login, **options}, **options)
    client: redis.Redis = sentinel.master_for(
        address.service, redis_class=redis.Redis, db=address.database, **login
    )
    return client
