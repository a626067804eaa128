"""An event loop in a thread of its own, so that blocking code may share one browser: Playwright
objects belong to the loop they were made in, and the pipeline's steps block."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class LoopThread:
    """Started by its first coroutine. `workers`: blocking calls that coroutines may have out at
    once (`asyncio.to_thread`)."""

    def __init__(self, name: str, workers: int) -> None:
        self._name = name
        self._workers = workers
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        #: What callers wait for. The loop's other tasks are Playwright's own and left alone.
        self._tasks: set[asyncio.Task[Any]] = set()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop and wait for its result. Raises what it raises;
        `concurrent.futures.CancelledError` when it was cancelled."""
        with self._lock:
            loop = self._running()
        return asyncio.run_coroutine_threadsafe(self._tracked(coroutine), loop).result()

    def cancel(self) -> None:
        """Cancel what runs; it still tidies up. May be called from a signal handler."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._cancel)

    def stop(self, last: Callable[[], Awaitable[None]]) -> None:
        """Cancel what runs, do a `last` thing, end the loop and its thread."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._wind_down(last), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    async def _tracked(self, coroutine: Coroutine[Any, Any, T]) -> T:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that runs has its task
        self._tasks.add(task)
        try:
            return await coroutine
        finally:
            self._tasks.discard(task)

    def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _wind_down(self, last: Callable[[], Awaitable[None]]) -> None:
        under_way = list(self._tasks)
        self._cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await last()
        await asyncio.get_running_loop().shutdown_default_executor()

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._loop.set_default_executor(
                concurrent.futures.ThreadPoolExecutor(self._workers, f"{self._name}-call")
            )
            self._thread = threading.Thread(
                target=self._loop.run_forever, name=self._name, daemon=True
            )
            self._thread.start()
        return self._loop
