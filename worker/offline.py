"""The offline rules, run with all that this installation knows: its policy, the day of the claim,
and the other invoices on its books."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from archive.history import history_of
from archive.records import Document
from extractors.model import Finding, Invoice
from verifiers.policy import Policy
from verifiers.rules import run_rules
from worker.services import Services

CHINA = ZoneInfo("Asia/Shanghai")


def today_in_china() -> dt.date:
    """The calendar day that the tax authority counts by."""
    return dt.datetime.now(CHINA).date()


def with_findings(invoices: Sequence[Invoice], findings: Sequence[Finding]) -> tuple[Invoice, ...]:
    """The invoices of one file, each with what was found of the file itself."""
    if not findings:
        return tuple(invoices)
    return tuple(
        invoice.model_copy(update={"findings": (*invoice.findings, *findings)})
        for invoice in invoices
    )


def offline_findings(
    services: Services, document: Document, invoice: Invoice
) -> tuple[Finding, ...]:
    """What the rules find of a recorded document."""
    with services.database.read() as session:
        return findings_in(session, document, invoice, services.policy)


def findings_in(
    session: Session, document: Document, invoice: Invoice, policy: Policy
) -> tuple[Finding, ...]:
    """The same within a transaction that goes on."""
    days = max(policy.running.days, policy.splitting.days)
    claimed = document.received_at.astimezone(CHINA).date()
    history = history_of(session, document.id, invoice, days)
    return run_rules(invoice, today_in_china(), policy, history, claimed)
