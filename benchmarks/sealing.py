"""Sealing and inspecting, on one core.

    python -m benchmarks.sealing --vouchers 100

A typical voucher: three electronic invoices (PDF, PDF, OFD) with facts, verification and proofs,
on SQLite and the disk of this machine, flushed, one process held to one core. Rates are by seconds
of processor, because other work may share the machine; by the clock stands beside. Every bag has
its cover with thumbnails (drawn when the files were read) and its four-property test before it
counts. Inspecting: one large file, and the bags that were just sealed.
"""

from __future__ import annotations

import argparse
import cProfile
import datetime as dt
import os
import pstats
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from archive import vouchers
from archive.bag_layout import BagItem
from archive.bags import seal
from archive.database import Database
from archive.drawing.pages import thumbnail, thumbnail_name
from archive.four_properties import examine
from archive.records import (
    Document,
    EvidenceRow,
    InvoiceClaim,
    State,
    VerificationRow,
    new_id,
    now,
)
from archive.store import FileStore
from archive.voucher_import import take
from archive.voucher_rows import EntryData, VoucherData
from benchmarks.machine import machine
from extractors.reader import Reader
from fixtures.maker import Form, draw_truth, make
from verifiers.policy import Again, Policy
from worker import outcomes

_TODAY = dt.date(2026, 11, 26)
_FORMS = (("digital_normal", Form.PDF), ("digital_normal", Form.PDF), ("digital_normal", Form.OFD))
_SEAL_BAR, _INSPECT_BAR = 20.0, 200.0
_LARGE = 400 * 1024**2
_MIB = 1024**2


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--vouchers", type=int, default=100)
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    options = parser.parse_args(arguments)
    print(machine())
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory(prefix="sealing-") as folder:
        root = Path(folder)
        _seal_all(root, options.vouchers, profile=options.profile)
        _inspect_all(root / "bags")
        _inspect_large(root)
    return 0


def _seal_all(root: Path, count: int, *, profile: bool) -> None:
    database, store = Database(f"sqlite:///{root / 'b.db'}"), FileStore(root / "files")
    database.migrate()
    numbers = _prepare(database, store, count)
    _seal_one(database, store, root / "bags", numbers[0])  # loads font and libraries
    seconds, busy = [], time.process_time()
    profiler = cProfile.Profile()
    for number in numbers[1:]:
        began = time.perf_counter()
        if profile:
            profiler.enable()
        _seal_one(database, store, root / "bags", number)
        profiler.disable()
        seconds.append(time.perf_counter() - began)
    busy = time.process_time() - busy
    database.close()
    if profile:
        pstats.Stats(profiler).strip_dirs().sort_stats("cumulative").print_stats(45)
    middle = statistics.median(seconds)
    files = sum(1 for path in (root / "bags").rglob("*") if path.is_file()) / count
    print(
        f"sealing: {len(seconds) / busy:.1f} vouchers/s a core (bar {_SEAL_BAR:g}); by the clock "
        f"{len(seconds) / sum(seconds):.1f}/s, median {middle * 1e3:.0f} ms, "
        f"p95 {sorted(seconds)[int(len(seconds) * 0.95)] * 1e3:.0f} ms, {files:.0f} files a bag"
    )


def _seal_one(database: Database, store: FileStore, bags: Path, number: str) -> None:
    began = time.perf_counter()
    with database.write() as session:
        assert vouchers.held_back(session, number, Policy()) is None
    with database.read() as session:
        plan = vouchers.plan_seal(session, number)
    assert plan is not None
    sealed = vouchers.write_bag(plan, store, bags)
    with database.write() as session:
        seconds = time.perf_counter() - began
        outcomes.record_sealing(session, plan, sealed, seconds, Again())


