"""What every benchmark prints first: the commit, and the machine that it ran on."""

from __future__ import annotations

import os
import platform
import subprocess


def machine() -> str:
    """One line: commit (with a mark when the tree has changes), processor, cores, Python."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return (
        f"commit {commit.stdout.strip() or 'unknown'}, {platform.machine()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}"
    )
