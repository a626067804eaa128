"""One run: the house opens, papers come in among faults, everything drains, the judge looks."""

from __future__ import annotations

import json
import os
import random
import secrets
import shutil
import statistics
import tempfile
import time
from collections import Counter as Tally
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from archive import accounts, tokens
from archive.actors import Role
from archive.database import Database
from archive.records import IN_MOTION, Document, State, Voucher
from archive.storage import Storage, open_storage
from archive.tokens import Scope
from archive.unclaimed import set_aside
from benchmarks.endurance import house as houses
from benchmarks.endurance.disk import small_disk
from benchmarks.endurance.faults import Injector, Met
from benchmarks.endurance.house import House, services, until
from benchmarks.endurance.invariants import Judge
from benchmarks.endurance.people import Counter, in_threads, sit_at_the_desk
from benchmarks.endurance.pile import Paper, Pile, made
from fixtures.account import make_account
from worker.services import Services

_DISK_MEBIBYTES = 600
_START_SECONDS = 300
#: Nothing changes for so long, and nothing is in hand: what is left waits for another day.
_STILL_SECONDS = 12
#: The same while something is in hand, which a day's jump would only disturb.
_HELD_SECONDS = 90
#: The clock clears away what killed processes left within this.
_TIDY_SECONDS = 120
#: What killed workers were about to begin is struck out by the living within this.
_STRUCK_OUT_SECONDS = 240
_LOGIN = "demo"
#: Short waits where the product's are for people; limits out of the way of a single machine.
_SETTINGS = {
    "YANPIAO_LEASE_SECONDS": "6",
    "YANPIAO_CLOCK_SECONDS": "1",
    "YANPIAO_OCR_WORKERS": "2",
    "YANPIAO_OCR_THREADS": "1",
    "YANPIAO_ARCHIVE_WORKERS": "2",
    "YANPIAO_VERIFY_TABS": "4",
    "YANPIAO_PORTAL_PER_MINUTE": "600",
    "YANPIAO_PORTAL_PER_DAY": "1000000",
    "YANPIAO_PORTAL_TIMEOUT": "8",
    "YANPIAO_CAPTCHA_SECONDS": "40",
    "YANPIAO_UPLOADS_PER_MINUTE": "100000",
    "YANPIAO_API_PER_MINUTE": "100000",
    "YANPIAO_LEAST_FREE_DISK": str(24 * 1024**2),
}


@dataclass(frozen=True)
class Plan:
    """What is to be done; `only`: kinds of fault, none for all."""

    documents: int
    faults: int
    seed: int
    storage: str = "s3"
    clients: int = 4
    only: tuple[str, ...] = ()
    drain_seconds: float = 600
    log: Path | None = None


@dataclass(frozen=True)
class Row:
    """A kind of fault: how often, and seconds until the house was well again."""

    count: int
    median: float
    longest: float
    late: int


@dataclass
class Outcome:
    """What came of a run. `checks`: what each found wrong."""

    disk: str = ""
    met: list[Met] = field(default_factory=list)
    checks: dict[str, list[str]] = field(default_factory=dict)
    documents: dict[str, int] = field(default_factory=dict)
    thanked: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    started: int = 0
    seconds: float = 0
    drained_in: float | None = None
    set_aside: list[str] = field(default_factory=list)
    days: int = 0

    @property
    def sound(self) -> bool:
        """Whether everything held."""
        return not any(self.checks.values())

    def faults(self) -> dict[str, Row]:
        """The table of faults."""
        rows = {}
        for kind in sorted({one.kind for one in self.met}):
            own = [one for one in self.met if one.kind == kind]
            seconds = [one.seconds for one in own if one.seconds is not None] or [0.0]
            late = sum(one.seconds is None for one in own)
            rows[kind] = Row(len(own), statistics.median(seconds), max(seconds), late)
        return rows

    def told(self) -> list[str]:
        """The rest in words."""
        drained = "NOT IN TIME" if self.drained_in is None else f"{self.drained_in:.0f} s"
        return [
            f"{self.thanked} uploads acknowledged; sent again after {self.refused}",
            f"{len(self.set_aside)} files without a record set aside",
            f"documents: {self.documents}",
            f"{self.started} processes started; full disk: {self.disk}",
            f"drained in {drained}, the clock set {self.days} days on for what waited",
            f"{self.seconds:.0f} s in all",
        ]


Say = Callable[[str], None]


def endured(plan: Plan, say: Say) -> Outcome:
    """Run it. Raises `RuntimeError` where the house does not even open."""
    began = time.monotonic()
    pile = made(
        plan.documents, plan.seed, spare=plan.faults if plan.only else plan.faults // 10 + 2
    )
    outcome = Outcome()
    mark = secrets.token_hex(8)
    with tempfile.TemporaryDirectory(prefix="yanpiao-run-") as name:
        folder = Path(name)
        known = folder / "known.json"
        known.write_text(json.dumps(pile.known, ensure_ascii=False), encoding="utf-8")
        with (
            small_disk(_DISK_MEBIBYTES) as disk,
            houses.running(disk, folder, known, mark, plan.storage, _SETTINGS) as house,
        ):
            outcome.disk = disk.said
            try:
                _through(plan, house, pile, outcome, say)
            finally:
                if plan.log and house.log.exists():
                    shutil.copy(house.log, plan.log)
    outcome.seconds = time.monotonic() - began
    return outcome


