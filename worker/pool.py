"""The pool of a stage's workers: one that dies is replaced, and all end when it is told to end,
also those that are only just starting."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rq.worker_pool import WorkerPool

from worker.living import ENDING


class StagePool(WorkerPool):
    """RQ's pool tells its workers to end by a signal, to which a worker answers once it has set
    itself up, seconds after its start. Until then a worker that was started in place of another
    would answer as the pool from which it was forked: by going on."""

    def start_worker(self, *args: Any, **kwargs: Any) -> None:
        """Start one, unless told to end meanwhile; a signal waits until it is known which."""
        with _signals_wait():
            if self.status != self.Status.STOPPED:
                super().start_worker(*args, **kwargs)

    def start_workers(self, *args: Any, **kwargs: Any) -> None:
        # Now, not afterwards: else what is told during the start would end the pool alone.
        self._install_signal_handlers()  # type: ignore[no-untyped-call]
        super().start_workers(*args, **kwargs)


@contextmanager
def _signals_wait() -> Iterator[None]:
    """Signals to end are kept until after. A process that is forked inside keeps them until
    `worker.living.end_when_told`."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
