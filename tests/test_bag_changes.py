"""Bags: what was changed, added or taken away is found, and nothing half done is one."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from archive import bags


def _seal(root: Path, voucher: str = "JZ-1", version: int = 1) -> Path:
    item = bags.BagItem(
        document_id="d1",
        invoice_number="26312000000000000001",
        original=b"%PDF original",
        suffix="pdf",
        metadata={"verdict": "confirmed"},
        evidence={"1-result.png": b"picture"},
    )
    moment = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)
    sealed = bags.seal(root, voucher, version, [item], sealed_at=moment, previous_digest=None)
    return root / sealed.path


def test_a_bag_is_whole_and_in_order(tmp_path: Path) -> None:
    folder = _seal(tmp_path)
    names = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    assert "data/02-originals/001-26312000000000000001.pdf" in names
    assert "data/04-evidence/001-26312000000000000001/1-result.png" in names
    assert "data/metadata/001-26312000000000000001.json" in names
    report = bags.inspect(folder, bags.bag_digest(folder))
    assert report.sound
    assert report.files == 7
    assert [p.name for p in folder.parent.iterdir()] == ["v0001"]


def _flip(path: Path) -> None:
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "name",
    [
        "data/02-originals/001-26312000000000000001.pdf",
        "data/metadata/001-26312000000000000001.json",
        "data/voucher.json",
        "manifest-sha256.txt",
        "tagmanifest-sha256.txt",
        "manifest-sm3.txt",
        "tagmanifest-sm3.txt",
        "data/voucher.xml",
        "data/01-voucher/000-JZ-1.pdf",
        "bag-info.txt",
    ],
)
def test_one_changed_bit_is_found(tmp_path: Path, name: str) -> None:
    folder = _seal(tmp_path)
    digest = bags.bag_digest(folder)
    _flip(folder / name)
    assert not bags.inspect(folder, digest).sound


def test_added_and_missing_files_are_found(tmp_path: Path) -> None:
    folder = _seal(tmp_path)
    (folder / "data" / "extra.txt").write_text("x")
    assert not bags.inspect(folder).sound
    (folder / "data" / "extra.txt").unlink()
    assert bags.inspect(folder).sound
    (folder / "data" / "voucher.json").unlink()
    assert not bags.inspect(folder).sound


def test_a_bag_rewritten_as_a_whole_differs_from_the_record(tmp_path: Path) -> None:
    digest = bags.bag_digest(_seal(tmp_path / "a"))
    other = _seal(tmp_path / "b", voucher="JZ-2")
    assert bags.inspect(other).sound
    assert not bags.inspect(other, digest).sound


def test_a_folder_that_is_no_bag_is_said_so(tmp_path: Path) -> None:
    assert bags.inspect(tmp_path).faults
    assert bags.inspect(tmp_path / "nowhere").faults


def test_an_interrupted_seal_leaves_nothing_behind(tmp_path: Path) -> None:
    left_over = tmp_path / "JZ-1" / ".sealing-dead"
    left_over.mkdir(parents=True)
    (left_over / "half").write_text("x")
    assert bags.inspect(_seal(tmp_path)).sound
    assert not left_over.exists()


@pytest.mark.parametrize("number", ["", "..", "a/b", ".hidden", "a..b", "a" * 64, "a b", "-x"])
def test_a_voucher_number_cannot_lead_out_of_the_store(number: str) -> None:
    with pytest.raises(bags.BadVoucherNumber):
        bags.check_voucher_no(number)


@pytest.mark.parametrize("number", ["JZ-2026-0001", "记-2026.11-12", "1"])
def test_customary_voucher_numbers_are_taken(number: str) -> None:
    assert bags.check_voucher_no(number) == number
