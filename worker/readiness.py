"""Whether this installation can do its work right now: database, queue server, store, disk."""

from __future__ import annotations

import shutil

import redis
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from extractors.errors import YanpiaoError
from worker.broker import answers
from worker.services import Services


def readiness(services: Services) -> dict[str, bool]:
    """Each part and whether it is ready; a part that cannot be asked is not."""
    return {
        "database": _database(services),
        "queue_server": _broker(services),
        "storage": _storage(services),
        "disk": _disk(services),
    }


def _database(services: Services) -> bool:
    try:
        with services.database.read() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True


def _broker(services: Services) -> bool:
    try:
        return answers(services.redis)
    except redis.RedisError:
        return False


def _storage(services: Services) -> bool:
    try:
        services.store.check()
    except (YanpiaoError, OSError):
        return False
    return True


def _disk(services: Services) -> bool:
    try:
        free = shutil.disk_usage(services.settings.root).free
    except OSError:
        return False
    return free >= services.settings.least_free_disk
