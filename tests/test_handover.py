"""Bags packed for transfer, byte for byte the same, and a fiscal year handed over."""

from __future__ import annotations

import csv
import json
import os
import zipfile
from pathlib import Path

import openpyxl
import pytest
from typer.testing import CliRunner

from archive.drawing.pdfa import faults_of
from archive.four_properties import examine
from archive.handover import HandoverFolderInUse, NothingToHandOver
from archive.hashing import digests_of_file
from archive.transfer import BadTransferFile, pack, unpack
from archive.voucher_import import take_file
from tests.helpers import CONFIRMED, FixedReader, hand_in, invoice, visit, xml
from tests.test_bags import sealed
from tests.vouchering import csv_file, of_voucher
from worker.cli import app
from worker.pipeline import Pipeline
from worker.services import Services


def test_the_same_bag_makes_the_same_zip(tmp_path: Path) -> None:
    folder = sealed(tmp_path)
    pack(folder, tmp_path / "a.zip")
    for path in folder.rglob("*"):
        os.utime(path, (1, 1))
    pack(folder, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    pack(sealed(tmp_path / "again"), tmp_path / "c.zip")
    assert digests_of_file(tmp_path / "a.zip") == digests_of_file(tmp_path / "c.zip")
    unpacked = unpack(tmp_path / "a.zip", tmp_path / "there")
    assert unpacked.name == "JZ-1-v0001"
    before, after = examine(folder), examine(unpacked)
    assert (before.digest, after.sound) == (after.digest, before.sound)


@pytest.mark.parametrize("name", ["../x", "/x", "bag/../../x", "x", "bag\\x"])
def test_a_zip_cannot_write_elsewhere(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as package:
        package.writestr(name, "x")
    with pytest.raises(BadTransferFile):
        unpack(tmp_path / "a.zip", tmp_path / "there")
    (tmp_path / "b.zip").write_bytes(b"PK no zip")
    with pytest.raises(BadTransferFile):
        unpack(tmp_path / "b.zip", tmp_path / "there")
    assert not (tmp_path / "x").exists()


def test_a_failed_packing_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    folder = sealed(tmp_path)
    monkeypatch.setattr("archive.transfer.shutil.copyfileobj", fail)
    with pytest.raises(OSError, match="disk full"):
        pack(folder, tmp_path / "a.zip")
    assert [p.name for p in tmp_path.iterdir()] == ["JZ-1"]


def _archived(services: Services, voucher: str, number: str) -> None:
    receipt = hand_in(services, xml(number), voucher=voucher)
    Pipeline(services).read(receipt.document_id, FixedReader(invoice(number)))
    Pipeline(services).verify(receipt.document_id, visit(CONFIRMED))
    Pipeline(services).seal(voucher)


def _two_vouchers(services: Services) -> None:
    rows = [
        *of_voucher(凭证号="13", 验票凭证号="JZ-2", 摘要="=办公用品"),
        *of_voucher(凭证号="12", 验票凭证号="JZ-1"),
        *of_voucher(凭证号="1", 会计年度="2025", 凭证日期="2026-11-05", 验票凭证号="JZ-0"),
    ]
    take_file(services.database, csv_file(rows), "test")
    _archived(services, "JZ-2", "26312000000000000002")
    _archived(services, "JZ-1", "26312000000000000001")


def test_a_year_is_handed_over_with_its_list(services: Services, tmp_path: Path) -> None:
    _two_vouchers(services)
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["handover", "--year", "2026", "--out", str(out)])
    assert (done.exit_code, json.loads(done.output)["vouchers"]) == (0, 2)
    with (out / "移交清册-2026.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["档号"], row["四性检测"]) for row in rows] == [("JZ-1", "通过"), ("JZ-2", "通过")]
    assert rows[1]["题名"] == "'=办公用品"
    for row in rows:
        digests = digests_of_file(out / row["文件名"])
        assert (row["SHA-256"], row["SM3"]) == (digests.sha256, digests.sm3)
        assert examine(unpack(out / row["文件名"], tmp_path / row["档号"])).digest == row["包摘要"]
    sheet = openpyxl.load_workbook(out / "移交清册-2026.xlsx").active
    assert sheet is not None
    assert sheet.max_row == 3
    assert faults_of((out / "移交清册-2026.pdf").read_bytes()) == []
    with (out / "案卷目录-2026.csv").open(encoding="utf-8-sig", newline="") as stream:
        (month,) = csv.DictReader(stream)
    assert (month["会计期间"], month["凭证数"], month["金额合计"]) == ("2026-11", "2", "226.00")
    again = CliRunner().invoke(app, ["handover", "--year", "2026", "--out", str(out)])
    assert isinstance(again.exception, HandoverFolderInUse)
    empty = CliRunner().invoke(app, ["handover", "--year", "2020", "--out", str(tmp_path / "n")])
    assert isinstance(empty.exception, NothingToHandOver)


def test_a_damaged_bag_is_listed_and_not_packed(services: Services, tmp_path: Path) -> None:
    _two_vouchers(services)
    (target,) = (services.settings.bags / "JZ-1/v0001/data/02-originals").iterdir()
    target.chmod(0o600)
    target.write_bytes(b"<other/>")
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["handover", "--year", "2026", "--out", str(out)])
    assert (done.exit_code, json.loads(done.output)["failed"]) == (1, 1)
    assert [path.name for path in (out / "bags").iterdir()] == ["JZ-2-v0001.zip"]


def test_a_bag_is_packed_by_the_command_and_tested_from_its_zip(
    services: Services, tmp_path: Path
) -> None:
    _archived(services, "JZ-9", "26312000000000000009")
    target = tmp_path / "JZ-9.zip"
    done = CliRunner().invoke(app, ["bag", "JZ-9", "--zip", str(target)])
    assert json.loads(done.output)["zip"] == str(target)
    tested = CliRunner().invoke(app, ["inspect", str(target), "--json"])
    assert (tested.exit_code, json.loads(tested.output)["sound"]) == (0, True)
