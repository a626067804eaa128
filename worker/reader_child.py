"""The reading process itself: `python -m worker.reader_child HANDLE PARENT`.

Takes `{}` and an open file on the inherited socket and answers `{"invoices": ...}`; with
`{"look": {"page", "region", "places"}}` besides, `{"looks": ...}`; with `{"signatures": true}`,
`{"signatures": ...}`; with `{"pictures": INVOICE}`, `{"pictures": ...}`; or
`{"error": {"code", "params"}}` where it failed; until the socket closes. Dies
with its parent. It is handed each document as an open file, because it may open nothing itself
(`worker.confinement`): a hostile file can hurt nobody else.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import cache, partial
from multiprocessing import reduction
from multiprocessing.connection import Connection
from typing import Any

import structlog

from archive.drawing.pages import thumbnail
from extractors.errors import DocumentError, FileTooLarge, ReaderCrashed, YanpiaoError
from extractors.model import Box, Invoice
from extractors.models import model_folders
from extractors.sniff import sniff
from verifiers.policy import BadPolicy, Buyer, load_policy
from verifiers.signatures import check_signatures
from verifiers.signatures.roots import load_roots
from worker.confinement import Bounds, bound_processor, confine
from worker.living import die_with_parent
from worker.log import configure, logger
from worker.settings import Settings

log = logger("reader_child")


def _content(handle: int, most: int) -> bytes:
    """All bytes of an open file. Raises `FileTooLarge`, and `DocumentError` where it cannot be
    read."""
    with os.fdopen(handle, "rb") as file:
        size = os.fstat(handle).st_size
        if size > most:
            raise FileTooLarge(size=size, limit=most)
        try:
            return file.read(most)
        except OSError as error:
            raise DocumentError(detail=error.strerror or type(error).__name__) from error


def answer(reader: Any, content: bytes) -> dict[str, Any]:
    """Read one file; every fault becomes an answer, because silence would count as a crash."""
    return _answered(
        "invoices", lambda: [found.model_dump(mode="json") for found in reader.read_all(content)]
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


def answer_looks(reader: Any, content: bytes, look: dict[str, Any]) -> dict[str, Any]:
    """Look again at places of one page; every fault becomes an answer."""
    region = Box.model_validate(look["region"]) if look["region"] else None
    places = {name: Box.model_validate(box) for name, box in look["places"].items()}

    def seen() -> dict[str, Any]:
        found = reader.look_again(content, look["page"], region, places)
        return {name: [each.model_dump() for each in looks] for name, looks in found.items()}

    return _answered("looks", seen)


def answer_signatures(content: bytes, roots: Sequence[bytes]) -> dict[str, Any]:
    """What the signatures of one file prove; every fault becomes an answer."""

    def found() -> list[Any]:
        findings = check_signatures(content, sniff(content), roots)
        return [finding.model_dump(mode="json") for finding in findings]

    return _answered("signatures", found)


def answer_pictures(reader: Any, content: bytes, invoice: Any) -> dict[str, Any]:
    """The pages of one file, drawn anew; every fault becomes an answer."""
    read = Invoice.model_validate(invoice) if invoice else None
    return _answered(
        "pictures",
        lambda: [each.model_dump(mode="json") for each in reader.pictures(content, read)],
    )


def answer_thumbnail(content: bytes, page: int) -> dict[str, Any]:
    """A small picture of a page, in base64; every fault becomes an answer."""

    def drawn() -> str | None:
        small = thumbnail(content, sniff(content), page)
        return base64.b64encode(small).decode() if small is not None else None

    return _answered("thumbnail", drawn)


def _response(
    reader: Any, request: dict[str, Any], content: bytes, roots: Callable[[], Sequence[bytes]]
) -> dict[str, Any]:
    if look := request.get("look"):
        return answer_looks(reader, content, look)
    if "pictures" in request:
        return answer_pictures(reader, content, request["pictures"])
    if "thumbnail" in request:
        return answer_thumbnail(content, request["thumbnail"])
    if request.get("signatures"):
        return answer_signatures(content, roots())
    return answer(reader, content)


def _served(
    channel: Connection[Any, Any],
    reader: Any,
    roots: Callable[[], Sequence[bytes]],
    settings: Settings,
) -> None:
    """Take one request, and answer it. Raises `EOFError` and `OSError` when nobody asks."""
    request = json.loads(channel.recv_bytes())
    handle = reduction.recv_handle(channel)
    bound_processor(settings.reader_seconds)
    with structlog.contextvars.bound_contextvars(**request.pop("ids", {})):
        try:
            said = _response(reader, request, _content(handle, settings.max_file_size), roots)
        except YanpiaoError as error:
            said = {"error": {"code": error.code, "params": error.params}}
    channel.send_bytes(json.dumps(said).encode())


def _buyers(settings: Settings) -> tuple[Buyer, ...]:
    """Our own names; none where the policy has become unreadable since the worker began, which it
    says itself when it begins anew."""
    try:
        return load_policy(settings.policy).buyers
    except BadPolicy as error:
        log.warning("policy_unreadable", detail=str(error))
        return ()


def main() -> None:
    handle, parent = int(sys.argv[1]), int(sys.argv[2])
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches the whole group; the parent decides
    # What it needs is in its environment; the file of settings holds secrets that it does not.
    settings = Settings(_env_file=None)
    configure(settings.log_level, settings.log_format)
    folders = model_folders(settings.models)  # may write its cache, which is over afterwards
    buyers = _buyers(settings)  # the file of the policy is not readable afterwards
    given = (folders.orientation.parent, settings.models, settings.signature_roots)
    readable = tuple(path for path in given if path is not None)
    missing = confine(Bounds(memory=settings.reader_memory, readable=readable))
    die_with_parent(parent)  # after: a process that changes its rights is forgotten

    from worker.readers import build_reader  # afterwards: it loads native libraries and threads

    reader = build_reader(settings, folders, buyers)
    roots = cache(partial(load_roots, settings.signature_roots))
    channel: Connection[Any, Any] = Connection(handle)
    channel.send_bytes(json.dumps({"missing": missing}).encode())
    with contextlib.suppress(EOFError, OSError):
        while True:
            _served(channel, reader, roots, settings)


if __name__ == "__main__":
    main()
