"""What may be done at the desk, and by whom: the rules alone."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.records import State
from extractors.messages import LANGUAGES, codes, say
from extractors.model import MONEY_FIELDS
from tests.helpers import invoice
from verifiers.policy import Review
from worker.review.correcting import corrected, typed
from worker.review.errors import (
    BadCorrection,
    NotAcceptable,
    NotInCharge,
    NotNow,
    OwnUpload,
    ReasonNeeded,
    SecondPersonNeeded,
    UnderWay,
)
from worker.review.reasons import REASONS, check_reason
from worker.review.rules import FROM, Action, Case, needs_second, possible, refusal

POLICY = Review()
OPEN = Case(State.IN_REVIEW, amount=Decimal("100.00"))


def test_every_action_says_from_which_states_it_is_possible() -> None:
    assert set(FROM) == set(Action)
    assert not any(State.ARCHIVED in FROM[each] for each in set(Action) - {Action.NOTE})


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize("state", list(State))
def test_nothing_is_done_from_a_wrong_state(action: Action, state: State) -> None:
    case = Case(state, proposed_by="other", undoable=True)
    refused = refusal(case, action, "me", POLICY)
    assert (refused is None) == (state in FROM[action])
    assert refused is None or isinstance(refused, NotNow)


@pytest.mark.parametrize("action", list(Action))
def test_nobody_reviews_an_own_upload(action: Action) -> None:
    case = Case(State.IN_REVIEW, own=True, proposed_by="other", undoable=True)
    refused = refusal(case, action, "me", POLICY)
    assert refused is None if action is Action.NOTE else isinstance(refused, OwnUpload)


@pytest.mark.parametrize("action", list(Action))
def test_only_reviewers_of_the_campus_act(action: Action) -> None:
    case = Case(State.IN_REVIEW, in_charge=False, proposed_by="other", undoable=True)
    assert isinstance(refusal(case, action, "me", POLICY), NotInCharge)


@pytest.mark.parametrize("cause", POLICY.never_accept)
def test_some_differences_are_never_accepted_unless_the_policy_says_so(cause: str) -> None:
    case = Case(State.IN_REVIEW, causes=frozenset({"mismatch", cause}))
    assert isinstance(refusal(case, Action.ACCEPT, "me", POLICY), NotAcceptable)
    lenient = Review(never_accept=tuple(set(POLICY.never_accept) - {cause}))
    assert refusal(case, Action.ACCEPT, "me", lenient) is None


def test_what_a_worker_has_in_hand_is_left_alone_but_for_notes() -> None:
    case = Case(State.IN_REVIEW, busy=True)
    assert isinstance(refusal(case, Action.REJECT, "me", POLICY), UnderWay)
    assert possible(case, "me", POLICY) == {Action.ASSIGN, Action.NOTE}


def test_the_proposer_is_not_the_second_pair_of_eyes() -> None:
    case = Case(State.IN_REVIEW, proposed_by="me")
    assert isinstance(refusal(case, Action.SECOND, "me", POLICY), SecondPersonNeeded)
    assert refusal(case, Action.SECOND, "you", POLICY) is None
    assert isinstance(refusal(OPEN, Action.SECOND, "you", POLICY), NotNow)


@given(st.decimals(-20_000, 20_000, places=2), st.decimals(-20_000, 20_000, places=2))
def test_a_second_person_is_needed_above_the_amount(old: Decimal, new: Decimal) -> None:
    above = max(abs(old), abs(new)) > Decimal(10_000)
    assert needs_second(Action.ACCEPT, (old, new), POLICY) is above
    assert not needs_second(Action.REJECT, (old, new), POLICY)
    assert not needs_second(Action.ACCEPT, (old, new), Review(second_person_above=None))


def test_an_unknown_amount_counts_as_a_large_one() -> None:
    assert needs_second(Action.CONFIRM, (None,), POLICY)


def test_every_reason_has_its_sentence_and_only_listed_ones_are_taken() -> None:
    assert set(REASONS) == {Action.ACCEPT, Action.REJECT, Action.PICTURE}
    for action, reasons in REASONS.items():
        for code, words in reasons.items():
            assert all(say(code, language) != code for language in LANGUAGES)
            check_reason(action, code, "because" if words else "")
            if words:
                with pytest.raises(ReasonNeeded):
                    check_reason(action, code, "  ")
        with pytest.raises(ReasonNeeded):
            check_reason(action, "accept_whatever", "because")
    check_reason(Action.NOTE, "", "")


def test_every_refusal_has_its_sentence() -> None:
    for error in (NotAcceptable, NotInCharge, NotNow, OwnUpload, ReasonNeeded, UnderWay):
        assert all(error.code in codes(language) for language in LANGUAGES)
    assert get_args(Action) == ()


# -- what is typed -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("total_with_tax", "¥1,234.5", Decimal("1234.50")),
        ("total_with_tax", "１２３４．５６元", Decimal("1234.56")),
        ("total_tax", "-0.01", Decimal("-0.01")),
        ("issue_date", "2026年3月8日", dt.date(2026, 3, 8)),
        ("issue_date", "20260308", dt.date(2026, 3, 8)),
        ("issue_date", "2026-03-08", dt.date(2026, 3, 8)),
        ("invoice_number", " 2631 2000 0000 0000 0001 ", "26312000000000000001"),
        ("seller_tax_id", "91330106ma2abcde1x", "91330106MA2ABCDE1X"),
        ("seller_name", " 杭州（某某）有限公司 ", "杭州（某某）有限公司"),
    ],
)
def test_what_people_type_is_understood(name: str, text: str, value: object) -> None:
    assert typed(name, text) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("total_with_tax", "zwölf"),
        ("total_with_tax", "NaN"),
        ("total_with_tax", "1.234"),
        ("total_with_tax", "1e30"),
        ("issue_date", "2026-02-30"),
        ("issue_date", "morgen"),
        ("invoice_number", ""),
        ("seller_name", "x" * 600),
        ("seller_name", "a\x00b"),
        ("lines", "x"),
        ("__class__", "x"),
    ],
)
def test_what_cannot_be_a_value_is_refused(name: str, text: str) -> None:
    with pytest.raises(BadCorrection):
        typed(name, text)


@given(st.sampled_from(MONEY_FIELDS), st.text(max_size=20))
def test_typing_ends_in_a_value_or_a_refusal(name: str, text: str) -> None:
    try:
        value = typed(name, text)
    except BadCorrection:
        return
    assert isinstance(value, Decimal)
    assert value == round(value, 2)


def test_a_correction_keeps_the_old_value_and_finds_sums_anew() -> None:
    wrong = invoice(total="131.00")
    done = corrected(wrong, {"total_with_tax": "113"})
    assert done.changed == {
        "total_with_tax": {"old": "131.00", "old_source": "xml", "new": "113.00"}
    }
    assert done.invoice.total_with_tax is not None
    assert (done.invoice.total_with_tax.source, done.invoice.total_with_tax.confidence) == (
        "person",
        1.0,
    )
    assert [one.code for one in done.invoice.findings] == []
    still = corrected(wrong, {"total_with_tax": "114"})
    assert "total_mismatch" in [one.code for one in still.invoice.findings]
