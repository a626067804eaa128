"""SHA-256 and SM3 of the same bytes in one pass.

SM3 (GB/T 32905) is the national digest, SHA-256 the common one; a bag carries both. Both let
other threads run, so a large file is digested by two of them at the pace of the slower.
"""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO, Protocol

from cryptography.hazmat.primitives import hashes

_CHUNK = 4 << 20


class Digester(Protocol):
    """What hashlib's objects and ours can do."""

    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


class _OtherSm3:
    """SM3 from the library `cryptography`, where this Python's own OpenSSL was built without."""

    def __init__(self) -> None:
        self._hash = hashes.Hash(hashes.SM3())

    def update(self, data: bytes, /) -> None:
        self._hash.update(data)

    def hexdigest(self) -> str:
        return self._hash.finalize().hex()


def new_sm3() -> Digester:
    """An SM3 digest to be fed."""
    if "sm3" in hashlib.algorithms_available:
        return hashlib.new("sm3")
    return _OtherSm3()


@dataclass(frozen=True, slots=True)
class Digests:
    """Both digests in hex, and the size in bytes."""

    sha256: str
    sm3: str
    size: int


def digests_of(content: bytes) -> Digests:
    """Of bytes in memory."""
    sm3 = new_sm3()
    sm3.update(content)
    return Digests(hashlib.sha256(content).hexdigest(), sm3.hexdigest(), len(content))


def digests_of_file(path: Path) -> Digests:
    """Of a file, read once. Raises `OSError`."""
    with path.open("rb") as stream:
        if os.fstat(stream.fileno()).st_size < _CHUNK:
            return digests_of(stream.read())
        return _side_by_side(stream.read(_CHUNK), stream)


@cache
def _helper() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="sm3")


def _side_by_side(first: bytes, stream: BinaryIO) -> Digests:
    sha256, sm3, size = hashlib.sha256(), new_sm3(), 0
    waiting: Future[None] | None = None
    chunk = first
    while chunk:
        size += len(chunk)
        if waiting is not None:
            waiting.result()
        waiting = _helper().submit(sm3.update, chunk)
        sha256.update(chunk)
        chunk = stream.read(_CHUNK)
    if waiting is not None:
        waiting.result()
    return Digests(sha256.hexdigest(), sm3.hexdigest(), size)
