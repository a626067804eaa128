"""The reading process itself: `python -m worker.reader_child HANDLE PARENT`.

Takes `{"path": ...}` on the inherited socket and answers `{"invoice": ...}` or
`{"error": {"code", "params"}}`, until the socket closes. Dies with its parent, and is bound in
memory, so that a hostile file can hurt nobody else.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from extractors.errors import ReaderCrashed, YanpiaoError
from worker.log import configure, logger
from worker.settings import Settings

log = logger("reader_child")

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Ask Linux to end this process when its parent does, and end now if it already did."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(0)


def _bound_memory(size: int) -> None:
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def answer(reader: Any, path: Path) -> dict[str, Any]:
    """Read one file; every fault becomes an answer, because silence would count as a crash."""
    try:
        return {"invoices": [found.model_dump(mode="json") for found in reader.read(path)]}
    except YanpiaoError as error:
        return {"error": {"code": error.code, "params": error.params}}
    except MemoryError:
        return {"error": {"code": ReaderCrashed.code, "params": {"detail": "out of memory"}}}
    except Exception as error:
        log.exception("reading_failed", error=type(error).__name__)
        return {"error": {"code": ReaderCrashed.code, "params": {"detail": type(error).__name__}}}


def main() -> None:
    handle, parent = int(sys.argv[1]), int(sys.argv[2])
    die_with_parent(parent)
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches the whole group; the parent decides
    settings = Settings()
    configure(settings.log_level)
    _bound_memory(settings.reader_memory)

    from worker.readers import build_reader  # after the limits: this loads native libraries

    reader = build_reader(settings)
    channel: Connection[Any, Any] = Connection(handle)
    channel.send_bytes(b"ready")
    with contextlib.suppress(EOFError, OSError):
        while True:
            request = json.loads(channel.recv_bytes())
            channel.send_bytes(json.dumps(answer(reader, Path(request["path"]))).encode())


if __name__ == "__main__":
    main()
