"""The whole road on real parts: services of the Procfile, the stand-in portal, a real browser,
real recognition, a real queue server and database."""

from __future__ import annotations

import datetime as dt
import json
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psutil
import pytest
from sqlalchemy import select

from archive import audit, bags
from archive.database import Database
from archive.records import (
    AuditRow,
    BagRow,
    Document,
    InvoiceClaim,
    State,
    VerificationRow,
)
from archive.store import FileStore
from benchmarks.fuzzing.pdf import PDF as HOSTILE_PDF
from extractors.model import Kind
from fixtures.collector import Collector, collecting
from fixtures.maker import Form, make, make_truth
from fixtures.sample import write_sample
from fixtures.services import Running, running
from tests import hostile
from tests.helpers import sha256
from worker import tracing
from worker.broker import connect
from worker.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("road")]

TODAY = dt.datetime.now(ZoneInfo("Asia/Shanghai")).date()
_PATIENCE_SECONDS = 300


def until(true: Callable[[], bool], what: str) -> None:
    """Wait for an event, as long as a slow machine may need; never for a fixed time."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(0.1)


def open_database(services: Running) -> Database:
    return Database(f"sqlite:///{services.data / 'yanpiao.db'}")


# -- the sample batch ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, TODAY)
    return folder


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def services(
    tmp_path_factory: pytest.TempPathFactory, sample: Path, collector: Collector
) -> Iterator[Running]:
    traced = {"YANPIAO_TRACE_URL": collector.url}
    folder = tmp_path_factory.mktemp("yanpiao")
    with running(folder, sample / "known.json", settings=traced) as started:
        yield started


@pytest.fixture(scope="module")
def manifest(sample: Path) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((sample / "manifest.json").read_text("utf-8"))
    return entries


def drop(services: Running, paths: list[Path], *options: str) -> list[dict[str, Any]]:
    run = services.yanpiao("drop", *map(str, paths), "--wait", "--json", *options)
    assert run.returncode == 0, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


@pytest.fixture(scope="module")
def results(
    services: Running, sample: Path, manifest: list[dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    rows = drop(services, [sample / entry["file"] for entry in manifest], "--voucher", "JZ-1")
    return {row["file"]: row for row in rows}


def test_every_document_of_the_sample_ends_as_it_should(
    manifest: list[dict[str, Any]], results: dict[str, dict[str, Any]]
) -> None:
    assert len(results) == len(manifest) >= 20
    wrong = []
    for entry in manifest:
        expected, row = entry["expected"], results[entry["file"]]
        state = "archived" if expected["state"] == "passed" else expected["state"]
        verdict = expected["verdict"] or ""
        seen = (row["state"], row["verdict"], row["reason_code"])
        if seen != (state, verdict, expected["reason"]):
            wrong.append((entry["file"], seen, expected))
    assert not wrong


def test_a_documents_way_through_all_processes_is_one_trace(
    services: Running, results: dict[str, dict[str, Any]], collector: Collector
) -> None:
    sealed = [row for row in results.values() if row["state"] == "archived"]
    archived = [row["id"] for row in sealed if row["part"] == 1]  # further parts are not read
    wanted = {"hand in", "read queue", "read", "verify queue", "verify", "voucher", "seal"}

    def whole(document_id: str) -> bool:
        return wanted <= {span.name for span in collector.of(tracing.ids_of(document_id)[0])}

    until(lambda: all(map(whole, archived)), "the spans of each archived document")
    for document_id in archived:
        trace_id, root = tracing.ids_of(document_id)
        spans = collector.of(trace_id)
        assert [span.id for span in spans if not span.parent] == [f"{root:016x}"]


def test_every_value_read_is_the_truth(
    manifest: list[dict[str, Any]], results: dict[str, dict[str, Any]]
) -> None:
    for entry in manifest:
        if (truth := entry["truth"]) is None:
            continue
        row = results[entry["file"]]
        assert row["number"] == truth["invoice_number"], entry["file"]
        assert row["total"] == truth["total_with_tax"], entry["file"]
        assert row["kind"] == truth["kind"], entry["file"]


def test_the_voucher_is_sealed_with_originals_and_evidence(
    services: Running, results: dict[str, dict[str, Any]], sample: Path
) -> None:
    archived = [row for row in results.values() if row["state"] == "archived"]
    with open_database(services).read() as session:
        row = session.scalars(select(BagRow)).one()
        assert (row.voucher_no, row.version, row.invoices) == ("JZ-1", 1, len(archived))
        folder = services.data / "bags" / row.path
        assert bags.inspect(folder, row.digest).sound
    kept = {sha256(path.read_bytes()) for path in (folder / "data" / "02-originals").iterdir()}
    assert kept == {sha256((sample / one["file"]).read_bytes()) for one in archived}
    for proof in (folder / "data" / "04-evidence").iterdir():
        assert {path.name for path in proof.iterdir()} >= {
            "1-result.png",
            "1-result.pdf",
            "1-portal.json",
        }
        assert (proof / "1-result.png").read_bytes().startswith(b"\x89PNG")
        assert (proof / "1-result.pdf").read_bytes().startswith(b"%PDF")


def test_every_state_change_has_its_audit_row(
    services: Running, results: dict[str, dict[str, Any]]
) -> None:
    assert services.yanpiao("audit", "verify").returncode == 0
    with open_database(services).read() as session:
        for row in results.values():
            query = select(AuditRow.action).where(AuditRow.document_id == row["id"])
            assert f"document_{row['state']}" in set(session.scalars(query))


def test_the_archive_is_searched_by_number(
    services: Running, results: dict[str, dict[str, Any]]
) -> None:
    row = next(row for row in results.values() if row["state"] == "archived")
    for query in (row["number"], row["number"][:12], row["number"][-6:]):
        found = services.yanpiao("find", query, "--json")
        assert row["id"] in {json.loads(line)["id"] for line in found.stdout.splitlines()}
    assert services.yanpiao("find", "00000000000000000000", "--json").returncode == 1
    assert row["number"] in services.yanpiao("show", row["id"]).stdout


def test_a_second_drop_adds_nothing(
    services: Running,
    sample: Path,
    manifest: list[dict[str, Any]],
    results: dict[str, dict[str, Any]],
) -> None:
    def counted() -> tuple[int, ...]:
        with open_database(services).read() as session:
            tables = (Document, VerificationRow, BagRow, InvoiceClaim)
            return tuple(session.query(table).count() for table in tables)

    before = counted()
    again = drop(services, [sample / entry["file"] for entry in manifest])
    assert all(row["repeated"] for row in again)
    assert {row["id"]: row["state"] for row in again} == {
        row["id"]: row["state"] for row in results.values()
    }
    assert counted() == before


def test_the_pages_list_what_waits_for_finance(
    services: Running, results: dict[str, dict[str, Any]]
) -> None:
    with services.client() as client:
        page = client.get("/review").text
    for row in results.values():
        if row["state"] == "in_review":
            assert row["id"] in page
    assert "不是税务机关" in page


def test_check_verifies_without_keeping(
    services: Running, sample: Path, manifest: list[dict[str, Any]]
) -> None:
    entry = next(one for one in manifest if one["expected"]["reason"] == "voided")
    run = services.yanpiao("check", str(sample / entry["file"]), "--json")
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert (result["verdict"], result["reason"]) == ("contradicted", "voided")
    assert result["invoice_number"] == entry["truth"]["invoice_number"]


def test_files_come_in_by_page_and_by_folder(services: Running) -> None:
    truths = [make_truth(Kind.DIGITAL_NORMAL, 900 + n, today=TODAY) for n in range(2)]
    known = [one.model_dump(mode="json") | {"status": "normal"} for one in truths]
    httpx.post(f"{services.portal}fixture/known", json=known).raise_for_status()
    folder = services.data / "inbox" / "JZ-F"
    folder.mkdir(parents=True)
    (folder / "a.ofd").write_bytes(make(truths[0], Form.OFD, 900).content)
    with services.client() as client:
        reply = client.post(
            "/api/upload",
            files={"files": ("b.xml", make(truths[1], Form.XML, 901).content)},
            data={"voucher": "JZ-H"},
        )
    assert reply.status_code == 201

    def archived() -> set[str]:
        with open_database(services).read() as session:
            query = select(Document.voucher_no).where(Document.state == State.ARCHIVED)
            return set(session.scalars(query))

    until(lambda: {"JZ-F", "JZ-H"} <= archived(), "both vouchers sealed")


# -- bad input -----------------------------------------------------------------------------


def test_bad_input_is_said_row_by_row_and_the_batch_goes_on(
    services: Running, tmp_path: Path
) -> None:
    bad: dict[str, tuple[bytes, str]] = {
        "empty.pdf": (b"", "empty_file"),
        "encrypted.pdf": (hostile.encrypted_pdf(), "encrypted_file"),
        "pages.pdf": (hostile.many_pages_pdf(60), "too_many_pages"),
        "program.jpg": (b"MZ" + bytes(500), "unsupported_file"),
        "bomb.ofd": (hostile.bomb_ofd(), "archive_bomb"),
        "itself.pdf": (HOSTILE_PDF["form loop"](), "too_much_content"),
        "laughs.xml": (hostile.entity_xml(), "unsafe_xml"),
        "huge.png": (hostile.huge_png(), "too_many_pixels"),
        "cut.jpg": (b"\xff\xd8\xff\xe0" + bytes(40), "damaged_file"),
        "large.pdf": (b"%PDF-1.7" + bytes(51 * 1024**2), "file_too_large"),
    }
    truth = make_truth(Kind.TRAIN_TICKET, 71, today=TODAY)
    # A good one in the middle, and under a name that lies about what it is.
    good = make(truth, Form.JPEG, 71).content
    for name, (content, _) in [*bad.items(), ("picture.pdf", (good, ""))]:
        (tmp_path / name).write_bytes(content)
    rows = {row["file"]: row for row in drop(services, [tmp_path])}
    assert {name: rows[name]["reason_code"] for name in bad} == {
        name: code for name, (_, code) in bad.items()
    }
    for name in bad:
        assert rows[name]["state"] == "failed"
        assert rows[name]["hint"]
    assert rows["picture.pdf"]["number"] == truth.invoice_number
    store = FileStore(services.data / "files")
    for name, (content, code) in bad.items():
        if code != "file_too_large":
            assert store.get(sha256(content)) == content, name


def test_what_was_tampered_with_waits_for_finance(services: Running, tmp_path: Path) -> None:
    """The portal confirms what they show; what nobody sees or signed still needs a person."""
    truths = [make_truth(Kind.DIGITAL_NORMAL, 950 + n, today=TODAY) for n in range(2)]
    known = [one.model_dump(mode="json") | {"status": "normal"} for one in truths]
    httpx.post(f"{services.portal}fixture/known", json=known).raise_for_status()
    whole = make(truths[0], Form.PDF, 950).content
    (tmp_path / "hidden.pdf").write_bytes(hostile.with_hidden_text(whole, "98765.43"))
    whole = make(truths[1], Form.OFD, 951).content
    clerk = truths[1].issuer or ""
    (tmp_path / "altered.ofd").write_bytes(
        hostile.altered_after_signing(whole, clerk, clerk + "甲")
    )
    rows = {row["file"]: row for row in drop(services, [tmp_path])}
    ends = {name: (row["state"], row["reason_code"]) for name, row in rows.items()}
    assert ends == {
        "hidden.pdf": ("in_review", "hidden_text"),
        "altered.ofd": ("in_review", "altered_after_signing"),
    }


# -- killed processes ----------------------------------------------------------------------


def _process(services: Running, mark: str) -> psutil.Process | None:
    """The newest process whose command line holds `mark`."""
    found = []
    for process in services.descendants():
        try:
            if mark in " ".join(process.cmdline()):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return max(found, key=psutil.Process.create_time, default=None)


def _being_read(database: Database) -> bool:
    with database.read() as session:
        query = select(Document.id).where(
            Document.state == State.RECEIVED, Document.lease.is_not(None)
        )
        return session.scalars(query).first() is not None


def test_killed_workers_lose_nothing_and_do_nothing_twice(tmp_path: Path) -> None:
    """The OCR worker is killed in the middle of a job, then its reading process, then the queue
    server is wiped; every document still arrives, once."""
    truths = [make_truth(Kind.VAT_NORMAL, 300 + n, today=TODAY) for n in range(4)]
    folder = tmp_path / "in"
    folder.mkdir()
    for number, truth in enumerate(truths):
        (folder / f"{number}.jpg").write_bytes(make(truth, Form.JPEG, 300 + number).content)
    known = tmp_path / "known.json"
    known.write_text(
        json.dumps([one.model_dump(mode="json") | {"status": "normal"} for one in truths])
    )
    settings = {"YANPIAO_LEASE_SECONDS": "3", "YANPIAO_CLOCK_SECONDS": "1"}
    with running(tmp_path / "data", known, settings=settings) as services:
        database = open_database(services)
        assert services.yanpiao("drop", str(folder), "--voucher", "JZ-K").returncode == 0

        until(partial(_being_read, database), "a document in the OCR worker's hands")
        child = _process(services, "worker.reader_child")
        assert child is not None
        worker = child.parent()
        assert worker is not None
        worker.send_signal(signal.SIGKILL)
        until(lambda: not child.is_running() or child.status() == "zombie", "the child's end")

        def another_child() -> bool:
            newest = _process(services, "worker.reader_child")
            return newest is not None and newest.pid != child.pid

        until(another_child, "a new reading process")
        until(partial(_being_read, database), "a document in the new worker's hands")
        second = _process(services, "worker.reader_child")
        assert second is not None
        second.send_signal(signal.SIGSEGV)

        connect(Settings(data=services.data)).flushall()

        def all_at_rest() -> bool:
            with database.read() as session:
                states = set(session.scalars(select(Document.state)))
            return states == {State.ARCHIVED}

        until(all_at_rest, "all documents archived")
        with database.read() as session:
            assert audit.verify(session).sound
            for document in session.scalars(select(Document)).unique():
                done = [
                    row.action
                    for row in session.scalars(
                        select(AuditRow).where(AuditRow.document_id == document.id)
                    )
                ]
                for action in ("document_read", "document_verified", "document_archived"):
                    assert done.count(action) == 1, (document.id, action)
            held = [
                item["invoice_number"]
                for row in session.scalars(select(BagRow).order_by(BagRow.version.desc()).limit(1))
                for item in json.loads(
                    (services.data / "bags" / row.path / "data/voucher.json").read_text("utf-8")
                )["invoices"]
            ]
        assert sorted(held) == sorted(truth.invoice_number for truth in truths)
