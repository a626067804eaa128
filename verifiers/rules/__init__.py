"""Offline rules: what an invoice must fulfil whoever is asked. Small pure functions, each of a
`Case`; `verifiers.rule_catalogue` says where each comes from.

A BLOCK finding asks a person to look; it does not accuse, for the reader may have misread.
What the reader has already found (same code and field) is not said twice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from extractors.model import Finding, Invoice
from verifiers.policy import Policy, Strength, load_policy
from verifiers.rule_catalogue import RULES
from verifiers.rules import dates, neighbours, numbers, parties, sums
from verifiers.rules.case import Case, Findings, History, Rule

#: Each rule of the catalogue and its function, in the order in which findings are told.
CHECKS: dict[str, Rule] = {
    "totals": sums.totals,
    "words": sums.words,
    "line_sums": sums.line_sums,
    "line_taxes": sums.line_taxes,
    "rates": sums.rates,
    "date": dates.date,
    "kind_age": dates.kind_age,
    "cross_year": dates.cross_year,
    "after_claim": dates.after_claim,
    "weekend": dates.weekend,
    "number_year": dates.number_year,
    "number": numbers.number,
    "code": numbers.code,
    "region": numbers.region,
    "tax_ids": numbers.tax_ids,
    "buyer": parties.buyer,
    "possible_duplicate": neighbours.possible_duplicate,
    "running": neighbours.running,
    "splitting": neighbours.splitting,
    "listed_words": parties.listed_words,
    "listed_sellers": parties.listed_sellers,
    "limits": parties.limits,
}


def run_rules(
    invoice: Invoice,
    today: dt.date,
    policy: Policy | None = None,
    history: History | None = None,
    claimed_on: dt.date | None = None,
) -> Findings:
    """All findings of the rules that the policy has in force, in the catalogue's order. `today`
    and `claimed_on` (when it was handed in) are dates in China; without a policy the shipped one
    holds, without a history nothing is known of other invoices."""
    case = Case(invoice, today, policy or load_policy(), history or History(), claimed_on)
    said = {(finding.code, finding.field) for finding in invoice.findings}
    return tuple(finding for finding in _found(case) if (finding.code, finding.field) not in said)


def _found(case: Case) -> Iterator[Finding]:
    for entry in RULES:
        strength = case.policy.strength(entry.name)
        if strength is Strength.OFF:
            continue
        for finding in CHECKS[entry.name](case):
            forced = strength.severity
            yield finding if forced is None else finding.model_copy(update={"severity": forced})
