"""How a worker process lives and ends: never longer than its pool, and with a folder for temporary
files of its own, which whoever comes later clears away if it was killed."""

from __future__ import annotations

import ctypes
import os
import signal
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from archive.scratch import clear_dead, held_folder

#: The signals that tell a process to end.
ENDING = (signal.SIGINT, signal.SIGTERM)
_PR_SET_PDEATHSIG = 1
#: A socket's path has 107 characters; names below the folder take up to 80.
_DEEPEST = 27
#: Where this process has found its folder, beside those of others.
_places: set[Path] = set()


def die_with_parent(parent: int) -> None:
    """Ask Linux to end this process when its parent does, and end now if it already did."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(0)


def end_when_told() -> None:
    """Until something better answers them (a server, a worker's loop), signals to end end this
    process with all that a `with` cleans up, not on the spot."""
    for number in ENDING:
        signal.signal(number, _end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)


def _end(*_: object) -> NoReturn:
    for number in ENDING:  # told twice, the cleaning up would be broken off
        signal.signal(number, signal.SIG_IGN)
    sys.exit(0)


@contextmanager
def own_temporary_folder() -> Iterator[Path]:
    """Temporary files of this process and of those it starts (a browser's profile, traces, copies
    from a bucket) lie in a folder of its own for the length of a `with`."""
    before, known = tempfile.tempdir, os.environ.get("TMPDIR")
    place = _place()
    with held_folder(place) as folder:
        _places.add(place)
        tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
        try:
            yield folder
        finally:
            tempfile.tempdir = before
            if known is None:
                del os.environ["TMPDIR"]
            else:
                os.environ["TMPDIR"] = known


def clear_left_overs() -> None:
    """Throw away the folders of processes that were killed."""
    for place in _places:
        clear_dead(place)


def _place() -> Path:
    """Where the folders lie: this user's alone, and short, because a browser has its socket some
    way below. Where the system's folder for temporary files is too deep for that, `/tmp`."""
    usual = Path(tempfile.gettempdir())
    base = usual if len(str(usual)) <= _DEEPEST or not os.access("/tmp", os.W_OK) else Path("/tmp")  # noqa: S108
    place = base / f"yanpiao-{os.getuid()}"
    place.mkdir(mode=0o700, exist_ok=True)
    seen = place.lstat()
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.getuid():
        return Path(tempfile.mkdtemp(prefix="yanpiao-"))  # somebody else took the name
    return place