def _through(plan: Plan, house: House, pile: Pile, outcome: Outcome, say: Say) -> None:
    papers = pile.papers
    password = make_account(house.postgres.url, _LOGIN, *Role)
    database = Database(house.postgres.url)
    counter = Counter(house.web, _token(database), papers, plan.seed)
    injector = Injector(house, counter, database, random.Random(plan.seed), list(pile.spare))
    for name in services():
        house.start(name)
    if until(lambda: not house.lacks(), _START_SECONDS) is None:
        raise RuntimeError(f"the house does not open: {house.lacks()}")
    say(f"open; {len(papers)} papers, {plan.faults} faults")
    at_desk = partial(sit_at_the_desk, house.web, house.portal, _LOGIN, password)
    desks = [partial(at_desk, name, counter.over) for name in ("a", "b")]
    people = in_threads(
        [*(partial(counter.work, number) for number in range(plan.clients)), *desks], "people"
    )
    _storm(plan, injector, counter, len(papers), say)
    counter.allowed = len(papers)
    for thread in people[: plan.clients]:
        thread.join(plan.drain_seconds)
    outcome.drained_in = _drained(plan, house, injector, outcome, say)
    counter.over.set()
    outcome.met, outcome.refused = injector.met, dict(counter.refused)
    outcome.thanked, outcome.started = len(counter.thanks), house.started
    with database.read() as session:
        counted = session.execute(select(Document.state, func.count()).group_by(Document.state))
        outcome.documents = dict(counted.all())
    judged = _services(house)
    # What was kept when the database failed in the same moment, as the keeper's command does.
    outcome.set_aside = set_aside(judged.database, _storage(house).places, patience=0)
    judge = Judge(house, judged, counter.thanks, injector)
    until(lambda: not (judge.being_begun() or judge.begun()), _STRUCK_OUT_SECONDS, pause=1)
    outcome.checks = {
        "every fault was recovered from": [
            f"{one.kind}: lacked {one.lacked}" for one in injector.met if one.seconds is None
        ],
        "the pile drained in time": [] if outcome.drained_in is not None else ["it did not"],
        "every paper was acknowledged": _unthanked(papers, counter),
        **judge.records(),
        **judge.working(),
    }
    until(lambda: not house.dead_folders(), _TIDY_SECONDS)
    for name in services():
        house.stop(name)
    outcome.checks |= judge.stopped()
    judged.close()
    database.close()


def _unthanked(papers: Sequence[Paper], counter: Counter) -> list[str]:
    thanked = {one.paper.name for one in counter.thanks}
    return [paper.name for paper in papers if paper.name not in thanked]


def _services(house: House) -> Services:
    keys = {name: value for name, value in house.environment.items() if name.startswith("AWS_")}
    os.environ.update(keys)
    return Services.open(house.settings())


def _storage(house: House) -> Storage:
    settings = house.settings()
    return open_storage(settings.storage_url, settings.root, settings.keyring)


def _token(database: Database) -> str:
    """A token that hands in, of the account that does everything."""
    with database.write() as session:
        person = accounts.by_login(session, _LOGIN)
        assert person is not None
        actor = accounts.actor_of(person)
        return tokens.make(session, actor, "endurance", [Scope.UPLOAD, Scope.READ], None)


def _storm(plan: Plan, injector: Injector, counter: Counter, papers: int, say: Say) -> None:
    """The faults, one after another or up to three at once, while ever more papers are let in."""
    kinds = list(injector.plan(plan.faults))
    if plan.only:
        kinds = [plan.only[number % len(plan.only)] for number in range(plan.faults)]
    done = 0
    while done < len(kinds):
        counter.allowed = min(papers, papers * (done + 1) // len(kinds) + plan.clients)
        count = min(injector.draw.choice((1, 1, 2, 3)), len(kinds) - done)
        now = kinds[done : done + count]
        for thread in in_threads([partial(injector.meet, kind) for kind in now], "fault"):
            thread.join()
        done += count
        say(f"{done:4} {' + '.join(now)}: {_last(injector, count)}")
        time.sleep(injector.draw.uniform(0, 1.5))


def _last(injector: Injector, count: int) -> str:
    return ", ".join(
        f"{one.seconds:.1f} s" if one.seconds is not None else f"NOT WELL: {one.lacked}"
        for one in injector.met[-count:]
    )


def _drained(
    plan: Plan, house: House, injector: Injector, outcome: Outcome, say: Say
) -> float | None:
    """Wait until nothing moves any more. What waits for another day gets it."""
    began = changed = time.monotonic()
    before: object = None
    while time.monotonic() - began < plan.drain_seconds:
        injector.open_lane()
        try:
            stand = _stand(injector.database)
        except SQLAlchemyError:
            stand = None
        if stand is not None and not stand[1]:
            return time.monotonic() - began
        if stand != before:
            before, changed = stand, time.monotonic()
        elif time.monotonic() - changed > (_HELD_SECONDS if stand and stand[2] else _STILL_SECONDS):
            say(f"still: {stand}; on to the next day")
            house.jump(1)
            outcome.days += 1
            changed = time.monotonic()
        time.sleep(0.5)
    return None


def _stand(database: Database) -> tuple[Tally[str], int, int]:
    """Documents by state; how many of them and of vouchers are still on their way; how many are in
    hand."""
    with database.read() as session:
        states = Tally(session.scalars(select(Document.state)))
        documents = select(func.count(Document.id)).where(Document.lease.is_not(None))
        vouchers = select(func.count(Voucher.voucher_no)).where(Voucher.lease.is_not(None))
        held = (session.scalar(documents) or 0) + (session.scalar(vouchers) or 0)
        moving = sum(states[each] for each in (*IN_MOTION, State.WAITING, State.PASSED))
    return states, moving + held, held
