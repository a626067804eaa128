"""The road of a document on a real database and queue server; only the reader and the portal
are replaced."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import threading
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
from PIL import Image
from sqlalchemy import select

from archive import audit, bags, leases
from archive.agreement import disagreements
from archive.records import AuditRow, BagRow, Document, State, now
from extractors.errors import DamagedFile, ReaderCrashed
from extractors.model import Finding, Severity
from tests.helpers import (
    CONFIRMED,
    FixedReader,
    FixedVerifier,
    actions,
    hand_in,
    invoice,
    load,
    undecided,
    visit,
    whole_road,
    xml,
)
from verifiers.model import Reason, Verdict, Verification
from worker.clock import Clock
from worker.decide import decide
from worker.pipeline import Pipeline
from worker.services import Services
from worker.states import ForbiddenMove, move
from worker.visit import Visit


def test_a_good_invoice_goes_all_the_way(services: Services) -> None:
    receipt = hand_in(services, xml(), voucher="JZ-1")
    document = whole_road(services, receipt.document_id)
    assert (document.state, document.verdict) == ("archived", "confirmed")
    assert actions(services, document.id) == [
        "document_received",
        "document_read",
        "document_verified",
        "document_passed",
        "document_archived",
    ]
    folder = services.settings.bags / "JZ-1" / "v0001"
    assert bags.inspect(folder).sound
    original = folder / "data/02-originals/001-26312000000000000001.xml"
    assert original.read_bytes() == xml()
    assert (folder / "data/04-evidence/001-26312000000000000001/1-result.png").exists()
    assert (folder / "data/04-evidence/001-26312000000000000001/1-portal.json").exists()
    with services.database.read() as session:
        assert audit.verify(session).sound


def test_the_trail_holds_the_digest_of_every_proof(services: Services) -> None:
    """The portal's answer names the other proofs, so its digest alone stands for all of them."""
    document = whole_road(services, hand_in(services, xml()).document_id)
    with services.database.read() as session:
        query = select(AuditRow).where(
            AuditRow.document_id == document.id, AuditRow.action == "document_verified"
        )
        told = json.loads(session.scalars(query).one().detail)
    assert {"portal_code", "portal_time", "portal_count", "portal_layout"} <= told.keys()
    answer = json.loads(services.store.get(told["evidence"].pop("portal.json")))
    assert answer["evidence"] == told["evidence"] != {}
    for sha256 in told["evidence"].values():
        assert hashlib.sha256(services.store.get(sha256)).hexdigest() == sha256


@pytest.mark.parametrize(
    ("severity", "state"), [(Severity.BLOCK, "in_review"), (Severity.INFO, "archived")]
)
def test_a_broken_signature_keeps_a_confirmed_invoice_from_passing(
    services: Services, severity: Severity, state: str
) -> None:
    receipt = hand_in(services, xml(), voucher="JZ-1")
    signed = (Finding(code="altered_after_signing", severity=severity, params={"parts": "PDF"}),)
    pipeline = Pipeline(services)
    pipeline.read(receipt.document_id, FixedReader(invoice(), signed=signed))
    pipeline.verify(receipt.document_id, Visit(FixedVerifier([CONFIRMED]), "p"))
    pipeline.seal("JZ-1")
    document = load(services, receipt.document_id)
    assert document.state == state
    if severity is Severity.BLOCK:
        assert document.reason == "altered_after_signing"


