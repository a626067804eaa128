"""Thousands of uploads at once, and how the system works its way through them."""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks.load import records
from benchmarks.load.files import Made
from benchmarks.load.house import Engine, House, house
from benchmarks.load.processes import Growth, Memory
from benchmarks.load.steady import TOGETHER, settle
from benchmarks.load.uploading import Uploads, upload

CLIENTS = 16
#: Until so many are done, parts load for the first time: that is no growth.
_WARM = 200


@dataclass(frozen=True, slots=True)
class Flood:
    """`archived` of `uploads.files` were drained in `seconds` from the first upload on; `rate` is
    that of the draining after the last upload, `left_seconds` what is left at that rate."""

    engine: str
    workers: int
    uploads: Uploads
    archived: int
    seconds: float
    rate: float
    left_seconds: float
    memory: dict[str, Growth]


def flood(made: Made, engine: Engine, workers: int, drain: int, most_seconds: float) -> Flood:
    """Hand everything in at once, each file in a request of its own with a voucher of its own;
    then look on until `drain` documents are sealed or the time is over."""
    with house(made.known, engine, "vendor", workers, CLIENTS) as here:
        settle(here, made.paths[:TOGETHER])
        began = time.monotonic()
        with Memory(here.services, lambda: records.archived(here.database)) as memory:
            uploads = upload(here.clients, made.paths[TOGETHER:])
            after, begun = records.archived(here.database), time.monotonic()
            _drain(here, min(drain, len(made.paths)), began + most_seconds)
            archived, ended = records.archived(here.database), time.monotonic()
        rate = (archived - after) / (ended - begun) if ended > begun else 0.0
        return Flood(
            engine=engine,
            workers=workers,
            uploads=uploads,
            archived=archived,
            seconds=ended - began,
            rate=rate,
            left_seconds=(len(made.paths) - archived) / rate if rate else 0.0,
            memory=memory.growth(min(_WARM, archived // 4)),
        )


def _drain(here: House, wanted: int, until: float) -> None:
    while time.monotonic() < until and records.archived(here.database) < wanted:
        time.sleep(0.5)
