"""Landlock: a process of Linux gives up, for good, what it will not need of files and network.

Python has no call for it, so these are the kernel's three (`man 7 landlock`; the structures are
those of linux/landlock.h). A newer kernel knows more rights; each is given up where it is known.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_ASK_VERSION = 1
_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
#: Rights over files that each version of the interface knows: the lowest so many bits.
_KNOWN_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_TCP_FROM, _SCOPE_FROM = 4, 6
_BIND_AND_CONNECT = 0b11
_SOCKETS_AND_SIGNALS = 0b11


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def _called(number: int, *arguments: object) -> int:
    """A system call's answer. Raises `OSError` where it fails."""
    libc = ctypes.CDLL(None, use_errno=True)
    answer = int(libc.syscall(ctypes.c_long(number), *arguments))
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


def only_read(paths: Iterable[Path]) -> None:
    """From now on this thread, and what it starts, may read what lies at `paths` and touch no
    other file: nothing is written, made, removed or started, and no TCP connection opened.

    Call it before other threads begin. Raises `OSError` where the kernel has no Landlock.
    """
    version = _called(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_ASK_VERSION))
    rules = _Ruleset(
        files=(1 << _KNOWN_RIGHTS.get(version, 16)) - 1,
        network=_BIND_AND_CONNECT if version >= _TCP_FROM else 0,
        scoped=_SOCKETS_AND_SIGNALS if version >= _SCOPE_FROM else 0,
    )
    words = 1 + (version >= _TCP_FROM) + (version >= _SCOPE_FROM)
    ruleset = _called(
        _CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(8 * words), ctypes.c_uint32(0)
    )
    try:
        for path in paths:
            with suppress(FileNotFoundError):
                _allow(ruleset, path)
        if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "no_new_privs")
        _called(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path) -> None:
    rights = _READ_FILE | _READ_DIR if path.is_dir() else _READ_FILE
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = _Beneath(allowed=rights, parent=place)
        _called(
            _ADD_RULE,
            ctypes.c_int(ruleset),
            ctypes.c_int(_PATH_BENEATH),
            ctypes.byref(rule),
            ctypes.c_uint32(0),
        )
    finally:
        os.close(place)
