"""What is known of a voucher, as plain data: for its bag, the command line and other programs."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from archive.accounting import VoucherDecision, VoucherFacts
from archive.bag_layout import json_bytes


def facts_json(facts: VoucherFacts) -> dict[str, Any]:
    """The facts as a bag keeps them; amounts as text, dates as ISO 8601."""
    return {
        "fiscal_year": facts.fiscal_year,
        "account_set": facts.account_set,
        "agency_code": facts.agency_code,
        "agency_name": facts.agency_name,
        "campus": facts.campus,
        "period": facts.period,
        "word": facts.word,
        "number": facts.number,
        "voucher_date": facts.voucher_date.isoformat(),
        "posting_date": facts.posting_date.isoformat() if facts.posting_date else None,
        "summary": facts.summary,
        "invoice_amount": None if facts.invoice_amount is None else f"{facts.invoice_amount:.2f}",
        "debit_total": f"{facts.debit_total:.2f}",
        "credit_total": f"{facts.credit_total:.2f}",
        "attachments": facts.attachments,
        "preparer": facts.preparer,
        "reviewer": facts.reviewer,
        "poster": facts.poster,
        "red": facts.red,
        "origin": facts.origin,
        "entries": [
            {
                "line": entry.line,
                "summary": entry.summary,
                "account_code": entry.account_code,
                "account_name": entry.account_name,
                "debit": f"{entry.debit:.2f}",
                "credit": f"{entry.credit:.2f}",
            }
            for entry in facts.entries
        ],
    }


def facts_digest(facts: VoucherFacts) -> str:
    """SHA-256 over what the accounting system said, as a bag keeps it."""
    return hashlib.sha256(json_bytes(facts_json(facts))).hexdigest()


def decisions_json(session: Session, voucher_no: str) -> list[dict[str, Any]]:
    """What people accepted of the voucher, in order, as a bag keeps it."""
    rows = session.scalars(
        select(VoucherDecision)
        .where(VoucherDecision.voucher_no == voucher_no)
        .order_by(VoucherDecision.at, VoucherDecision.id)
    )
    return [
        {
            "code": row.code,
            "params": row.params,
            "reason": row.reason,
            "actor": row.actor,
            "at": row.at.isoformat(),
        }
        for row in rows
    ]
