"""What an import of vouchers did, in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archive.accounting import Standing
from archive.voucher_import import ImportReport
from archive.voucher_rows import RowFault
from extractors.messages import say


def report_json(report: ImportReport, language: str) -> dict[str, Any]:
    """Counts, numbers, and each fault with its sentence and what to do."""
    return {
        "created": list(report.created),
        "updated": list(report.updated),
        "unchanged": list(report.unchanged),
        "faults": [
            {
                "row": fault.row,
                "column": fault.column,
                "code": fault.code,
                "message": say(fault.code, language, fault.params),
                "hint": say(fault.code, language, fault.params, part="hint"),
            }
            for fault in report.faults
        ],
    }


def report_lines(report: ImportReport, language: str) -> Iterator[str]:
    """The same for people: a line of counts, then a line a fault."""
    counts = {
        "created": len(report.created),
        "updated": len(report.updated),
        "unchanged": len(report.unchanged),
        "faults": len(report.faults),
    }
    yield say("vouchers_imported", language, counts)
    for fault in report.faults:
        yield _fault_line(fault, language)


def _fault_line(fault: RowFault, language: str) -> str:
    said = say(fault.code, language, fault.params)
    hint = say(fault.code, language, fault.params, part="hint")
    where = "voucher_row" if fault.column else "voucher_row_whole"
    params = {"row": fault.row, "column": fault.column, "said": f"{said} {hint}".strip()}
    return say(where, language, params)


def standing_json(found: Standing, language: str) -> dict[str, Any]:
    """How a voucher stands, each difference with its sentence and who accepted it."""
    return {
        "voucher": found.voucher_no,
        "has_facts": found.has_facts,
        "blocked": found.blocked,
        "documents": found.documents,
        "open": found.open,
        "expected": None if found.expected is None else f"{found.expected:.2f}",
        "total": None if found.total is None else f"{found.total:.2f}",
        "differences": [
            {
                "code": each.finding.code,
                "message": say(each.finding.code, language, each.finding.params),
                "hint": say(each.finding.code, language, each.finding.params, part="hint"),
                "accepted_by": each.accepted_by,
                "reason": each.reason,
            }
            for each in found.judged
        ],
    }
