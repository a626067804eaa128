"""Deeds at the desk on a real database and queue server: what each does, who was first, what is
taken back, and what of it is sealed."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import pytest
from rich.console import Console

from archive import audit, leases
from archive.actors import EVERYWHERE, Actor, Role
from archive.records import Document, State, Voucher
from archive.reviewing import ReviewCase
from extractors.errors import DamagedFile, YanpiaoError
from extractors.model import Finding, Severity
from tests.helpers import (
    CONFIRMED,
    FixedReader,
    actions,
    hand_in,
    invoice,
    load,
    undecided,
    visit,
    xml,
)
from tests.reviewing import (
    DIFFERS,
    LI,
    WANG,
    accept,
    at_once,
    deeds,
    do,
    in_review,
)
from verifiers.model import Reason, Verdict, Verification
from worker.inspecting import show_document
from worker.pipeline import Pipeline
from worker.review.desk import ReviewDesk
from worker.review.errors import (
    InvoiceTaken,
    NotAcceptable,
    NothingToUndo,
    NotInCharge,
    NotNow,
    SamePicture,
    UnderWay,
)
from worker.review.replacing import replace
from worker.review.rules import Action
from worker.review.wishes import Done, Wish, version_of
from worker.services import Services


@pytest.fixture
def desk(services: Services) -> ReviewDesk:
    return ReviewDesk(services)


# -- accepting, and what is sealed of it ---------------------------------------------------


def test_an_accepted_difference_seals_with_decision_reason_and_actor(services: Services) -> None:
    desk = at_once(services)
    document_id = in_review(services)
    done = accept(desk, document_id)
    assert (done.status, load(services, document_id).state) == ("done", State.PASSED)
    Pipeline(services).seal("JZ-1")
    assert load(services, document_id).state == State.ARCHIVED
    (path,) = (services.settings.bags / "JZ-1" / "v0001" / "data" / "metadata").iterdir()
    (decision,) = json.loads(Path(path).read_text())["decisions"]
    assert (decision["action"], decision["actor"], decision["reason"]) == (
        "accept",
        "li",
        "accept_name_variant",
    )
    assert actions(services, document_id)[-3:] == [
        "document_passed",
        "review_accept",
        "document_archived",
    ]
    console = Console(record=True, width=200)
    with services.database.read() as session:
        show_document(console, session, session.get_one(Document, document_id), "zh")
        assert audit.verify(session).sound
    assert "by li: accept (done)  名称写法不同" in console.export_text()


def test_nothing_is_sealed_while_it_can_be_taken_back(services: Services, desk: ReviewDesk) -> None:
    document_id = in_review(services)
    accept(desk, document_id)
    Pipeline(services).seal("JZ-1")
    assert load(services, document_id).state == State.PASSED
    do(desk, WANG, document_id, Action.UNDO)
    back = load(services, document_id)
    assert (back.state, back.reason, back.next_try_at) == (State.IN_REVIEW, "mismatch", None)
    accept(desk, document_id)


def test_what_is_sealed_stays_sealed(services: Services) -> None:
    desk = at_once(services)
    document_id = in_review(services)
    accept(desk, document_id)
    with services.database.write() as session:
        assert leases.take(session, Voucher, "JZ-1", 60)
    with pytest.raises(UnderWay):
        do(desk, LI, document_id, Action.UNDO)
    with services.database.write() as session:
        session.get_one(Voucher, "JZ-1").lease_until = None
    Pipeline(services).seal("JZ-1")
    with pytest.raises(NotNow):
        do(desk, LI, document_id, Action.UNDO)


@pytest.mark.parametrize("reason", [Reason.VOIDED, Reason.RED_OFFSET])
def test_a_voided_invoice_is_never_accepted(
    services: Services, desk: ReviewDesk, reason: Reason
) -> None:
    void = Verification(verdict=Verdict.CONTRADICTED, reason=reason)
    document_id = in_review(services, answer=void)
    with pytest.raises(NotAcceptable):
        accept(desk, document_id)
    accept(at_once(services, never_accept=()), document_id)


def test_an_altered_signature_and_a_duplicate_are_never_accepted(
    services: Services, desk: ReviewDesk
) -> None:
    altered = Finding(code="altered_after_signing", severity=Severity.BLOCK)
    read = invoice().model_copy(update={"findings": (altered,)})
    with pytest.raises(NotAcceptable):
        accept(desk, in_review(services, read=read, answer=CONFIRMED))
    second = hand_in(services, xml("again")).document_id
    Pipeline(services).read(second, FixedReader(invoice()))
    assert load(services, second).reason == "duplicate"
    with pytest.raises(NotAcceptable):
        accept(desk, second)
    with pytest.raises(InvoiceTaken):
        do(desk, LI, second, Action.REVERIFY)


# -- the other deeds -----------------------------------------------------------------------


def test_a_rejected_invoice_is_free_and_comes_back_as_a_duplicate(
    services: Services, desk: ReviewDesk
) -> None:
    document_id = in_review(services)
    do(desk, LI, document_id, Action.REJECT, reason="reject_other", text="请补签字")
    rejected = load(services, document_id)
    assert (rejected.reason, rejected.reason_params) == ("reject_other", {"text": "请补签字"})
    other = hand_in(services, xml("other")).document_id
    Pipeline(services).read(other, FixedReader(invoice()))
    assert load(services, other).state == State.READ
    do(desk, LI, document_id, Action.UNDO)
    back = load(services, document_id)
    assert (back.state, back.reason) == (State.IN_REVIEW, "duplicate")


def test_reading_and_verifying_again(services: Services, desk: ReviewDesk) -> None:
    document_id = in_review(services)
    do(desk, LI, document_id, Action.REREAD)
    assert load(services, document_id).state == State.RECEIVED
    pipeline = Pipeline(services)
    pipeline.read(document_id, FixedReader(invoice()))
    pipeline.verify(document_id, visit(DIFFERS))
    with pytest.raises(NothingToUndo):
        do(desk, LI, document_id, Action.UNDO)
    do(desk, LI, document_id, Action.REVERIFY)
    pipeline.verify(document_id, visit(CONFIRMED))
    assert load(services, document_id).state == State.PASSED


def test_a_failed_file_is_read_again(services: Services, desk: ReviewDesk) -> None:
    receipt = hand_in(services, xml())
    Pipeline(services).read(receipt.document_id, FixedReader(DamagedFile(detail="cut")))
    do(desk, LI, receipt.document_id, Action.REREAD)
    Pipeline(services).read(receipt.document_id, FixedReader(invoice()))
    assert load(services, receipt.document_id).state == State.READ


def test_reading_one_part_again_leaves_the_others(services: Services, desk: ReviewDesk) -> None:
    receipt = hand_in(services, xml(), voucher="JZ-1")
    parts = tuple(
        invoice(f"2631200000000000000{n}").model_copy(update={"part": n, "parts": 2})
        for n in (1, 2)
    )
    pipeline = Pipeline(services)
    pipeline.read(receipt.document_id, FixedReader(parts))
    with services.database.read() as session:
        ids = [one.id for one in session.query(Document).order_by(Document.part)]
    pipeline.verify(ids[0], visit(CONFIRMED))
    pipeline.verify(ids[1], visit(DIFFERS))
    do(desk, LI, ids[1], Action.REREAD)
    pipeline.read(ids[1], FixedReader(parts))
    assert [load(services, one).state for one in ids] == [State.PASSED, State.READ]
    second = load(services, ids[1]).invoice
    assert second is not None
    assert second.invoice_number == "26312000000000000002"


def test_a_waiting_document_is_verified_now(services: Services, desk: ReviewDesk) -> None:
    receipt = hand_in(services, xml())
    pipeline = Pipeline(services)
    pipeline.read(receipt.document_id, FixedReader(invoice()))
    pipeline.verify(receipt.document_id, visit(undecided(Reason.SAME_DAY)))
    do(desk, LI, receipt.document_id, Action.REVERIFY)
    pipeline.verify(receipt.document_id, visit(CONFIRMED))
    assert load(services, receipt.document_id).state == State.PASSED


def test_linking_assigning_and_noting(services: Services, desk: ReviewDesk) -> None:
    document_id = in_review(services)
    do(desk, LI, document_id, Action.LINK, voucher_no="JZ-2")
    assert load(services, document_id).voucher_no == "JZ-2"
    do(desk, LI, document_id, Action.UNDO)
    assert load(services, document_id).voucher_no == "JZ-1"
    seen = version_of(load(services, document_id))
    do(desk, LI, document_id, Action.ASSIGN, assignee="wang")
    do(desk, LI, document_id, Action.NOTE, text="已电话核实")
    with services.database.read() as session:
        assert session.get_one(ReviewCase, document_id).assignee == "wang"
    accept(desk, document_id, WANG, seen=seen)  # neither made the screen out of date


def test_many_for_the_same_reason_each_on_its_own(services: Services, desk: ReviewDesk) -> None:
    ids = [
        in_review(services, read=invoice(f"2631200000000000000{n}"), text=str(n)) for n in (1, 2)
    ]
    wishes = [
        Wish(
            Action.REJECT,
            one,
            f"bulk:{one}",
            version_of(load(services, one)),
            reason="reject_differs",
        )
        for one in ids
    ]
    accept(desk, ids[0], WANG)
    outcomes = [result for _, result in desk.act_on_all(LI, wishes[1:])]
    assert [isinstance(one, Done) for one in outcomes] == [True]
    with pytest.raises(NotNow):
        desk.act_on_all(LI, wishes)  # one of them stands for another reason by now
    with pytest.raises(NotNow):
        desk.act_on_all(LI, [Wish(Action.NOTE, one, f"n:{one}") for one in ids])


def test_a_better_picture_takes_the_place_of_the_old(services: Services, desk: ReviewDesk) -> None:
    teacher = Actor("chen", "chen", "chen", frozenset({(Role.SUBMITTER, EVERYWHERE)}))

    def hand(text: str) -> str:
        batch = services.intake.open_batch("test", submitter="chen", voucher_no="JZ-1")
        return services.intake.accept(batch, "a.xml", BytesIO(xml(text))).document_id

    pipeline = Pipeline(services)
    old = hand("old")
    pipeline.read(old, FixedReader(invoice()))
    pipeline.verify(old, visit(DIFFERS))
    with pytest.raises(NotNow):
        replace(services, teacher, old, hand("too early"))
    do(desk, LI, old, Action.PICTURE, reason="picture_blurred")
    assert load(services, old).reason == "picture_blurred"
    with pytest.raises(SamePicture):
        replace(services, teacher, old, hand("old"))
    new = hand("new")
    pipeline.read(new, FixedReader(invoice()))  # before anybody linked it: a duplicate
    replace(services, teacher, old, new)
    replace(services, teacher, old, new)
    assert (load(services, old).state, load(services, new).state) == (State.REJECTED, State.READ)
    pipeline.verify(new, visit(CONFIRMED))
    assert load(services, new).state == State.PASSED


def test_a_refused_deed_leaves_no_trace(services: Services, desk: ReviewDesk) -> None:
    document_id = in_review(services)
    before = actions(services, document_id)
    for action, more in (
        (Action.ACCEPT, {"reason": ""}),
        (Action.ACCEPT, {"reason": "accept_other"}),
        (Action.CONFIRM, {"values": {"total_with_tax": "many"}}),
        (Action.LINK, {"voucher_no": "../up"}),
        (Action.ACCEPT, {"reason": "accept_name_variant", "seen": "17"}),
        (Action.ACCEPT, {"reason": "accept_name_variant", "seen": "soon"}),
    ):
        with pytest.raises(YanpiaoError):
            do(desk, LI, document_id, action, **more)
    assert actions(services, document_id) == before
    assert deeds(services, document_id) == []


def test_only_a_reviewer_of_the_campus_decides(services: Services, desk: ReviewDesk) -> None:
    batch = services.intake.open_batch("test", "chen", voucher_no="JZ-1", campus="north")
    document_id = services.intake.accept(batch, "a.xml", BytesIO(xml())).document_id
    Pipeline(services).read(document_id, FixedReader(DamagedFile(detail="cut")))
    south = Actor("sun", "sun", "sun", frozenset({(Role.REVIEWER, "south")}))
    north = Actor("bai", "bai", "bai", frozenset({(Role.REVIEWER, "north")}))
    with pytest.raises(NotInCharge):
        do(desk, south, document_id, Action.REREAD)
    do(desk, north, document_id, Action.REREAD)