def test_a_page_is_drawn_when_it_is_read_and_its_picture_is_on_the_cover(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = BytesIO()
    Image.new("RGB", (40, 30), "red").save(drawn, "JPEG")
    monkeypatch.setattr(FixedReader, "thumbnail", lambda *_: drawn.getvalue())
    whole_road(services, hand_in(services, xml(), voucher="JZ-1").document_id)
    cover = services.settings.bags / "JZ-1/v0001/data/01-voucher/000-JZ-1.pdf"
    with pikepdf.open(cover) as pdf:
        (image,) = pdf.pages[0].get_images().values()
        assert (int(image.Width), int(image.Height)) == (40, 30)


def test_every_step_run_twice_does_nothing_twice(services: Services) -> None:
    receipt = hand_in(services, xml(), voucher="JZ-1")
    whole_road(services, receipt.document_id)
    before = actions(services, receipt.document_id)
    reader, verifier = FixedReader(invoice()), FixedVerifier([CONFIRMED])
    pipeline = Pipeline(services)
    pipeline.read(receipt.document_id, reader)
    pipeline.verify(receipt.document_id, Visit(verifier, "p"))
    pipeline.seal("JZ-1")
    assert (reader.calls, verifier.calls) == (0, 0)
    assert actions(services, receipt.document_id) == before
    with services.database.read() as session:
        assert session.query(BagRow).count() == 1


def test_the_same_invoice_in_another_file_goes_to_finance(services: Services) -> None:
    first, second = hand_in(services, xml("1")), hand_in(services, xml("2"))
    whole_road(services, first.document_id)
    document = whole_road(services, second.document_id)
    assert (document.state, document.reason) == ("in_review", "duplicate")
    assert document.reason_params == {"other": first.document_id}


def test_of_two_racing_copies_one_wins(services: Services) -> None:
    ids = [hand_in(services, xml(str(n))).document_id for n in range(4)]
    start = threading.Barrier(len(ids))

    def read(document_id: str) -> None:
        reader = FixedReader(invoice(), before=start.wait)  # type: ignore[arg-type]
        Pipeline(services).read(document_id, reader)

    threads = [threading.Thread(target=read, args=(one,)) for one in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    states = sorted(load(services, one).state for one in ids)
    assert states == ["in_review", "in_review", "in_review", "read"]


def test_a_damaged_document_fails_at_once_with_its_reason(services: Services) -> None:
    receipt = hand_in(services, xml())
    reader = FixedReader(DamagedFile(detail="cut off"))
    Pipeline(services).read(receipt.document_id, reader)
    document = load(services, receipt.document_id)
    assert (document.state, document.reason, reader.calls) == ("failed", "damaged_file", 1)


def test_a_crash_is_tried_three_times_then_said(services: Services) -> None:
    receipt = hand_in(services, xml())
    reader = FixedReader(ReaderCrashed(detail="signal 11"))
    pipeline = Pipeline(services)
    for _ in range(5):
        pipeline.read(receipt.document_id, reader)
    document = load(services, receipt.document_id)
    assert (document.state, document.reason, reader.calls) == ("failed", "reader_crashed", 3)
    assert actions(services, receipt.document_id).count("reading_retried") == 2


def _lose_workers(services: Services, document_id: str, times: int) -> None:
    for _ in range(times):
        with services.database.write() as session:  # a lease whose holder was killed
            assert leases.take(session, Document, document_id, -1)


def test_a_document_is_not_to_blame_for_the_end_of_its_workers(services: Services) -> None:
    receipt = hand_in(services, xml())
    _lose_workers(services, receipt.document_id, 9)
    crashing = FixedReader(ReaderCrashed(detail="signal 11"))
    Pipeline(services).read(receipt.document_id, crashing)
    document = load(services, receipt.document_id)
    assert (document.state, document.failures, document.losses) == ("received", 1, 9)
    Pipeline(services).read(receipt.document_id, FixedReader(invoice()))
    document = load(services, receipt.document_id)
    assert (document.state, document.attempts, document.losses) == ("read", 0, 0)


def test_a_reading_that_breaks_off_gives_the_document_free(services: Services) -> None:
    receipt = hand_in(services, xml())
    pipeline, broken = Pipeline(services), FixedReader(ZeroDivisionError())
    for _ in range(services.settings.max_tries):
        with pytest.raises(ZeroDivisionError):
            pipeline.read(receipt.document_id, broken)
        assert load(services, receipt.document_id).lease is None
    pipeline.read(receipt.document_id, broken)
    assert load(services, receipt.document_id).reason == "reader_crashed"


def test_a_document_over_which_every_worker_is_lost_is_given_up(services: Services) -> None:
    receipt = hand_in(services, xml())
    _lose_workers(services, receipt.document_id, services.settings.max_losses + 1)
    reader = FixedReader(invoice())
    Pipeline(services).read(receipt.document_id, reader)
    document = load(services, receipt.document_id)
    assert (document.state, document.reason, reader.calls) == ("failed", "reader_crashed", 0)


def test_a_worker_that_lost_its_lease_writes_nothing(services: Services) -> None:
    receipt = hand_in(services, xml())

    def another_takes_over() -> None:
        with services.database.write() as session:
            document = session.get_one(Document, receipt.document_id)
            document.lease = "another worker"

    reader = FixedReader(invoice(), before=another_takes_over)
    Pipeline(services).read(receipt.document_id, reader)
    assert load(services, receipt.document_id).state == "received"
    assert load(services, receipt.document_id).invoice is None


@pytest.mark.parametrize(
    "reason", [Reason.NOT_FOUND, Reason.INCONSISTENT, Reason.VOIDED, Reason.MISMATCH]
)
def test_a_contradiction_waits_for_finance(services: Services, reason: Reason) -> None:
    receipt = hand_in(services, xml())
    answer = Verification(verdict=Verdict.CONTRADICTED, reason=reason)
    document = whole_road(services, receipt.document_id, answer)
    assert (document.state, document.reason) == ("in_review", reason)


@pytest.mark.parametrize(
    "reason", [Reason.SAME_DAY, Reason.DAILY_LIMIT, Reason.PORTAL_DOWN, Reason.CAPTCHA_UNANSWERED]
)
def test_what_time_can_mend_waits_for_its_time(services: Services, reason: Reason) -> None:
    receipt = hand_in(services, xml())
    document = whole_road(services, receipt.document_id, undecided(reason))
    assert (document.state, document.verdict, document.reason) == ("waiting", "undecided", reason)
    assert document.next_try_at is not None
    early = FixedVerifier([CONFIRMED])
    Pipeline(services).verify(document.id, Visit(early, "p"))
    assert early.calls == 0


def test_a_waiting_document_comes_back_by_itself(services: Services) -> None:
    receipt = hand_in(services, xml())
    past = now() - dt.timedelta(seconds=1)
    document = whole_road(services, receipt.document_id, undecided(Reason.SAME_DAY, past))
    assert document.state == "waiting"
    services.redis.flushall()
    assert Clock(services).round() == 1
    Pipeline(services).verify(document.id, visit(CONFIRMED))
    assert load(services, document.id).state == "passed"


def test_a_finding_that_blocks_keeps_a_confirmed_invoice_back() -> None:
    finding = Finding(code="sources_disagree", severity=Severity.BLOCK, field="total_with_tax")
    decision = decide([finding], CONFIRMED, 0, now())
    assert (decision.state, decision.reason) == (State.IN_REVIEW, "sources_disagree")
    harmless = finding.model_copy(update={"severity": Severity.WARN})
    assert decide([harmless], CONFIRMED, 0, now()).state == State.PASSED


def test_an_outage_waits_longer_each_time_and_is_never_a_verdict() -> None:
    moment = now()
    answer = undecided(Reason.PORTAL_DOWN, moment + dt.timedelta(minutes=5))
    pauses = []
    for tries in range(8):
        decision = decide([], answer, tries, moment)
        assert decision.verdict is Verdict.UNDECIDED
        assert decision.next_try_at is not None
        pauses.append(decision.next_try_at - moment)
    assert pauses == sorted(pauses)
    assert pauses[0] == dt.timedelta(minutes=5)
    assert pauses[-1] == dt.timedelta(hours=2)


def test_undecided_for_good_goes_to_a_person() -> None:
    decision = decide([], undecided(Reason.NOT_COVERED, None), 0, now())
    assert (decision.state, decision.verdict) == (State.IN_REVIEW, Verdict.UNDECIDED)


def test_only_allowed_roads(services: Services) -> None:
    receipt = hand_in(services, xml())
    with pytest.raises(ForbiddenMove), services.database.write() as session:
        move(session, session.get_one(Document, receipt.document_id), State.ARCHIVED)
    assert load(services, receipt.document_id).state == "received"


def test_a_voucher_waits_for_what_is_on_its_way(services: Services) -> None:
    first = hand_in(services, xml("1"), voucher="JZ-1")
    second = hand_in(services, xml("2"), voucher="JZ-1")
    assert whole_road(services, first.document_id).state == "passed"
    pipeline = Pipeline(services)
    pipeline.read(second.document_id, FixedReader(invoice("26312000000000000002")))
    pipeline.verify(second.document_id, visit(CONFIRMED))
    pipeline.seal("JZ-1")
    assert {load(services, r.document_id).state for r in (first, second)} == {"archived"}


def test_a_straggler_makes_a_new_version_that_names_the_old(services: Services) -> None:
    first = hand_in(services, xml("1"), voucher="JZ-1")
    whole_road(services, first.document_id)
    second = hand_in(services, xml("2"), voucher="JZ-1")
    pipeline = Pipeline(services)
    pipeline.read(second.document_id, FixedReader(invoice("26312000000000000002")))
    pipeline.verify(second.document_id, visit(CONFIRMED))
    pipeline.seal("JZ-1")
    with services.database.read() as session:
        one, two = session.query(BagRow).order_by(BagRow.version)
    assert (two.version, two.previous_digest, two.invoices) == (2, one.digest, 2)
    for row in (one, two):
        assert bags.inspect(services.settings.bags / row.path, row.digest).sound


def test_a_damaged_original_is_never_sealed(services: Services) -> None:
    receipt = hand_in(services, xml(), voucher="JZ-1")
    pipeline = Pipeline(services)
    pipeline.read(receipt.document_id, FixedReader(invoice()))
    pipeline.verify(receipt.document_id, visit(CONFIRMED))
    path = Path(services.store.place(load(services, receipt.document_id).sha256))
    path.chmod(0o600)
    path.write_bytes(b"something else")
    with pytest.raises(Exception, match="digest"):
        pipeline.seal("JZ-1")
    assert load(services, receipt.document_id).state == "passed"
    assert not (services.settings.bags / "JZ-1" / "v0001").exists()
    services.redis.flushall()
    assert Clock(services).round() == 0  # it rests before the next try


def test_a_clock_set_back_during_a_sealing_is_no_change(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline, document_id = Pipeline(services), hand_in(services, xml()).document_id
    pipeline.read(document_id, FixedReader(invoice()))
    pipeline.verify(document_id, visit(CONFIRMED))
    monkeypatch.setattr("archive.audit.now", lambda: now() - dt.timedelta(days=1))
    pipeline.seal(load(services, document_id).voucher_no)
    assert load(services, document_id).state == State.ARCHIVED
    with services.database.read() as session:
        assert disagreements(session, services.bags, services.store) == []
