"""Telling misreading from forgery: a value that recognition read otherwise than the portal is
mended only where closer looks at the paper read the portal's value, and none reads ours again.

The law here is one-sided. An altered figure is printed as plainly as any other: looks read it
alike, or at best disagree, and either sends the document to finance. Only paper that says what
the portal says can be explained as misread.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from statistics import fmean

from extractors.amount_words import parse_amount
from extractors.words import Look
from verifiers.comparison import Compared, Outcome
from verifiers.folding import fold_id, fold_name
from verifiers.model import Reason, Verdict, Verification

#: So many looks must read the portal's value, each at least this sure.
_LEAST_LOOKS, _LEAST_SCORE = 3, 0.8
#: A look this unsure is no witness against the others.
_DEAF = 0.5
_LABEL = re.compile(r"^[^:：]{0,24}[:：]")
_MONEY = re.compile(r"-?\d[\d,]*\.\d{2}(?!\d)")
_MONEY_FIELDS = frozenset({"total_without_tax", "total_tax", "total_with_tax"})
_NAMES = frozenset({"buyer_name", "seller_name"})


def doubtful(compared: Sequence[Compared]) -> dict[str, Compared]:
    """Which comparisons closer looks may explain, by field: they differ, and the document's
    value was recognised at a known place."""
    return {
        each.field: each for each in compared if each.outcome is Outcome.DIFFERS and each.recognised
    }


def explicable(verification: Verification) -> bool:
    """Does a verification turn on values that closer looks may explain?"""
    return verification.reason is Reason.MISMATCH and bool(doubtful(verification.compared))


def explained(
    compared: Sequence[Compared], seen: Mapping[str, Sequence[Look]]
) -> tuple[Compared, ...]:
    """The comparisons after closer looks (`seen`, by field): those that are plain misreadings
    become MENDED with their score, all keep the looks as evidence."""
    return tuple(
        _judged(each, tuple(seen[each.field])) if each.field in seen else each for each in compared
    )


def outcome_of(compared: Sequence[Compared]) -> tuple[Verdict, Reason]:
    """What a result that was found says of the document, by its values alone."""
    if any(each.outcome is Outcome.DIFFERS for each in compared):
        return Verdict.CONTRADICTED, Reason.MISMATCH
    return Verdict.CONFIRMED, Reason.CONSISTENT


def _judged(each: Compared, looks: tuple[Look, ...]) -> Compared:
    kept = each.model_copy(update={"looks": looks})
    if each.outcome is not Outcome.DIFFERS or each.document is None:
        return kept
    witnesses = [look for look in looks if look.score >= _DEAF]
    theirs = [look for look in witnesses if says(each.field, look.text, each.portal)]
    ours = [look for look in witnesses if says(each.field, look.text, each.document)]
    sure = [look.score for look in theirs if look.score >= _LEAST_SCORE]
    if ours or len(sure) < _LEAST_LOOKS or len(theirs) * 2 <= len(witnesses):
        return kept
    return kept.model_copy(update={"outcome": Outcome.MENDED, "score": fmean(sure)})


def says(field: str, text: str, value: str) -> bool:
    """Does the text at a place say just this value, apart from its label? A value that merely
    stands within a longer one is not said: a forged name often holds the true one."""
    if field in _MONEY_FIELDS:
        amounts = {found.replace(",", "") for found in _MONEY.findall(text)}
        return amounts == {value}
    if field == "issue_date":
        return _digits(text)[-8:] == _digits(value) and _is_date(value)
    if field == "amount_in_words":
        amount = parse_amount(_bare(text))
        return amount is not None and amount == parse_amount(value)
    fold = fold_name if field in _NAMES else fold_id
    return fold(_bare(text)) == fold(value)


def _bare(text: str) -> str:
    """Without the label before it."""
    return _LABEL.sub("", text, count=1)


def _digits(text: str) -> str:
    return "".join(digit for digit in text if digit.isdigit())


def _is_date(value: str) -> bool:
    try:
        dt.date.fromisoformat(value)
    except ValueError:
        return False
    return True
