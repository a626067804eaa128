"""Intake, pipeline, decisions and clock on a real database and a real queue server; only the
reader and the portal are replaced."""

from __future__ import annotations

import datetime as dt
import threading
from io import BytesIO
from pathlib import Path

import pytest
from rq.serializers import JSONSerializer

from archive import audit, bags, leases
from archive.records import BagRow, Document, State, now
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
    sha256,
    xml,
)
from verifiers.model import CaptchaChallenge, Reason, Verdict, Verification
from worker.clock import Clock
from worker.decide import decide
from worker.intake import clean_name
from worker.pipeline import Pipeline
from worker.queues import Stage, enqueue, job_id, queue_of, queued_keys
from worker.services import Services
from worker.settings import Settings
from worker.states import ForbiddenMove, move
from worker.visit import Visit
from worker.watch import WatchedFolder

SOON = now() + dt.timedelta(minutes=5)


def undecided(reason: Reason, retry_at: dt.datetime | None = SOON) -> Verification:
    return Verification(verdict=Verdict.UNDECIDED, reason=reason, retry_at=retry_at)


def visit(*answers: Verification) -> Visit:
    return Visit(FixedVerifier(list(answers)), "http://portal.test/")


def whole_road(services: Services, document_id: str, *answers: Verification) -> Document:
    """Read, verify and, where it comes to that, seal."""
    pipeline = Pipeline(services)
    pipeline.read(document_id, FixedReader(invoice()))
    pipeline.verify(document_id, visit(*(answers or (CONFIRMED,))))
    pipeline.seal(load(services, document_id).voucher_no)
    return load(services, document_id)


# -- intake --------------------------------------------------------------------------------


def test_what_is_handed_in_is_kept_recorded_and_enqueued(services: Services) -> None:
    receipt = hand_in(services, xml(), "发票.xml", "JZ-1")
    document = load(services, receipt.document_id)
    assert services.store.get(document.sha256) == xml()
    assert (document.state, document.voucher_no, document.name) == ("received", "JZ-1", "发票.xml")
    assert queued_keys(services.redis, Stage.OCR) == {job_id(Stage.OCR, document.id)}
    assert actions(services, document.id) == ["document_received"]


def test_a_job_is_json_and_carries_an_id_only(services: Services) -> None:
    receipt = hand_in(services, xml())
    job = queue_of(Stage.OCR, services.redis).jobs[0]
    assert job.serializer is JSONSerializer
    assert (job.args, job.kwargs) == ([receipt.document_id], {})


def test_the_same_bytes_are_one_document(services: Services) -> None:
    first = hand_in(services, xml(), "a.xml", "JZ-1")
    second = hand_in(services, xml(), "b.xml", "JZ-2")
    assert first.document_id == second.document_id
    assert (first.repeated, second.repeated) == (False, True)
    assert load(services, first.document_id).voucher_no == "JZ-1"


def test_ten_at_once_are_one_document(services: Services) -> None:
    seen: list[str] = []

    def send() -> None:
        seen.append(hand_in(services, xml("race")).document_id)

    threads = [threading.Thread(target=send) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 10
    assert len(set(seen)) == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "empty_file"), (b"MZ\x90\x00 no invoice", "unsupported_file")],
)
def test_what_cannot_be_an_invoice_gets_its_row(
    services: Services, content: bytes, code: str
) -> None:
    receipt = hand_in(services, content, "x.pdf")
    document = load(services, receipt.document_id)
    assert (document.state, document.reason) == ("failed", code)
    assert services.store.get(sha256(content)) == content
    assert receipt.error is not None
    assert receipt.error.hint("zh")
    assert receipt.error.hint("en")


def test_a_file_over_the_limit_is_measured_and_refused(tmp_path: Path) -> None:
    small = Services.open(Settings(data=tmp_path / "data", max_file_size=1000))
    receipt = hand_in(small, b"%PDF" + b"x" * 5000)
    document = load(small, receipt.document_id)
    assert (document.state, document.reason, document.kept) == ("failed", "file_too_large", False)
    assert document.reason_params == {"size": "5004", "limit": "1000"}
    assert hand_in(small, b"%PDF" + b"x" * 5000).repeated
    assert not hand_in(small, b"%PDF" + b"x" * 5001).repeated


def test_without_a_queue_server_nothing_is_lost(settings: Settings) -> None:
    alone = Services.open(settings)
    receipt = hand_in(alone, xml())
    assert load(alone, receipt.document_id).state == "received"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\发票.pdf", "发票.pdf"),
        ("a\x00b\n.pdf", "ab.pdf"),
        ("", "unnamed"),
        ("x" * 300 + ".pdf", ("x" * 300 + ".pdf")[-255:]),
    ],
)
def test_a_file_name_is_only_a_label(given: str, kept: str) -> None:
    assert clean_name(given) == kept


# -- the road ------------------------------------------------------------------------------


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
    original = folder / "data/originals/001-26312000000000000001.xml"
    assert original.read_bytes() == xml()
    assert (folder / "data/evidence/001-26312000000000000001/1-result.png").exists()
    assert (folder / "data/evidence/001-26312000000000000001/1-portal.json").exists()
    with services.database.read() as session:
        assert audit.verify(session).sound


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


