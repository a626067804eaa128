"""Runs a module with a wall clock of its own: `python -m benchmarks.endurance.shifted FILE MODULE
[ARGUMENT...]`.

FILE holds how many seconds the clock is ahead; when its content changes, the clock jumps, in this
process and in those that it forks. Only the wall clock: waits go on as ever, as on a machine whose
date somebody sets. What the process starts anew (reading process, browser) has the machine's clock.
"""

from __future__ import annotations

import contextlib
import os
import runpy
import sys
import threading
import time
from pathlib import Path

import time_machine
from time_machine import escape_hatch

_LOOK_SECONDS = 0.2


class ShiftedClock:
    """Keeps this process's clock as far ahead as the file says."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._ahead = 0.0
        self._travel: time_machine.travel | None = None

    def follow(self) -> None:
        """Jump now if need be, and whenever the file changes; also in forked processes."""
        self._jump()
        os.register_at_fork(after_in_child=self._watch)
        self._watch()

    def _watch(self) -> None:
        threading.Thread(target=self._run, name="shifted-clock", daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            with contextlib.suppress(Exception):  # a process whose clock stands still is none
                self._jump()

    def _jump(self) -> None:
        try:
            ahead = float(self._file.read_text() or 0)
        except (OSError, ValueError):
            return
        if ahead == self._ahead:
            return
        # A fork in the midst of a jump leaves a child that knows less than its clock shows, or
        # whose journey has ended: the machine's clock decides, and the next look mends the rest.
        present = _machine_time()
        if self._travel is not None:
            with contextlib.suppress(Exception):  # it may have ended in the process forked from
                self._travel.stop()
        self._travel = time_machine.travel(present + ahead, tick=True)
        self._travel.start()
        self._ahead = ahead


def _machine_time() -> float:
    if escape_hatch.is_travelling():
        return float(escape_hatch.time.time())
    return time.time()


def main() -> None:
    file, module, *arguments = sys.argv[1:]
    ShiftedClock(Path(file)).follow()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
