"""Days: when an invoice was issued, set against today, its kind, its number and its claim."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from functools import cache
from pathlib import Path

import chinese_calendar

from extractors.model import Kind
from verifiers.rules.case import Case, Findings, block, info, warn

#: 增值税 began on 1994-01-01 (增值税暂行条例); no such invoice is older.
FIRST_DAY = dt.date(1994, 1, 1)
_SINCE_FILE = Path(__file__).parent.parent / "tables" / "kinds_since.toml"
_SATURDAY = 5


def date(case: Case) -> Findings:
    """Not to come, and not before there was value added tax."""
    issued = case.issued
    if issued is None:
        return ()
    if issued > case.today:
        return (block("date_in_future", "issue_date", date=f"{issued}", today=f"{case.today}"),)
    if issued < FIRST_DAY:
        return (block("date_implausible", "issue_date", date=f"{issued}"),)
    return ()


def kind_age(case: Case) -> Findings:
    """Nobody issued a kind before it existed; the first days are data with their sources."""
    issued, first = case.issued, _since().get(case.invoice.kind)
    if issued is None or first is None or issued >= first:
        return ()
    params = {"kind": case.invoice.kind.value, "first": f"{first}", "date": f"{issued}"}
    return (warn("kind_too_young", "issue_date", **params),)


def cross_year(case: Case) -> Findings:
    """An invoice of an earlier fiscal year (会计法 第十一条: the calendar year), later than the
    policy still takes those of last year."""
    issued = case.issued
    if issued is None or issued.year >= case.today.year:
        return ()
    month, day = map(int, case.policy.cross_year.until.split("-"))
    taken = (case.today.month, case.today.day) <= (month, day)
    if taken and issued.year == case.today.year - 1:
        return ()
    return (warn("cross_year", "issue_date", date=f"{issued}", year=f"{case.today.year}"),)


def after_claim(case: Case) -> Findings:
    """Issued after it was handed in: the paper that was claimed was another one."""
    issued, claimed = case.issued, case.claimed_on
    if issued is None or claimed is None or issued <= claimed:
        return ()
    return (block("issued_after_claim", "issue_date", date=f"{issued}", claimed=f"{claimed}"),)


def weekend(case: Case) -> Findings:
    """Issued on a day of rest: holidays and moved working days as the State Council ordered them;
    plain weekends in years whose order is not known yet."""
    issued = case.issued
    if issued is None or not rests(issued):
        return ()
    return (info("issued_on_rest_day", "issue_date", date=f"{issued}"),)


def rests(day: dt.date) -> bool:
    """Is it a day of rest in China?"""
    try:
        return bool(chinese_calendar.is_holiday(day))
    except NotImplementedError:
        return day.weekday() >= _SATURDAY


def number_year(case: Case) -> Findings:
    """A 数电票's number opens with the year of its issue (20 位: 年度 2 位)."""
    issued = case.issued
    if issued is None or not re.fullmatch(r"\d{20}", case.number):
        return ()
    if case.number[:2] == f"{issued:%y}":
        return ()
    return (warn("number_year_differs", "issue_date", number=case.number, date=f"{issued}"),)


@cache
def _since() -> dict[Kind, dt.date]:
    entries = tomllib.loads(_SINCE_FILE.read_text(encoding="utf-8"))["since"]
    return {Kind(name): first for name, first in entries.items()}
