"""The four-property test: a sound bag passes; each item fails on what it is there to find; what
fails is not sealed."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from sqlalchemy import select, update
from typer.testing import CliRunner

from archive import gate, inspections
from archive.accounting import MayNotAccept, NothingToAccept, ReasonMissing
from archive.actors import SYSTEM
from archive.bags import BagItem
from archive.drawing.pdfa import faults_of
from archive.fixity import manifest_bytes
from archive.four_properties import ITEMS, Outcome, Report, examine
from archive.four_properties.report import as_html, as_pdf
from archive.hashing import digests_of_file
from archive.records import Alarm, AuditRow, BagRow, Voucher, now
from extractors.messages import say
from tests.helpers import CONFIRMED, FixedReader, hand_in, invoice, load, visit, whole_road, xml
from tests.test_bags import item, old_bag, sealed
from tests.vouchering import REVIEWER
from worker.cli import app
from worker.inspections import inspect_due
from worker.pipeline import Pipeline
from worker.services import Services

META = {
    "document_id": "d1", "file_name": "a.xml", "sha256": "0" * 64, "size": 3,
    "received_at": "2026-11-22T00:00:00+00:00", "verdict": "confirmed",
    "invoice": invoice().model_dump(mode="json"),
    "verifications": [{"verdict": "confirmed", "portal_time": "2026-11-22 10:00:00"}],
}  # fmt: skip


def _item(**changes: object) -> BagItem:
    made = item("26312000000000000001")
    given: dict[str, object] = {
        "document_id": made.document_id, "invoice_number": made.invoice_number,
        "original": made.original, "suffix": made.suffix, "metadata": META,
        "evidence": made.evidence, **changes,
    }  # fmt: skip
    return BagItem(**given)  # type: ignore[arg-type]


def _bag(root: Path, *items: BagItem, **options: object) -> Path:
    chosen = items or (_item(),)
    given: dict[str, Any] = {"facts": None, "decisions": (), **options}
    return sealed(root, *chosen, **given)


def _outcomes(report: Report) -> dict[str, Outcome]:
    return {result.code: result.outcome for result in report.results}


def _failed(folder: Path, digest: str | None = None) -> set[str]:
    return {result.code for result in examine(folder, digest).failed}


def test_a_sound_bag_passes_every_item_that_applies(tmp_path: Path) -> None:
    report = examine(_bag(tmp_path))
    assert report.failed == ()
    outcomes = _outcomes(report)
    assert len(outcomes) == len(ITEMS) == len(report.results)
    unasked = {code for code, outcome in outcomes.items() if outcome is Outcome.NOT_APPLICABLE}
    assert unasked <= {"as_recorded", "signatures", "attachments", "malware"}
    digest = report.digest
    assert _outcomes(examine(_bag(tmp_path / "b"), digest))["as_recorded"] is Outcome.PASS


def test_every_sentence_of_a_report_is_in_the_catalogues() -> None:
    for made in ITEMS:
        code = made.__name__
        for language in ("zh", "en"):
            assert say(f"four_{code}", language) != f"four_{code}"
            assert say(f"four_{code}", language, part="hint")


def test_an_old_bag_passes(tmp_path: Path) -> None:
    report = examine(old_bag(tmp_path))
    assert report.failed == ()
    assert _outcomes(report)["metadata_schema"] is Outcome.NOT_APPLICABLE


def _rewrite(folder: Path, path: str, content: bytes) -> None:
    """Change a file and every manifest that names it, as a patient forger would."""
    target = folder / path
    if target.exists():
        target.chmod(0o600)
    target.write_bytes(content)
    payload = {
        p.relative_to(folder).as_posix(): digests_of_file(p)
        for p in sorted((folder / "data").rglob("*")) if p.is_file()
    }  # fmt: skip
    for algorithm in ("sha256", "sm3"):
        _put(folder / f"manifest-{algorithm}.txt", manifest_bytes(payload, algorithm))
    size = sum(each.size for each in payload.values())
    info = (folder / "bag-info.txt").read_text().splitlines()
    lines = [
        f"Payload-Oxum: {size}.{len(payload)}" if line.startswith("Payload-Oxum") else line
        for line in info
    ]
    _put(folder / "bag-info.txt", ("\n".join(lines) + "\n").encode())
    tags = {
        p.name: digests_of_file(p)
        for p in folder.iterdir() if p.is_file() and not p.name.startswith("tagmanifest-")
    }  # fmt: skip
    for algorithm in ("sha256", "sm3"):
        _put(folder / f"tagmanifest-{algorithm}.txt", manifest_bytes(tags, algorithm))


def _put(path: Path, content: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(content)


def _edit(folder: Path, path: str, change: Callable[[dict[str, object]], None]) -> None:
    said = json.loads((folder / path).read_text())
    change(said)
    _rewrite(folder, path, json.dumps(said).encode())


VOUCHER, ORIGINAL = "data/voucher.json", "data/02-originals/001-26312000000000000001.xml"
METADATA = "data/metadata/001-26312000000000000001.json"
EVIDENCE = "data/04-evidence/001-26312000000000000001/1-result.png"


def test_a_forger_who_mends_every_manifest_is_found_by_the_record(tmp_path: Path) -> None:
    folder = _bag(tmp_path)
    digest = examine(folder).digest
    _rewrite(folder, EVIDENCE, b"another picture")
    assert "fixed_digests" not in _failed(folder)
    assert _failed(folder) == {"metadata_agrees"}  # voucher.xml knows better
    assert "as_recorded" in _failed(folder, digest)


def _first(said: dict[str, object]) -> dict[str, object]:
    invoices = said["invoices"]
    assert isinstance(invoices, list)
    found: dict[str, object] = invoices[0]
    return found


@pytest.mark.parametrize(
    ("item_code", "path", "change"),
    [
        ("identity", VOUCHER, lambda said: said.update(version=3, previous_bag_digest="a" * 64)),
        ("versions", VOUCHER, lambda said: said.update(previous_bag_digest="a" * 64)),
        ("continuity", VOUCHER, lambda said: _first(said).update(order=2)),
        ("bodies", VOUCHER, lambda said: _first(said).update(evidence=["04-evidence/none.png"])),
        ("check_results", VOUCHER, lambda said: _first(said).update(evidence=[])),
        ("check_results", METADATA, lambda said: said.update(verifications=[])),
        ("needed_metadata", METADATA, lambda said: said.update(verdict=None)),
        ("metadata_agrees", VOUCHER, lambda said: _first(said).update(sha256="0" * 64)),
    ],
)
def test_what_is_said_wrongly_is_found(
    tmp_path: Path, item_code: str, path: str, change: Callable[[dict[str, object]], None]
) -> None:
    folder = _bag(tmp_path)
    _edit(folder, path, change)
    assert item_code in _failed(folder)


def _locked() -> bytes:
    out = io.BytesIO()
    pdf = pikepdf.new()
    pdf.add_blank_page()
    pdf.save(out, encryption=pikepdf.Encryption(owner="x", user="y"))
    return out.getvalue()


def _scripted() -> bytes:
    out = io.BytesIO()
    pdf = pikepdf.new()
    pdf.add_blank_page()
    pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")
    pdf.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("item_code", "content", "suffix"),
    [
        ("opens", b"%PDF-1.7 broken", "pdf"),
        ("opens", _locked(), "pdf"),
        ("opens", b"<EInvoice>", "xml"),
        ("opens", b"\x89PNG\r\n\x1a\n broken", "png"),
        ("formats", b"MZ\x90\x00 a program", "pdf"),
        ("formats", b"GIF89a" + b"\x01\x00\x01\x00\x00\x00\x00;", "gif"),
        ("formats", b"<EInvoice/>", "pdf"),
        ("no_programs", b"MZ\x90\x00 a program", "xml"),
        ("no_programs", b"#!/bin/sh\n", "xml"),
        ("no_active_content", _scripted(), "pdf"),
    ],
    ids=[
        *("broken PDF", "locked PDF", "broken XML", "broken PNG", "program", "other picture"),
        *("XML called PDF", "program called XML", "script", "PDF with a script"),
    ],
)
def test_originals_that_cannot_last_are_found(
    tmp_path: Path, item_code: str, content: bytes, suffix: str
) -> None:
    assert item_code in _failed(_bag(tmp_path, _item(original=content, suffix=suffix)))


def test_metadata_and_copies_that_are_broken_are_found(tmp_path: Path) -> None:
    folder = _bag(tmp_path)
    _rewrite(folder, "data/voucher.xml", b"<VoucherBag/>")
    assert {"metadata_schema"} <= _failed(folder)
    _rewrite(folder, "data/voucher.xml", b"<VoucherBag")
    assert {"metadata_schema", "metadata_readable"} <= _failed(folder)
    folder = _bag(tmp_path / "b")
    _rewrite(folder, "data/01-voucher/000-JZ-1.pdf", _scripted())
    assert {"archival_copies", "no_active_content"} <= _failed(folder)
    folder = _bag(tmp_path / "c")
    _rewrite(folder, VOUCHER, b"[]")
    assert {"metadata_readable", "bodies", "identity", "continuity"} <= _failed(folder)


def test_counts_and_attachments(tmp_path: Path) -> None:
    folder = sealed(tmp_path, _item(), decisions=())  # its facts name two attachments
    assert _failed(folder) == {"attachments"}
    assert _failed(sealed(tmp_path / "b", _item())) == set()  # somebody accepted that
    (folder / "data/extra.txt").write_bytes(b"x")
    assert {"totals", "fixed_digests"} <= _failed(folder)


def test_a_version_that_does_not_name_the_one_beside_it_is_found(tmp_path: Path) -> None:
    first = _bag(tmp_path)
    digest = examine(first).digest
    assert _failed(_bag(tmp_path, version=2, previous_digest=digest)) == set()
    assert _failed(_bag(tmp_path, version=2, previous_digest="a" * 64)) == {"versions"}


def test_open_files_links_and_hidden_names_are_found(tmp_path: Path) -> None:
    folder = _bag(tmp_path)
    (folder / ORIGINAL).chmod(0o666)
    assert _failed(folder) == {"tamper_protection"}
    (folder / ORIGINAL).chmod(0o440)
    (folder / "data/.hidden").write_bytes(b"x")
    assert "plain_names" in _failed(folder)
    (folder / "data/.hidden").unlink()
    (folder / "data/link").symlink_to(folder / ORIGINAL)
    assert {"plain_names", "fixed_digests"} <= _failed(folder)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(0, Outcome.PASS), (1, Outcome.FAIL), (2, Outcome.NOT_APPLICABLE)],
)
def test_a_scanner_on_the_machine_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, outcome: Outcome
) -> None:
    scanner = tmp_path / "bin" / "clamdscan"
    scanner.parent.mkdir()
    scanner.write_text(f'#!/bin/sh\n[ {status} = 1 ] && echo "$4: Eicar FOUND"\nexit {status}\n')
    scanner.chmod(0o755)
    monkeypatch.setenv("PATH", f"{scanner.parent}{os.pathsep}{os.environ['PATH']}")
    assert _outcomes(examine(_bag(tmp_path)))["malware"] is outcome


def test_no_folder_is_no_bag(tmp_path: Path) -> None:
    assert not examine(tmp_path / "nowhere").sound
    assert not examine(tmp_path).sound


# -- reports -------------------------------------------------------------------------------


def test_reports_say_every_item(tmp_path: Path) -> None:
    folder = _bag(tmp_path, _item(original=_scripted(), suffix="pdf"))
    report = examine(folder)
    page = as_html(report, "zh")
    for words in (
        "四性检测报告",
        "真实性",
        "完整性",
        "可用性",
        "安全性",
        "不通过",
        "固化信息有效性",
    ):
        assert words in page
    assert faults_of(as_pdf(report, "zh")) == []


def test_the_command_tests_a_bag_alone(tmp_path: Path) -> None:
    folder = _bag(tmp_path)
    moved = tmp_path / "elsewhere"
    shutil.copytree(folder, moved)
    target = tmp_path / "report.html"
    done = CliRunner().invoke(app, ["inspect", str(moved), "--json", "--report", str(target)])
    said = json.loads(done.output)
    assert (done.exit_code, said["sound"], said["faults"]) == (0, True, [])
    assert {each["property"] for each in said["items"]} == {
        "authenticity", "completeness", "usability", "safety",
    }  # fmt: skip
    assert "<table>" in target.read_text()
    _put(moved / ORIGINAL, b"<x/>")
    done = CliRunner().invoke(app, ["inspect", str(moved), "--json"])
    assert done.exit_code == 1
    assert any(ORIGINAL in fault for fault in json.loads(done.output)["faults"])
    pdf = tmp_path / "report.pdf"
    assert CliRunner().invoke(app, ["inspect", str(moved), "--report", str(pdf)]).exit_code == 1
    assert faults_of(pdf.read_bytes()) == []


# -- before sealing, and on a schedule -----------------------------------------------------


def test_what_fails_is_not_sealed_until_a_person_lets_it_pass(services: Services) -> None:
    receipt = hand_in(services, b"<?xml version='1.0'?><EInvoice>", voucher="JZ-1")
    document = whole_road(services, receipt.document_id)
    assert document.state == "passed"
    assert list((services.settings.bags / "JZ-1").iterdir()) == []
    with services.database.read() as session:
        alarm = session.scalars(select(Alarm)).one()
    assert (alarm.code, alarm.voucher_no) == ("sealing_refused", "JZ-1")
    assert "内容数据可读性" in say(alarm.code, "zh", alarm.params)
    for actor, code, reason, error in (
        (SYSTEM, "opens", "x", MayNotAccept),
        (REVIEWER, "opens", "", ReasonMissing),
        (REVIEWER, "formats", "x", NothingToAccept),
    ):
        with pytest.raises(error), services.database.write() as session:
            gate.accept_failed_item(session, actor, "JZ-1", code, reason)
    with services.database.write() as session:
        failed = alarm.params["codes"].split(",")
        for code in failed:
            gate.accept_failed_item(session, REVIEWER, "JZ-1", code, "原件如此，另附说明")
        session.execute(update(Voucher).values(lease_until=None, lease=None))
    Pipeline(services).seal("JZ-1")
    assert load(services, receipt.document_id).state == "archived"
    with services.database.read() as session:
        assert session.scalars(select(Alarm)).one().settled_by == "u1"
        assert gate.accepted_items(session, "JZ-1") == frozenset()  # not for the next version


def test_the_schedule_tests_bags_and_raises_one_alarm(services: Services) -> None:
    receipt = hand_in(services, xml(), voucher="JZ-1")
    Pipeline(services).read(receipt.document_id, FixedReader(invoice()))
    Pipeline(services).verify(receipt.document_id, visit(CONFIRMED))
    Pipeline(services).seal("JZ-1")
    assert inspect_due(services) == 0  # sealed today
    long_ago = now() - dt.timedelta(days=40)
    with services.database.write() as session:
        session.execute(update(BagRow).values(sealed_at=long_ago))
    assert (inspect_due(services), inspect_due(services)) == (1, 0)
    folder = services.settings.bags / "JZ-1" / "v0001"
    (target,) = (folder / "data/02-originals").iterdir()
    _put(target, b"<other/>")
    for _ in range(2):
        with services.database.write() as session:
            session.execute(update(inspections.BagInspection).values(at=long_ago))
        assert inspect_due(services) == 1
    with services.database.read() as session:
        assert session.scalars(select(Alarm.code)).all() == ["bag_unsound"]
        rows = list(session.scalars(select(inspections.BagInspection)))
        actions = list(session.scalars(select(AuditRow.action)))
    assert sorted(row.sound for row in rows) == [False, False, True]
    assert actions.count("bag_inspected") == 3
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
