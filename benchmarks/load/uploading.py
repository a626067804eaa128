"""People and programs that hand files in over HTTP, and how long each waits for its answer."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

_CREATED = 201
_REST_SECONDS = 0.1


@dataclass
class Uploads:
    """`waits`: seconds from asking to the acknowledgement, one a request. `refused`: answers that
    were no acknowledgement."""

    waits: list[float] = field(default_factory=list)
    files: int = 0
    refused: int = 0
    seconds: float = 0.0


def upload(
    clients: Sequence[httpx.Client],
    paths: Sequence[Path],
    *,
    together: int = 1,
    hold: Callable[[], bool] = lambda: False,
) -> Uploads:
    """Hand all files in, so many `together` in a request, by clients that work side by side. Each
    rests while `hold` says so: that is how a load is kept steady."""
    bundles: queue.SimpleQueue[Sequence[Path]] = queue.SimpleQueue()
    for start in range(0, len(paths), together):
        bundles.put(paths[start : start + together])
    done = Uploads()
    lock = threading.Lock()

    def work(client: httpx.Client) -> None:
        while True:
            while hold():
                time.sleep(_REST_SECONDS)
            try:
                bundle = bundles.get_nowait()
            except queue.Empty:
                return
            files = [("files", (path.name, path.read_bytes())) for path in bundle]
            began = time.perf_counter()
            reply = client.post("/api/upload", files=files)
            waited = time.perf_counter() - began
            with lock:
                done.waits.append(waited)
                done.files += len(bundle) if reply.status_code == _CREATED else 0
                done.refused += reply.status_code != _CREATED

    began = time.perf_counter()
    threads = [threading.Thread(target=work, args=(each,), daemon=True) for each in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done.seconds = time.perf_counter() - began
    return done
