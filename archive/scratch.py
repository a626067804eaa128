"""Places for what is half done, which outlive no process: a folder that its maker holds a lock on
while it lives. Whoever makes the next one throws away those whose makers are dead.

The lock is the kernel's (flock): it ends with the process, however that ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LOCK = ".held"
#: A maker has this long from making its place to locking it.
_YOUNG_SECONDS = 10


@contextmanager
def held_folder(parent: Path) -> Iterator[Path]:
    """A new folder in `parent` for the length of a `with`, or of this process."""
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    clear_dead(parent)
    while True:
        folder = parent / f"held-{os.getpid()}-{secrets.token_hex(2)}"
        folder.mkdir(mode=0o700)
        with _held(folder / _LOCK) as lasting:
            if not lasting:
                continue
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            return


@contextmanager
def _held(path: Path) -> Iterator[bool]:
    """A new file under lock; False where somebody threw it away before it was locked."""
    try:
        lock = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        yield False
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield path.exists()
    finally:
        os.close(lock)


def clear_dead(parent: Path) -> None:
    """Throw away the folders of processes that are no more."""
    for folder in parent.glob("held-*"):
        if _is_young(folder):
            continue
        try:
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            shutil.rmtree(folder, ignore_errors=True)  # its maker died before it was locked
            continue
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            pass  # somebody lives there
        finally:
            os.close(lock)


@contextmanager
def held_file(folder: Path) -> Iterator[Path]:
    """The name of a new, empty file in `folder`, to be filled and moved to where it belongs; what
    is still there at the end is thrown away. Raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        path = folder / f"{os.getpid()}-{secrets.token_hex(6)}"
        with _held(path) as lasting:
            if not lasting:
                continue
            try:
                yield path
            finally:
                path.unlink(missing_ok=True)
            return


def clear_dead_files(folder: Path) -> int:
    """Throw away files of processes that died while they filled them; returns how many."""
    count = 0
    for path in folder.glob("*"):
        with contextlib.suppress(OSError):
            if _is_young(path):
                continue
            lock = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
                count += 1
            finally:
                os.close(lock)
    return count


def _is_young(path: Path) -> bool:
    """Made within the last seconds, so perhaps not locked yet."""
    try:
        return time.time() - path.stat().st_mtime < _YOUNG_SECONDS
    except OSError:
        return True
