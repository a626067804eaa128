"""Several people at the desk: who was first, clicks that come twice, and a second pair of eyes."""

from __future__ import annotations

import threading
from io import BytesIO

import pytest

from archive.records import State
from tests.helpers import (
    FixedReader,
    actions,
    invoice,
    load,
    visit,
    xml,
)
from tests.reviewing import (
    DIFFERS,
    LI,
    WANG,
    accept,
    deeds,
    do,
    in_review,
    large,
    person,
)
from worker.pipeline import Pipeline
from worker.review.desk import ReviewDesk
from worker.review.errors import (
    BadCorrection,
    CaseChanged,
    NothingToConfirm,
    NotNow,
    OwnUpload,
    SecondPersonNeeded,
    TokenReused,
)
from worker.review.rules import Action
from worker.review.wishes import Done, Wish, version_of
from worker.services import Services


@pytest.fixture
def desk(services: Services) -> ReviewDesk:
    return ReviewDesk(services)


# -- who was first -------------------------------------------------------------------------


def test_the_second_of_two_reviewers_is_told_who_was_first(
    services: Services, desk: ReviewDesk
) -> None:
    document_id = in_review(services)
    seen = version_of(load(services, document_id))
    do(desk, LI, document_id, Action.REJECT, reason="reject_differs", seen=seen)
    with pytest.raises(CaseChanged) as told:
        accept(desk, document_id, WANG, seen=seen)
    assert (told.value.params["actor"], told.value.params["action"]) == ("li", "reject")
    assert load(services, document_id).state == State.REJECTED


def test_of_many_racing_reviewers_one_decides(services: Services, desk: ReviewDesk) -> None:
    document_id = in_review(services)
    seen = version_of(load(services, document_id))
    start, results = threading.Barrier(4), list[str]()

    def decide(number: int) -> None:
        start.wait()
        try:
            accept(desk, document_id, person(f"p{number}"), seen=seen)
            results.append("done")
        except CaseChanged as error:
            results.append(error.params["actor"])

    threads = [threading.Thread(target=decide, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winner = deeds(services, document_id)[0].actor
    assert sorted(results) == sorted(["done", winner, winner, winner])


def test_a_second_click_does_nothing_twice(services: Services, desk: ReviewDesk) -> None:
    document_id = in_review(services)
    seen = version_of(load(services, document_id))
    wish = Wish(Action.ACCEPT, document_id, "one-click", seen, reason="accept_name_variant")
    first, second = desk.act(LI, wish), desk.act(LI, wish)
    assert (second.deed_id, second.repeated) == (first.deed_id, True)
    assert actions(services, document_id).count("review_accept") == 1
    with pytest.raises(TokenReused):
        desk.act(WANG, wish)


def test_the_same_click_twice_at_once_is_one_deed(services: Services, desk: ReviewDesk) -> None:
    document_id = in_review(services)
    wish = Wish(Action.NOTE, document_id, "one-note", text="原件已看")
    results: list[Done] = []
    threads = [threading.Thread(target=lambda: results.append(desk.act(LI, wish))) for _ in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.repeated for one in results) == [False, True, True, True]
    assert len(deeds(services, document_id)) == 1


def test_nobody_reviews_an_own_upload(services: Services, desk: ReviewDesk) -> None:
    batch = services.intake.open_batch("test", submitter="li", voucher_no="JZ-1")
    document_id = services.intake.accept(batch, "a.xml", BytesIO(xml())).document_id
    pipeline = Pipeline(services)
    pipeline.read(document_id, FixedReader(invoice()))
    pipeline.verify(document_id, visit(DIFFERS))
    with pytest.raises(OwnUpload):
        accept(desk, document_id)
    do(desk, LI, document_id, Action.NOTE, text="我交的")
    accept(desk, document_id, WANG)


# -- a second pair of eyes -----------------------------------------------------------------


def test_above_the_amount_a_second_person_confirms(services: Services, desk: ReviewDesk) -> None:
    document_id = large(services)
    assert accept(desk, document_id).status == "proposed"
    assert load(services, document_id).state == State.IN_REVIEW
    with pytest.raises(SecondPersonNeeded):
        do(desk, LI, document_id, Action.SECOND)
    do(desk, WANG, document_id, Action.SECOND)
    assert load(services, document_id).state == State.PASSED
    assert [(one.actor, one.action, one.status) for one in deeds(services, document_id)] == [
        ("li", "accept", "confirmed"),
        ("wang", "second", "done"),
    ]
    do(desk, WANG, document_id, Action.UNDO)
    assert load(services, document_id).state == State.IN_REVIEW
    with pytest.raises(NotNow):
        do(desk, WANG, document_id, Action.SECOND)


def test_a_proposal_is_taken_back_or_overtaken(services: Services, desk: ReviewDesk) -> None:
    document_id = large(services)
    accept(desk, document_id)
    do(desk, LI, document_id, Action.UNDO)
    accept(desk, document_id)
    do(desk, WANG, document_id, Action.REJECT, reason="reject_suspect")
    assert [one.status for one in deeds(services, document_id)] == [
        "undone",
        "done",
        "dropped",
        "done",
    ]
    assert load(services, document_id).state == State.REJECTED


def test_what_could_not_be_carried_out_is_not_proposed(
    services: Services, desk: ReviewDesk
) -> None:
    document_id = large(services)
    with pytest.raises(NothingToConfirm):
        do(desk, LI, document_id, Action.CONFIRM)
    with pytest.raises(BadCorrection):
        do(desk, LI, document_id, Action.CONFIRM, values={"issue_date": "someday"})
    assert not deeds(services, document_id)


def test_an_amount_corrected_downwards_still_needs_two(
    services: Services, desk: ReviewDesk
) -> None:
    document_id = large(services)
    done = do(desk, LI, document_id, Action.CONFIRM, values={"total_with_tax": "113.00"})
    assert done.status == "proposed"
    do(desk, WANG, document_id, Action.SECOND)
    assert load(services, document_id).state == State.READ
