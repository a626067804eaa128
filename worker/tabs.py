"""Several documents in one worker process: each is taken through its step in a thread of its
own, with its own lease, so that the browser's tabs are all in use."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextvars import copy_context

from worker.log import logger

log = logger("tabs")


class Tabs:
    """Takes keys and works on up to `count` of them at once."""

    def __init__(self, count: int, work: Callable[[str], object]) -> None:
        self._work = work
        self._free = threading.BoundedSemaphore(count)
        self._threads = ThreadPoolExecutor(count, "tab")

    def take(self, key: str) -> None:
        """Hand a key to a tab, and return once one has it; waits while all are in use.

        How the work ends stands in the database and nowhere else: a key whose work failed is
        brought back by the clock.
        """
        self._free.acquire()
        # The thread's log lines name the job too.
        self._threads.submit(copy_context().run, self._run, key)

    def close(self) -> None:
        """Wait for what is in hand."""
        self._threads.shutdown()

    def _run(self, key: str) -> None:
        try:
            self._work(key)
        except CancelledError:
            log.info("visit_given_up", id=key)
        except Exception as error:
            log.exception("step_failed", id=key, error=type(error).__name__)
        finally:
            self._free.release()
