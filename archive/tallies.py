"""Counts that only grow, and times by step: what monitoring is told of the past.

A row is added to by one process at a time (`worker.tallying`, in the clock), in the transaction
that moves its place in the audit trail, so nothing is counted twice or forgotten, whatever dies.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import BigInteger, Float, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from archive.records import Base, JsonText

#: Upper bounds in seconds of the steps that a time is counted in; above the last is one more.
STEPS = (
    *(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
    *(60.0, 120.0, 300.0, 600.0, 3600.0, 86400.0),
)

#: Which count: its name and its labels' values in order.
Key = tuple[str, ...]
_BETWEEN = "|"


class Tally(Base):
    """One count. `seconds` and `steps` only of times: `steps` counts by place in `STEPS`."""

    __tablename__ = "tallies"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    #: Codes and states, never ids or names, with `|` between.
    labels: Mapped[str] = mapped_column(String(128), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger, default=0)
    seconds: Mapped[float] = mapped_column(Float(53), default=0.0)
    steps: Mapped[dict[str, int]] = mapped_column(JsonText, default=dict)

    @property
    def values(self) -> list[str]:
        """The labels' values."""
        return self.labels.split(_BETWEEN)


def step_of(seconds: float) -> str:
    """The place in `STEPS` of a time, as a key."""
    return str(bisect_left(STEPS, seconds))


class Counting:
    """Counts of one transaction, gathered before they are written."""

    def __init__(self) -> None:
        self._counts: dict[Key, int] = defaultdict(int)
        self._times: dict[Key, list[float]] = defaultdict(list)

    def count(self, name: str, *labels: str) -> None:
        self._counts[name, *labels] += 1

    def time(self, seconds: float, name: str, *labels: str) -> None:
        self._times[name, *labels].append(seconds)

    def write(self, session: Session) -> None:
        """Add everything to what is kept."""
        for key, count in self._counts.items():
            _row(session, key).count += count
        for key, times in self._times.items():
            row = _row(session, key)
            steps = dict(row.steps)
            for seconds in times:
                step = step_of(seconds)
                steps[step] = steps.get(step, 0) + 1
            row.count += len(times)
            row.seconds += sum(times)
            row.steps = steps


def _row(session: Session, key: Key) -> Tally:
    name, *values = key
    labels = _BETWEEN.join(value.replace(_BETWEEN, "/") for value in values)[:128]
    row = session.get(Tally, (name, labels))
    if row is None:
        row = Tally(name=name, labels=labels, count=0, seconds=0.0, steps={})
        session.add(row)
        session.flush()
    return row


def set_gauges(session: Session, name: str, values: Mapping[str, int]) -> None:
    """Keep numbers that go up and down; what is no longer named is 0."""
    known = {row.labels for row in session.scalars(select(Tally).where(Tally.name == name))}
    for label in known | set(values):
        _row(session, (name, label)).count = values.get(label, 0)


def all_tallies(session: Session) -> dict[str, list[Tally]]:
    """Every count by name: a few dozen rows, however much was done."""
    found: dict[str, list[Tally]] = defaultdict(list)
    for row in session.scalars(select(Tally).order_by(Tally.name, Tally.labels)):
        found[row.name].append(row)
    return found
