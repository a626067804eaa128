"""The four-property test checks signatures of originals again, in three values."""

from __future__ import annotations

from pathlib import Path

from archive.four_properties import Outcome, examine
from tests.helpers import invoice
from tests.test_bags import item
from tests.test_four_properties import META, ORIGINAL, _bag, _failed, _item, _outcomes, _put
from tests.test_signatures import _signed_pdf


def test_signatures_hold_only_for_the_same_file(tmp_path: Path) -> None:
    folder = _signed_bag(tmp_path, "signature_unverified", item("1").original)
    assert _outcomes(examine(folder))["signatures"] is Outcome.PASS
    _put(folder / ORIGINAL, b"<EInvoice>other</EInvoice>")
    assert {"signatures", "fixed_digests"} <= _failed(folder)


def _signed_bag(root: Path, code: str, original: bytes, suffix: str = "xml") -> Path:
    read = invoice().model_dump(mode="json")
    read["findings"] = [{"code": code, "severity": "info"}]
    made = _item(metadata={**META, "invoice": read}, original=original, suffix=suffix)
    return _bag(root, made)


def test_signatures_are_checked_again(tmp_path: Path) -> None:
    signed, _ = _signed_pdf()
    folder = _signed_bag(tmp_path / "a", "signature_valid", signed, "pdf")
    result = next(r for r in examine(folder).results if r.code == "signatures")
    assert (result.outcome, "signature_valid" in result.params["again"]) == (Outcome.PASS, True)
    at = signed.index(b"endstream") - 40
    spoiled = signed[:at] + bytes([signed[at] ^ 1]) + signed[at + 1 :]
    folder = _signed_bag(tmp_path / "b", "signature_valid", spoiled, "pdf")
    result = next(r for r in examine(folder).results if r.code == "signatures")
    assert result.outcome is Outcome.FAIL
    assert any("altered_after_signing" in each for each in result.details)
    # What was known to be wrong, and sealed by a person's decision, is no news.
    folder = _signed_bag(tmp_path / "c", "altered_after_signing", spoiled, "pdf")
    assert _outcomes(examine(folder))["signatures"] is Outcome.PASS
    # Metadata that claim a signature which is not there.
    folder = _signed_bag(tmp_path / "d", "signature_valid", item("1").original)
    assert _outcomes(examine(folder))["signatures"] is Outcome.FAIL
    before = examine(folder, recheck=False)
    assert _outcomes(before)["signatures"] is Outcome.PASS
