"""What `yanpiao show` and `yanpiao status` tell."""

from __future__ import annotations

import json
import shutil
from typing import Any

from rich.console import Console
from rich.table import Table
from rq import Worker
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from archive.records import Alarm, AuditRow, Document
from archive.reviewing import ReviewDeed, deeds_of
from extractors.messages import say, sentence
from worker.broker import answers
from worker.lanes import Lanes
from worker.queues import Stage, queue_of
from worker.results import document_row
from worker.services import Services


def show_document(console: Console, session: Session, document: Document, language: str) -> None:
    """Print one document: where it stands, its values with their sources, findings, history."""
    row = document_row(document, language)
    console.print(f"[bold]{row.label}[/]  {row.id}")
    console.print(f"{row.state} {row.verdict}  {row.reason}", markup=False)
    if row.hint:
        console.print(row.hint, markup=False)
    if document.next_try_at:
        console.print(f"next try: {document.next_try_at.isoformat(timespec='minutes')}")
    if document.invoice is not None:
        console.print(_values(document.invoice.data))
        _findings(console, document.invoice.data.get("findings", []), language)
    for verification in document.verifications:
        console.print(
            f"verified {verification.at.isoformat(timespec='seconds')} by {verification.portal}: "
            f"{verification.verdict} / {verification.reason} "
            f"({verification.portal_time}, check {verification.portal_count})",
            markup=False,
        )
        _findings(console, verification.findings, language)
        for proof in verification.evidence:
            console.print(f"  {proof.name}  {proof.sha256}", markup=False)
    for deed in deeds_of(session, document.id):
        console.print(_deed(deed, language), markup=False)
    history = session.scalars(
        select(AuditRow).where(AuditRow.document_id == document.id).order_by(AuditRow.seq)
    )
    for entry in history:
        moment = entry.at.isoformat(timespec="seconds")
        console.print(f"{moment}  {entry.actor}  {entry.action}  {entry.detail}", markup=False)


def _deed(deed: ReviewDeed, language: str) -> str:
    """What a person decided, with reason, changed values, and who it was."""
    moment = deed.at.isoformat(timespec="seconds")
    said = [f"decided {moment} by {deed.actor}: {deed.action} ({deed.status})"]
    if deed.reason:
        said.append(say(deed.reason, language, {"text": deed.text}))
    elif deed.text:
        said.append(deed.text)
    said += [f"{name}: {one['old']} -> {one['new']}" for name, one in deed.changed.items()]
    return "  ".join(said)


def _values(data: dict[str, Any]) -> Table:
    table = Table("field", "value", "source", "confidence")
    for name, field in {**data, **data.get("extra", {})}.items():
        if isinstance(field, dict) and "source" in field:
            table.add_row(name, str(field["value"]), field["source"], f"{field['confidence']:.2f}")
    return table


def _findings(console: Console, findings: list[dict[str, Any]], language: str) -> None:
    for finding in findings:
        said = finding_sentence(finding, language)
        console.print(f"  {finding['severity']}: {said}", markup=False)


def finding_sentence(finding: dict[str, Any], language: str) -> str:
    """A stored finding in words."""
    params = {"field": finding.get("field") or "", **finding.get("params", {})}
    return sentence(finding["code"], language, params)


def status_report(services: Services) -> dict[str, Any]:
    """Counts by state, queues, workers, captchas, lane and disk, as plain data."""
    settings = services.settings
    with services.database.read() as session:
        states = dict(
            session.execute(
                select(Document.state, func.count(Document.id)).group_by(Document.state)
            ).all()
        )
        alarms = [
            {
                "at": each.at,
                "code": each.code,
                "document": each.document_id,
                "voucher": each.voucher_no,
            }
            for each in session.scalars(select(Alarm).where(Alarm.settled_at.is_(None)))
        ]
    report: dict[str, Any] = {
        "documents": states,
        "alarms": alarms,
        "portal": str(settings.portal_url),
        "portal_is_tax_authority": settings.is_tax_authority,
        "lane_stopped": Lanes(services.database, str(settings.portal_url)).stopped(),
        "data": str(settings.root),
        "disk_free_gib": round(shutil.disk_usage(settings.root).free / 1024**3, 1),
        "queue_server": answers(services.redis),
    }
    if report["queue_server"]:
        report["queues"] = {str(s): queue_of(s, services.redis).count for s in Stage}
        report["workers"] = {str(s): Worker.count(queue=queue_of(s, services.redis)) for s in Stage}
        report["captchas_waiting"] = services.desk.waiting()
    return json_safe(report)


def json_safe(value: dict[str, Any]) -> dict[str, Any]:
    """The same through JSON and back, so that printing it cannot fail later."""
    safe: dict[str, Any] = json.loads(json.dumps(value, default=str))
    return safe
