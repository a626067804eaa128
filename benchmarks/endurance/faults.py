"""What goes wrong. Each fault is done to a house that works; how long the house then needs to be
well again is measured (`Injector.meet`)."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import httpx
import psutil
import redis

from archive.database import Database
from benchmarks.endurance.house import House, until
from benchmarks.endurance.people import Counter, in_threads
from benchmarks.endurance.pile import Paper, again
from fixtures.services import ROOT
from worker.lanes import Lanes

_WELL_SECONDS = 120
#: No fault of the portal that needs a person: that is a fault of its own.
_WEATHER = ["slow", "500", "reset", "popup", "swap", "wrong", "expired", "timeout"]


@dataclass
class Met:
    """One fault: its kind, when it began (seconds into the run), and how long until the house was
    well again; None: it was not in time, and what it lacked."""

    kind: str
    at: float
    seconds: float | None
    lacked: str = ""


@dataclass
class Injector:
    """Does the faults to a house."""

    house: House
    counter: Counter
    database: Database
    draw: random.Random
    #: Papers that nobody has handed in.
    spare: list[Paper]
    met: list[Met] = field(default_factory=list)
    #: Documents that ten clients handed in at once, as each was told.
    at_once: list[list[str]] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)
    _killed: set[int] = field(default_factory=set)
    _alone: threading.Lock = field(default_factory=threading.Lock)

    def kinds(self) -> dict[str, Callable[[], None]]:
        """Every fault that this house can meet."""
        return {
            "kill web": lambda: self._kill("web"),
            "kill clock": lambda: self._kill("clock"),
            "kill ocr pool": lambda: self._kill("ocr"),
            "kill ocr worker": lambda: self._kill("ocr", "worker.cli"),
            "kill read child": lambda: self._kill("ocr", "reader_child"),
            "kill verify pool": lambda: self._kill("verify"),
            "kill verify worker": lambda: self._kill("verify", "worker.cli"),
            "kill browser": lambda: self._kill("verify", "chrom"),
            "kill browser tab": lambda: self._kill("verify", "--type=renderer"),
            "kill browser driver": lambda: self._kill("verify", "playwright/driver"),
            "kill archive pool": lambda: self._kill("archive"),
            "kill archive worker": lambda: self._kill("archive", "worker.cli"),
            "kill everything": self._power_cut,
            "queue restarted": lambda: self._queue(15),
            "queue killed": lambda: self._queue(9),
            "queue wiped": self._wipe,
            "database restarted": lambda: self._database("fast"),
            "database crashed": lambda: self._database("immediate"),
            "disk full": self._fill,
            "portal away": self._cut_portal,
            "portal in bad weather": self._weather,
            "portal blocks": self._block,
            "clock a day on": lambda: self.house.jump(1),
            "clock a day back": lambda: self.house.jump(-1),
            "memory exhausted": self._starve,
            "ten at once": self._ten,
            **self._of_bucket(),
        }

    def _of_bucket(self) -> dict[str, Callable[[], None]]:
        if self.house.bucket is None:
            return {}
        return {"S3 answers 500": self._break_bucket, "S3 is slow": self._slow_bucket}

    def plan(self, count: int) -> Iterator[str]:
        """So many kinds in random order, each about as often as any other. The clock goes back only
        after it went on."""
        ways = list(self.kinds())
        deck: list[str] = []
        for _ in range(count):
            if not deck:
                deck = self.draw.sample(ways, len(ways))
                on, back = deck.index("clock a day on"), deck.index("clock a day back")
                if back < on:
                    deck[on], deck[back] = deck[back], deck[on]
            yield deck.pop(0)

    def meet(self, kind: str) -> None:
        """Do it, and wait until the house is well again."""
        began = time.monotonic()
        self.kinds()[kind]()
        lacks: list[str] = ["unknown"]
        while lacks and time.monotonic() - began < _WELL_SECONDS:
            lacks = self.house.lacks(self._killed)
            if lacks:
                time.sleep(0.2)
        seconds = None if lacks else time.monotonic() - began
        self.met.append(Met(kind, began - self._began, seconds, ", ".join(lacks)))

    # -- processes -----------------------------------------------------------------------

    def _kill(self, name: str, below: str = "") -> None:
        """A service's own process, or one of those below it whose command holds a word."""
        tree = self.house.tree(name)
        chosen = tree[:1] if not below else [each for each in tree[1:] if _is(each, below)]
        if not chosen:
            return
        # The worker hangs directly below its pool, the browser above its tabs.
        victim = self.draw.choice(chosen) if below in ("reader_child", "--type=renderer") else None
        self._end(victim or chosen[0])

    def _end(self, process: psutil.Process) -> None:
        with contextlib.suppress(psutil.Error):
            below = process.children(recursive=True)
            self._killed |= {process.pid, *(each.pid for each in below)}
            process.kill()

    def _power_cut(self) -> None:
        """Everything at once: processes, queue server, database."""
        with self._alone:
            self.house.stopped.add("postgres")
            for process in self.house.belonging():
                if not _is(process, "fixtures.portal"):
                    self._end(process)
            with contextlib.suppress(subprocess.CalledProcessError):
                self.house.postgres.stop("immediate")
            self.house.stopped.discard("postgres")

    # -- engines -------------------------------------------------------------------------

    def _queue(self, number: int) -> None:
        with self._alone:
            self.house.stop("queue", number)
            time.sleep(self.draw.uniform(0.5, 4))
            self.house.start("queue")

    def _wipe(self) -> None:
        with contextlib.suppress(redis.RedisError):
            self.house.client().flushall()

    def _database(self, mode: str) -> None:
        with self._alone:
            self.house.stopped.add("postgres")
            with contextlib.suppress(subprocess.CalledProcessError):
                self.house.postgres.stop("fast" if mode == "fast" else "immediate")
            time.sleep(self.draw.uniform(0.2, 3))
            self.house.stopped.discard("postgres")

    def _fill(self) -> None:
        names = [name for name in self.house.processes if name != "portal"]
        processes = [each for name in names for each in self.house.tree(name)]
        with self.house.disk.full(processes):
            time.sleep(self.draw.uniform(1, 5))

    def _break_bucket(self) -> None:
        bucket = self.house.bucket
        assert bucket is not None
        bucket.broken = 1_000_000
        time.sleep(self.draw.uniform(1, 6))
        bucket.broken = 0

    def _slow_bucket(self) -> None:
        bucket = self.house.bucket
        assert bucket is not None
        bucket.delay = self.draw.choice((0.5, 3.0))  # beyond the patience of two seconds, or not
        time.sleep(self.draw.uniform(2, 6))
        bucket.delay = 0

    # -- the portal ----------------------------------------------------------------------

    def _cut_portal(self) -> None:
        with self._alone:
            self.house.stop("portal", 9)
            time.sleep(self.draw.uniform(1, 5))
            self.house.start("portal")

    def _weather(self) -> None:
        seed = self.draw.randrange(10_000)
        bad = {"rate": 0.3, "faults": _WEATHER, "slow_seconds": 2, "seed": seed}
        self._tell_portal("POST", "weather", bad)
        time.sleep(self.draw.uniform(3, 8))
        self._tell_portal("POST", "weather", {})

    def _block(self) -> None:
        """The portal blocks; the lane stops; a person looks and opens it again."""
        self._tell_portal("POST", "faults", {"next": ["020"]})
        time.sleep(self.draw.uniform(2, 6))
        self._tell_portal("DELETE", "faults")
        self.open_lane()

    def _tell_portal(self, method: str, what: str, told: object = None) -> None:
        """Until it has heard it, which takes a while where another fault has stopped it: weather
        that nobody turned back would last for ever."""
        heard = until(partial(self._portal_heard, method, what, told), _WELL_SECONDS)
        if heard is None:
            raise RuntimeError(f"the portal hears nothing of {what}")

    def _portal_heard(self, method: str, what: str, told: object) -> bool:
        address = f"{self.house.portal}fixture/{what}"
        try:
            return httpx.request(method, address, json=told, timeout=5).is_success
        except httpx.HTTPError:
            return False

    def open_lane(self) -> None:
        """Only if it is stopped: `yanpiao portal resume`."""
        with contextlib.suppress(Exception):
            if Lanes(self.database, self.house.portal).stopped() is not None:
                yanpiao(self.house, "portal", "resume")

    # -- memory, clients -----------------------------------------------------------------

    def _starve(self) -> None:
        """The reading processes may have no byte more than they have."""
        for process in self.house.tree("ocr"):
            with contextlib.suppress(psutil.Error, OSError):
                if _is(process, "reader_child"):
                    present = process.memory_info().vms
                    process.rlimit(psutil.RLIMIT_AS, (present, present))

    def _ten(self) -> None:
        """One new paper from ten clients in the same moment."""
        paper = self.spare.pop()
        barrier = threading.Barrier(10)

        def hand_in(one: Paper) -> None:
            with self.counter.client() as client:
                barrier.wait(30)
                self.counter.hand_in(client, one, keyed=False)

        works = [partial(hand_in, again(paper, number)) for number in range(10)]
        for thread in in_threads(works, "ten"):
            thread.join(120)
        thanks = self.counter.thanks
        self.at_once.append([one.document for one in thanks if one.paper.sha256 == paper.sha256])


def _is(process: psutil.Process, word: str) -> bool:
    try:
        line = process.cmdline()
    except psutil.Error:
        return False
    if word == "chrom":
        # The browser itself: neither one of its helpers nor the driver that carries its name.
        return bool(line) and "chrom" in line[0] and not any(a.startswith("--type=") for a in line)
    return any(word in part for part in line)


def yanpiao(house: House, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A `yanpiao` command in this house, at its time of day."""
    shifted = [sys.executable, "-m", "benchmarks.endurance.shifted", str(house.clock_file)]
    return subprocess.run(
        [*shifted, "worker.cli", *arguments],
        env=house.environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