def test_a_worker_that_dies_silently_counts_as_a_crash(services: Services) -> None:
    receipt = hand_in(services, xml())
    for _ in range(3):
        with services.database.write() as session:  # a lease whose holder was killed
            assert leases.take(session, Document, receipt.document_id, -1)
    reader = FixedReader(invoice())
    Pipeline(services).read(receipt.document_id, reader)
    assert load(services, receipt.document_id).reason == "reader_crashed"
    assert reader.calls == 0


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


# -- verdicts ------------------------------------------------------------------------------


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


# -- vouchers ------------------------------------------------------------------------------


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
    path = services.store.path(load(services, receipt.document_id).sha256)
    path.chmod(0o600)
    path.write_bytes(b"something else")
    with pytest.raises(Exception, match="digest"):
        pipeline.seal("JZ-1")
    assert load(services, receipt.document_id).state == "passed"


# -- clock and watched folder --------------------------------------------------------------


def _age(services: Services, document_id: str) -> None:
    """As if nothing had happened to the document for an hour."""
    from sqlalchemy import update

    with services.database.write() as session:
        session.execute(
            update(Document)
            .where(Document.id == document_id)
            .values(updated_at=now() - dt.timedelta(hours=1))
        )


def test_a_wiped_queue_server_costs_nothing(services: Services) -> None:
    received = hand_in(services, xml("1"))
    read = hand_in(services, xml("2"))
    passed = hand_in(services, xml("3"))
    pipeline = Pipeline(services)
    pipeline.read(read.document_id, FixedReader(invoice("26312000000000000002")))
    pipeline.read(passed.document_id, FixedReader(invoice("26312000000000000003")))
    pipeline.verify(passed.document_id, visit(CONFIRMED))
    services.redis.flushall()
    for receipt in (received, read, passed):
        _age(services, receipt.document_id)
    clock = Clock(services)
    assert clock.round() == 3
    assert clock.round() == 0  # queued once is enough
    assert all(queue_of(stage, services.redis).count == 1 for stage in Stage)


def test_work_in_hand_is_left_alone(services: Services) -> None:
    receipt = hand_in(services, xml())
    services.redis.flushall()
    with services.database.write() as session:
        leases.take(session, Document, receipt.document_id, 60)
    _age(services, receipt.document_id)
    assert Clock(services).round() == 0


def test_enqueuing_twice_is_enqueuing_once(services: Services) -> None:
    assert enqueue(services.redis, Stage.ARCHIVE, "记-2026")
    enqueue(services.redis, Stage.ARCHIVE, "记-2026")
    assert queue_of(Stage.ARCHIVE, services.redis).count == 1


def test_the_watched_folder_takes_in_what_lies_still(services: Services) -> None:
    watched = WatchedFolder(services)
    (watched.folder / "a.xml").write_bytes(xml("a"))
    (watched.folder / "JZ-7").mkdir()
    (watched.folder / "JZ-7" / "b.xml").write_bytes(xml("b"))
    (watched.folder / ".hidden").write_bytes(xml("c"))
    assert watched.scan() == 0  # seen for the first time: perhaps still being written
    (watched.folder / "a.xml").write_bytes(xml("a, longer"))
    assert watched.scan() == 1
    assert watched.scan() == 1
    assert watched.scan() == 0
    with services.database.read() as session:
        documents = {one.name: one for one in session.query(Document)}
    assert set(documents) == {"a.xml", "b.xml"}
    assert documents["b.xml"].voucher_no == "JZ-7"
    assert services.store.get(documents["a.xml"].sha256) == xml("a, longer")
    moved = sorted(p.name for p in (watched.folder / ".accepted").rglob("*.xml"))
    assert moved == ["a.xml", "b.xml"]


# -- captcha desk --------------------------------------------------------------------------


def _challenge(seconds: float = 30) -> CaptchaChallenge:
    return CaptchaChallenge(
        document_id="d1",
        image_png=b"png",
        instruction="请输入验证码图片中红色文字",
        colour="red",
        expires_at=now() + dt.timedelta(seconds=seconds),
    )


def test_an_answer_reaches_the_one_who_asked(services: Services) -> None:
    answers: list[str | None] = []
    asking = threading.Thread(target=lambda: answers.append(services.desk.ask(_challenge())))
    asking.start()
    posed = None
    while posed is None:
        posed = services.desk.next_for("anna")
    assert (posed.document_id, posed.colour, posed.image_png) == ("d1", "red", b"png")
    assert services.desk.waiting() == 1
    assert services.desk.next_for("anna") == posed
    assert services.desk.next_for("berta") is None
    assert services.desk.answer(posed.id, " Ab1 ")
    asking.join()
    assert answers == ["Ab1"]
    assert not services.desk.answer(posed.id, "Ab1")
    assert services.desk.waiting() == 0


def test_nobody_at_the_desk_is_no_answer(services: Services) -> None:
    assert services.desk.ask(_challenge(0.2)) is None
    assert services.desk.ask(_challenge(-1)) is None
    assert services.desk.waiting() == 0


@pytest.mark.parametrize("text", ["", "   ", "x" * 17])
def test_an_answer_has_a_sane_length(services: Services, text: str) -> None:
    with pytest.raises(ValueError, match="characters"):
        services.desk.answer("0" * 24, text)


def test_a_stream_is_read_once(services: Services) -> None:
    batch_id = services.intake.open_batch("test")
    receipt = services.intake.accept(batch_id, "a.xml", BytesIO(xml("s")))
    assert load(services, receipt.document_id).size == len(xml("s"))
