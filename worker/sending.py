"""The lanes by which messages leave the house: one thread for webhooks and one for each channel of
notices, beside the clock. A receiver that answers slowly or not at all holds up its own lane, and
nothing else: not the clock's rounds, not another channel.

What is to be sent stands in the database and is claimed before each try (`worker.webhooks`,
`worker.outgoing`), so lanes of several clocks send nothing twice, and a killed one loses nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from extractors.errors import YanpiaoError
from worker import webhooks
from worker.log import logger
from worker.outgoing import CHANNELS, deliver, senders
from worker.services import Services

log = logger("sending")

#: A try that is under way at the end may take so long; after it the process ends all the same.
_LAST_SECONDS = 5


class Sending:
    """Runs the lanes from `start` to `stop`."""

    def __init__(self, services: Services) -> None:
        ways, url = senders(services.settings), services.settings.public_url
        self._pause = services.settings.clock_seconds
        self._over = threading.Event()
        rounds: dict[str, Callable[[], int]] = {"webhooks": partial(webhooks.deliver, services)}
        for channel in CHANNELS:
            rounds[channel] = partial(deliver, services.database, ways, url, (channel,))
        self._threads = [
            threading.Thread(target=self._run, args=(name, send), name=f"lane-{name}", daemon=True)
            for name, send in rounds.items()
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Begin no further try, and wait a little for those under way."""
        self._over.set()
        for thread in self._threads:
            thread.join(_LAST_SECONDS)

    def _run(self, name: str, send: Callable[[], int]) -> None:
        while not self._over.is_set():
            try:
                send()
            except (SQLAlchemyError, OSError, YanpiaoError) as error:
                log.warning("lane_faltered", lane=name, error=type(error).__name__)
            except Exception:
                log.exception("lane_faltered", lane=name)  # the lane must not end by one message
            self._over.wait(self._pause)