def _prepare(database: Database, store: FileStore, count: int) -> list[str]:
    """Vouchers whose three invoices have passed."""
    reader, chance, numbers = Reader(), random.Random(1), []
    for index in range(count):
        number = f"JZ-{index:05d}"
        made = [
            make(draw_truth(name, 3 * index + place, today=_TODAY), form, index)
            for place, (name, form) in enumerate(_FORMS)
        ]
        invoices = [reader.read_bytes(each.content) for each in made]
        total = sum(i.total_with_tax.value for i in invoices if i.total_with_tax)
        entries = (
            EntryData(summary="办公用品", account_code="5001", account_name="费用", debit=total),
            EntryData(summary="办公用品", account_code="1002", account_name="银行", credit=total),
        )
        stated = VoucherData(
            fiscal_year=2026, period=11, number=index + 1, word="记", voucher_no=number,
            voucher_date=_TODAY, summary="办公用品", attachments=3, preparer="王", entries=entries,
        )  # fmt: skip
        with database.write() as session:
            take(session, [stated], "benchmark", "benchmark")
            for each, invoice in zip(made, invoices, strict=True):
                document = Document(
                    id=new_id(), sha256=store.put(each.content), size=len(each.content),
                    media_type=each.media_type, name=each.name, voucher_no=number,
                    state=State.PASSED, verdict="confirmed", reason="consistent",
                )  # fmt: skip
                _draw(store, document, each.content)
                session.add(document)
                session.flush()
                outcomes.keep_invoice(session, document, invoice)
                session.add(InvoiceClaim(invoice_key=invoice.key, document_id=document.id))
                session.add(_verification(document, store, chance))
        numbers.append(number)
    return numbers


def _draw(store: FileStore, document: Document, content: bytes) -> None:
    """The page's small picture, which the reading process has drawn long before sealing."""
    small = thumbnail(content, document.media_type)
    if small is not None:
        store.keep_derived(document.sha256, thumbnail_name(0), small)


def _verification(document: Document, store: FileStore, chance: random.Random) -> VerificationRow:
    """An attempt with proofs of the size that the portal's are."""
    proofs = {"result.png": 60_000, "result.pdf": 40_000, "portal.json": 2_000}
    row = VerificationRow(
        id=new_id(), document_id=document.id, at=now(), portal="benchmark", verdict="confirmed",
        reason="consistent", portal_time="2026-11-26 10:00:00", portal_count=1, findings=[],
    )  # fmt: skip
    starts = {"result.png": b"\x89PNG\r\n\x1a\n", "result.pdf": b"%PDF-", "portal.json": b"{}"}
    for name, size in proofs.items():
        padding = b" " * size if name.endswith("json") else chance.randbytes(size)
        content = starts[name] + padding
        row.evidence.append(
            EvidenceRow(id=new_id(), name=name, media_type="", sha256=store.put(content))
        )
    return row


def _inspect_all(bags: Path) -> None:
    folders = sorted(path.parent for path in bags.rglob("bagit.txt"))
    began = time.process_time()
    reports = [examine(folder) for folder in folders]
    seconds = time.process_time() - began
    assert all(report.sound for report in reports), reports[0].failed
    size = sum(report.size for report in reports) / _MIB
    print(
        f"inspect, {len(folders)} small bags: {len(folders) / seconds:.0f} bags/s, "
        f"{size / seconds:.0f} MiB/s of {size / len(folders):.2f} MiB each"
    )


def _inspect_large(root: Path) -> None:
    """A bag whose one original is large: what digests cost, on one core and on all."""
    content = b"<x>" + b" " * (_LARGE - 7) + b"</x>"
    item = BagItem("d1", "1", content[:10], "xml", {"verdict": "confirmed"}, {"1-large": content})
    bag = seal(root / "large", "L", 1, [item], sealed_at=now(), previous_digest=None)
    for cores in sorted({1, os.cpu_count() or 1}):
        os.sched_setaffinity(0, set(range(cores)))
        began, busy = time.perf_counter(), time.process_time()
        report = examine(root / "large" / bag.path)
        seconds, busy = time.perf_counter() - began, time.process_time() - busy
        assert "fixed_digests" not in {result.code for result in report.failed}
        print(
            f"inspect, one bag of {report.size / _MIB:.0f} MiB on {cores} core(s): "
            f"{report.size / 1e6 / seconds:.0f} MB/s by the clock, "
            f"{report.size / 1e6 / busy:.0f} a second of processor; "
            f"SHA-256 and SM3 (bar {_INSPECT_BAR:g})"
        )


if __name__ == "__main__":
    raise SystemExit(main())
