"""The sample batch: whole, repeatable, and known to the stand-in portal as it should be."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from fixtures.sample import CASES, write_sample

TODAY = dt.date(2026, 11, 22)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, TODAY)
    return folder


@pytest.mark.slow
def test_the_sample_batch_is_the_same_on_every_run(sample: Path, tmp_path: Path) -> None:
    write_sample(tmp_path, TODAY)
    first = {path.name: path.read_bytes() for path in sample.iterdir()}
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first


@pytest.mark.slow
def test_the_sample_batch_is_whole(sample: Path) -> None:
    names = {path.name for path in sample.iterdir()}
    manifest = json.loads((sample / "manifest.json").read_text(encoding="utf-8"))
    known = json.loads((sample / "known.json").read_text(encoding="utf-8"))
    assert {row["file"] for row in manifest} == names - {"manifest.json", "known.json"}
    _known_agrees_with_manifest(manifest, known)


def _known_agrees_with_manifest(
    manifest: list[dict[str, dict[str, str]]], known: list[dict[str, str]]
) -> None:
    by_number = {row["invoice_number"]: row for row in known}
    assert len(by_number) == len(known) == sum(case.status is not None for case in CASES)
    reasons = [row["expected"]["reason"] for row in manifest]
    for reason in ("mismatch", "inconsistent", "voided", "red_offset", "not_found", "same_day"):
        assert reasons.count(reason) == 1
    status_of = {"voided": "void", "red_offset": "red"}
    for row in manifest:
        reason = row["expected"]["reason"]
        if not row["truth"] or reason in ("not_found", "not_covered"):
            assert not row["truth"] or row["truth"]["invoice_number"] not in by_number
            continue
        held = by_number[row["truth"]["invoice_number"]]
        agrees = held["total_with_tax"] == row["truth"]["total_with_tax"]
        assert agrees == (reason not in ("mismatch", "inconsistent"))
        assert held["status"] == status_of.get(reason, "normal")
