"""The result window's snapshot and the layout file, without a browser."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fixtures.portal
from fixtures.portal.known import Fourth
from verifiers.errors import PortalChanged
from verifiers.model import PortalKeys, Reason
from verifiers.outcome import backed_off, retry_time
from verifiers.portal.layout import load_layout
from verifiers.portal.result import read_result

LAYOUT = load_layout()
KEYS = PortalKeys(
    invoice_code="011002000111",
    invoice_number="12345678",
    issue_date=dt.date(2026, 11, 2),
    fourth="654321",
)
HEADERS = ["货物或应税劳务、服务名称", "规格型号", "单位", "数量", "单价", "金额", "税率", "税额"]
NOW = dt.datetime(2026, 11, 22, 2, 0, tzinfo=dt.UTC)


def snapshot(words: str = "查验结果", **ids: Any) -> dict[str, Any]:
    """A window as the browser sees it; a value of None leaves the id out."""
    shown: dict[str, Any] = {
        "cysj": "查验时间：2026-11-22 10:00:00",
        "cycs": "查验次数：第12次",
        "fphm_dzfp": "12345678",
        "kprq_dzfp": "2026年11月02日",
        "je_dzfp": "￥1,100.00",
        "jshjxx_dzfp": ["", "￥1243.00"],
        **ids,
    }
    return {
        "ids": {
            name: [text] if isinstance(text, str) else text
            for name, text in shown.items()
            if text is not None
        },
        "headers": [HEADERS],
        "rows": [["*文具*笔", "", "支", "1", "100", "1,100.00", "13%", "***"]],
        "words": words,
    }


def test_values_are_typed_and_labels_cut_off() -> None:
    shown = read_result(snapshot(), LAYOUT, KEYS)
    assert (shown.time, shown.count) == ("2026-11-22 10:00:00", 12)
    assert shown.status is None
    values = shown.values
    assert values is not None
    assert values.issue_date == dt.date(2026, 11, 2)
    assert (values.total_without_tax, values.total_with_tax) == (Decimal(1100), Decimal(1243))
    [line] = values.lines
    assert (line.amount, line.rate, line.tax) == (Decimal("1100.00"), Decimal("0.13"), None)


@pytest.mark.parametrize("date", ["20261102", "2026-11-02", "2026年11月2日"])
def test_dates_are_read_in_every_seen_form(date: str) -> None:
    values = read_result(snapshot(kprq_dzfp=date), LAYOUT, KEYS).values
    assert values is not None
    assert values.issue_date == dt.date(2026, 11, 2)


@pytest.mark.parametrize(
    "ids",
    [
        {"fphm_dzfp": "87654321"},
        {"fphm_dzfp": None},
        {"kprq_dzfp": None},
        {"kprq_dzfp": "2026年13月02日"},
        {"jshjxx_dzfp": None, "je_dzfp": None},
        {"jshjxx_dzfp": "NaN"},
        {"je_dzfp": "一百"},
        {"cyjg": "不明结果"},
    ],
    ids=str,
)
def test_what_is_not_understood_is_never_a_verdict(ids: dict[str, Any]) -> None:
    with pytest.raises(PortalChanged):
        read_result(snapshot(**ids), LAYOUT, KEYS)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["fphm_x", "kprq_x", "je_x", "se_x", "cyjg"]), st.text()))
def test_any_text_is_read_or_is_a_changed_page(ids: dict[str, str]) -> None:
    raw = {"ids": {name: [text] for name, text in ids.items()}, "headers": [], "rows": []}
    try:
        shown = read_result({**raw, "words": ""}, LAYOUT, KEYS)
    except PortalChanged:
        return
    assert (shown.values is None) != (shown.failure is None)


@pytest.mark.parametrize(
    ("verdict", "reason"), [("不一致", Reason.INCONSISTENT), ("查无此票", Reason.NOT_FOUND)]
)
def test_failures(verdict: str, reason: Reason) -> None:
    shown = read_result(snapshot(cyjg=verdict), LAYOUT, KEYS)
    assert shown.values is None
    assert shown.failure is not None
    assert shown.failure.reason is reason


@pytest.mark.parametrize(
    ("words", "reason"), [("发票 作废 明细", "voided"), ("已全额红冲", "red_offset")]
)
def test_status_words(words: str, reason: str) -> None:
    shown = read_result(snapshot(words=words), LAYOUT, KEYS)
    assert shown.status is not None
    assert shown.status.reason is Reason(reason)
    assert shown.values is not None
    assert shown.values.status_text in words


def test_unknown_headings_leave_the_lines_out() -> None:
    raw = {**snapshot(), "headers": [["甲", "乙"]], "rows": [["1", "2"]]}
    values = read_result(raw, LAYOUT, KEYS).values
    assert values is not None
    assert values.lines == ()


def test_every_message_of_the_stand_in_is_understood_as_its_code() -> None:
    script = Path(fixtures.portal.__file__).parent / "static" / "portal.js"
    messages = re.findall(r'"?(\w+)"?: "([^"]{4,})"', script.read_text(encoding="utf-8"))
    known = {code: text for code, text in messages if re.fullmatch(r"\d{1,3}|rqerr", code)}
    assert len(known) >= 12
    for code, text in known.items():
        meaning = LAYOUT.popup(text)
        assert meaning is not None, text
        assert meaning.code == code


def test_every_label_of_the_stand_in_is_understood() -> None:
    wanted = {label: LAYOUT.label(label.value) for label in Fourth}
    assert [str(key) for key in wanted.values()] == [
        "total_without_tax",
        "check_code",
        "total_with_tax",
        "total_with_tax",
        "number_tail",
    ]


@pytest.mark.parametrize("reason", list(Reason))
def test_only_what_time_mends_is_tried_again(reason: Reason) -> None:
    when = retry_time(reason, NOW)
    hopeless = {"keys_incomplete", "too_old", "not_covered", "offline_rule", "duplicate"}
    verdicts = {"consistent", "mismatch", "inconsistent", "not_found", "voided", "red_offset"}
    assert (when is None) == (reason.value in hopeless | verdicts)
    assert when is None or (when > NOW and when.tzinfo is dt.UTC)


@pytest.mark.parametrize(
    ("now", "retry"),
    [
        # Half past seven in the evening of the 22nd in Beijing.
        ("2026-11-22T11:30:00+00:00", "2026-11-22T16:10:00+00:00"),
        # Already the 23rd in Beijing.
        ("2026-11-22T16:05:00+00:00", "2026-11-23T16:10:00+00:00"),
    ],
)
def test_tomorrow_is_chinas_tomorrow(now: str, retry: str) -> None:
    when = retry_time(Reason.SAME_DAY, dt.datetime.fromisoformat(now))
    assert when == dt.datetime.fromisoformat(retry)


def test_refusals_in_a_row_wait_longer_up_to_four_hours() -> None:
    planned = NOW + dt.timedelta(minutes=2)
    waits = [backed_off(planned, NOW, refusals) - NOW for refusals in (1, 2, 3, 20, 10_000)]
    hours = dt.timedelta(hours=4)
    assert waits == [dt.timedelta(minutes=minutes) for minutes in (2, 4, 8)] + [hours, hours]
