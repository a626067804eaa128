"""The reading process itself: `python -m worker.reader_child HANDLE PARENT`.

Takes `{"path": ...}` on the inherited socket and answers `{"invoices": ...}`; with
`{"look": {"page", "region", "places"}}` besides, `{"looks": ...}`; with `{"signatures": true}`,
`{"signatures": ...}`; with `{"pictures": INVOICE}`, `{"pictures": ...}`; or
`{"error": {"code", "params"}}` where it failed; until the socket closes. Dies
with its parent, and is bound in memory, so that a hostile file can hurt nobody else.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from functools import cache, partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from extractors.errors import ReaderCrashed, YanpiaoError
from extractors.model import Box, Invoice
from extractors.sniff import sniff
from verifiers.signatures import check_signatures
from verifiers.signatures.roots import load_roots
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
    return _answered(
        "invoices", lambda: [found.model_dump(mode="json") for found in reader.read(path)]
    )


def _answered(name: str, work: Callable[[], Any]) -> dict[str, Any]:
    try:
        return {name: work()}
    except YanpiaoError as error:
        return {"error": {"code": error.code, "params": error.params}}
    except MemoryError:
        return {"error": {"code": ReaderCrashed.code, "params": {"detail": "out of memory"}}}
    except Exception as error:
        log.exception("reading_failed", error=type(error).__name__)
        return {"error": {"code": ReaderCrashed.code, "params": {"detail": type(error).__name__}}}


def answer_looks(reader: Any, path: Path, look: dict[str, Any]) -> dict[str, Any]:
    """Look again at places of one page; every fault becomes an answer."""
    region = Box.model_validate(look["region"]) if look["region"] else None
    places = {name: Box.model_validate(box) for name, box in look["places"].items()}

    def seen() -> dict[str, Any]:
        found = reader.look_again(path, look["page"], region, places)
        return {name: [each.model_dump() for each in looks] for name, looks in found.items()}

    return _answered("looks", seen)


def answer_signatures(path: Path, roots: Sequence[bytes]) -> dict[str, Any]:
    """What the signatures of one file prove; every fault becomes an answer."""

    def found() -> list[Any]:
        content = path.read_bytes()
        findings = check_signatures(content, sniff(content), roots)
        return [finding.model_dump(mode="json") for finding in findings]

    return _answered("signatures", found)


def answer_pictures(reader: Any, path: Path, invoice: Any) -> dict[str, Any]:
    """The pages of one file, drawn anew; every fault becomes an answer."""
    read = Invoice.model_validate(invoice) if invoice else None
    return _answered(
        "pictures", lambda: [each.model_dump(mode="json") for each in reader.pictures(path, read)]
    )


def _response(
    reader: Any, request: dict[str, Any], roots: Callable[[], Sequence[bytes]]
) -> dict[str, Any]:
    path = Path(request["path"])
    if look := request.get("look"):
        return answer_looks(reader, path, look)
    if "pictures" in request:
        return answer_pictures(reader, path, request["pictures"])
    if request.get("signatures"):
        return answer_signatures(path, roots())
    return answer(reader, path)


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
    roots = cache(partial(load_roots, settings.signature_roots))
    channel: Connection[Any, Any] = Connection(handle)
    channel.send_bytes(b"ready")
    with contextlib.suppress(EOFError, OSError):
        while True:
            request = json.loads(channel.recv_bytes())
            said = _response(reader, request, roots)
            channel.send_bytes(json.dumps(said).encode())


if __name__ == "__main__":
    main()
