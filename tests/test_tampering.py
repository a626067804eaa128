"""A small run of the tamper benchmark: everything found, nothing blamed wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import tampering
from benchmarks.tampering_archive import build


@pytest.mark.slow
def test_what_is_changed_behind_the_archives_back_is_found(tmp_path: Path) -> None:
    archive = build(tmp_path, vouchers=2, each=1)
    assert archive.faults() == ()
    tallies, misses = tampering.run(archive, rounds=60, seed=20261126)
    assert misses == []
    assert all(tally.found == tally.rounds > 0 for tally in tallies.values())
    assert archive.faults() == ()
