"""The forged set, small: no forgery passes, and honest documents need no hand."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path

import pytest

from benchmarks.verifying import InProcessReader, judged, planned, shares, table, wrongly_passed
from extractors.limits import Limits
from extractors.recognise import PaddleRecogniser
from fixtures.forging import FORGERIES
from fixtures.maker import draw_truth

DAY = dt.date(2026, 11, 22)


@pytest.mark.parametrize("name", list(FORGERIES))
def test_a_forger_changes_what_he_means_to_and_nothing_else(name: str) -> None:
    for sort in ("digital_normal", "vat_special"):
        truth = draw_truth(sort, 7, today=DAY)
        changes = FORGERIES[name](truth, random.Random(7))  # noqa: S311 - a forger of fixtures
        assert changes
        assert all(getattr(truth, field) != value for field, value in changes.items())
        assert "qr_text" not in changes


def test_every_forgery_and_every_medium_has_its_turn() -> None:
    cases = planned(400, 1, ("pdf", "ofd", "flat", "noisy", "photo"))
    forged = [case for case in cases if case.trick in FORGERIES]
    assert len(forged) == 100
    assert {case.trick for case in forged} == set(FORGERIES)
    assert {case.group for case in forged} == {"e-file", "scan"}
    for medium in ("pdf", "ofd", "flat", "noisy", "photo"):
        tricks = {case.trick for case in forged if case.medium == medium}
        assert len(tricks) >= 5


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("count", "seed", "media"), [(16, 31_000, ("pdf", "ofd")), (10, 32_000, ("flat",))]
)
def test_no_forgery_passes_and_the_honest_need_no_hand(
    tmp_path: Path, count: int, seed: int, media: tuple[str, ...]
) -> None:
    reader = InProcessReader(Limits(), PaddleRecogniser(threads=1))
    done = list(judged(planned(count, seed, media), reader, tmp_path))
    assert wrongly_passed(done) == []
    for share in shares(done).values():
        assert share >= 0.8  # of few documents; the benchmark holds the bar on many more
    assert any(line.startswith("honest") for line in table(done))
