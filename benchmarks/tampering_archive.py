"""A small archive with something of everything that is guarded: sealed vouchers in two versions,
facts, decisions, deeds at the review desk, people, a hold, an alarm, a disposal list, documents
that were rejected or still wait."""

from __future__ import annotations

import datetime as dt
import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path

import psycopg

from archive import accounting, inspections, retention, webhooks
from archive.actors import Actor, Role
from archive.agreement import disagreements
from archive.audit_heads import HeadKey, copy_file, public_keys
from archive.audit_proof import prove
from archive.bag_store import FolderBags
from archive.database import Database, open_engine
from archive.store import FileStore
from archive.voucher_import import take
from archive.voucher_rows import EntryData, VoucherData
from benchmarks.tampering_rows import Deed, no_guards, some_table, tamper
from extractors.model import Invoice
from tests.helpers import CONFIRMED, FixedReader, hand_in, invoice, load, make_person, visit, xml
from tests.reviewing import NOT_FOUND, accept, at_once, do, in_review
from worker import broker
from worker.audit_signing import AuditSigner, key_path
from worker.pipeline import Pipeline
from worker.review.rules import Action
from worker.services import Services
from worker.settings import Settings

_DUE = dt.date(2099, 1, 1)


class Archive:
    """A sealed archive in a folder of its own, its database there or on a PostgreSQL server."""

    def __init__(self, settings: Settings, server: str = "") -> None:
        self.settings = settings
        self._server = server
        assert settings.audit_copy is not None
        self.copy = copy_file(settings.audit_copy)
        self.keys = public_keys([HeadKey.kept(key_path(settings)).public])
        self._keep()

    def faults(self) -> tuple[str, ...]:
        """The whole check."""
        database = Database(self.settings.database)
        try:
            with database.read() as session:
                proof = prove(session, self.keys, self.settings.audit_copy)
                store = FileStore(self.settings.files)
                bags = FolderBags(self.settings.bags)
                return (*proof.faults, *disagreements(session, bags, store))
        finally:
            database.close()

    @contextmanager
    def tampered(self, tables: list[str], draw: random.Random) -> Iterator[Deed]:
        """One deed in one of these tables, taken back afterwards."""
        engine = open_engine(self.settings.database)
        try:
            with engine.connect() as connection:
                no_guards(connection)
                with connection.begin():
                    tried = (tamper(connection, name, draw) for name in some_table(draw, tables))
                    deed = next(each for each in tried if each is not None)
        finally:
            engine.dispose()
        try:
            yield deed
        finally:
            self._put_back()

    def _keep(self) -> None:
        if self._server:
            self._on_server("CREATE DATABASE kept TEMPLATE work")
            return
        path = self._lite()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("PRAGMA journal_mode=DELETE")
        shutil.copy2(path, path.with_suffix(".kept"))

    def _put_back(self) -> None:
        if self._server:
            self._on_server("DROP DATABASE work WITH (FORCE)", "CREATE DATABASE work TEMPLATE kept")
            return
        path = self._lite()
        for left_over in path.parent.glob(f"{path.name}-*"):
            left_over.unlink()
        shutil.copy2(path.with_suffix(".kept"), path)

    def _lite(self) -> Path:
        return self.settings.root / "yanpiao.db"

    def _on_server(self, *statements: str) -> None:
        with psycopg.connect(self._server, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())


def build(folder: Path, vouchers: int, each: int, server: str = "") -> Archive:
    """So many vouchers of so many invoices; the first is sealed a second time. `server`: address of
    a PostgreSQL server, on which the databases `work` and `kept` are made."""
    copy = folder / "second place"
    copy.mkdir(parents=True)
    url = server.replace("/postgres?", "/work?") if server else ""
    if server:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute("CREATE DATABASE work")
    settings = Settings(data=folder / "data", audit_copy=copy, lease_seconds=60, database_url=url)
    with broker.bundled(settings):
        services = Services.open(settings)
        signer = AuditSigner(settings, services.database)
        number = 0
        for voucher in [*range(vouchers), 0]:
            numbers = range(number + 1, number + each + 1)
            number += each
            _archive(services, numbers, voucher)
            signer.now()
        _around(services)
        signer.now()
        services.close()
    return Archive(settings, server)


def _archive(services: Services, numbers: range, voucher: int) -> None:
    """A voucher; the second one's facts agree, the third one's are accepted as they are."""
    name, pipeline = f"JZ-2026-{voucher:04d}", Pipeline(services)
    amounts = {1: Decimal(113 * len(numbers)), 2: Decimal("99.00")}
    if voucher in amounts:
        _facts(services, name, voucher, amounts[voucher])
    documents = []
    for number in numbers:
        document = hand_in(services, xml(str(number)), voucher=name).document_id
        # Far apart: numbers in a row would be asked about.
        read = invoice(f"2631200000{number * 7_919_000:010d}")
        pipeline.read(document, FixedReader(read))
        pipeline.verify(document, visit(CONFIRMED))
        documents.append(document)
    if voucher == 2:
        actor = make_person(services, Role.REVIEWER, login="shen")
        with services.database.write() as session:
            accounting.accept_difference(session, actor, name, "voucher_sum_differs", "已核对")
    pipeline.seal(name)
    for document in documents:
        assert load(services, document).state == "archived", load(services, document).reason


def _facts(services: Services, name: str, number: int, amount: Decimal) -> None:
    entries = (
        EntryData(summary="办公用品", account_code="5001", account_name="费用", debit=amount),
        EntryData(summary="办公用品", account_code="1002", account_name="银行", credit=amount),
    )
    stated = VoucherData(
        fiscal_year=2026, period=10, number=number, word="记", voucher_no=name,
        voucher_date=dt.date(2026, 10, 31), summary="办公用品", preparer="王", entries=entries,
    )  # fmt: skip
    with services.database.write() as session:
        take(session, [stated], "csv", "test")


def _around(services: Services) -> None:
    """What people decided, hold and may do; documents that are not sealed."""
    desk = at_once(services)
    kept = in_review(services, text="kept", voucher="JZ-2026-0100", read=_read(101))
    accept(desk, kept)
    Pipeline(services).seal("JZ-2026-0100")
    away = in_review(
        services, text="away", voucher="JZ-2026-0101", answer=NOT_FOUND, read=_read(102)
    )
    do(desk, _reviewer(services), away, Action.REJECT, reason="reject_suspect")
    in_review(services, text="waits", voucher="JZ-2026-0101", read=_read(103))
    archivist = make_person(services, Role.ARCHIVIST, (Role.AUDITOR, "北"), login="dang")
    with services.database.write() as session:
        retention.hold(session, "JZ-2026-0001", "诉讼", archivist)
        retention.propose(session, ["JZ-2026-0000"], archivist, _DUE)
        inspections.raise_alarm(session, "sealing_refused", "JZ-2026-0001", {"codes": "formats"})
        webhooks.add(
            session, archivist, "https://a.test/", [webhooks.Event.PASSED], services.sealer
        )


def _read(number: int) -> Invoice:
    return invoice(f"2631200000{number * 7_919_000:010d}")


def _reviewer(services: Services) -> Actor:
    return make_person(services, Role.REVIEWER, login="shenhe")
