"""What every benchmark prints first: the commit, and the machine that it ran on; and what
processes have used of it."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
from collections.abc import Iterable

import psutil


def machine() -> str:
    """One line: commit (with a mark when the tree has changes), processor, cores, Python."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return (
        f"commit {commit.stdout.strip() or 'unknown'}, {platform.machine()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}"
    )


def processor_of(processes: Iterable[psutil.Process]) -> float:
    """Seconds of processor that those of them which are there have used."""
    total = 0.0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total
