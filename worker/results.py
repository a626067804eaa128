"""Results as rows: what became of each handed-in file, for tables, JSON and pages alike."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from archive.records import IN_MOTION, Document, State, Upload
from extractors.messages import sentence


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One handed-in file. `total` is yuan with two decimals, `seconds` of work over all
    stages; `reason` is a sentence, `hint` what its reader can do."""

    id: str
    file: str
    kind: str
    number: str
    total: str
    state: str
    verdict: str
    reason_code: str
    reason: str
    hint: str
    voucher: str
    seconds: float
    #: The same by stage: {"read": 3.1, "verify": 5.0, "archive": 0.2}.
    stages: dict[str, float]
    repeated: bool
    #: Which of the invoices in its file this is, from 1, and of how many.
    part: int
    parts: int

    @property
    def label(self) -> str:
        """The file's name, and which invoice of it this is where it holds several."""
        return f"{self.file} ({self.part}/{self.parts})" if self.parts > 1 else self.file

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def document_row(
    document: Document, language: str, name: str | None = None, *, repeated: bool = False
) -> ResultRow:
    """The row of one document, under the name it was handed in by."""
    invoice = document.invoice
    code = document.reason or ""
    params = {"name": document.name, **(document.reason_params or {})}
    total = invoice.total_with_tax if invoice else None
    return ResultRow(
        id=document.id,
        file=name or document.name,
        kind=invoice.kind if invoice else "",
        number=(invoice.invoice_number or "") if invoice else "",
        total="" if total is None else f"{total:.2f}",
        state=document.state,
        verdict=document.verdict or "",
        reason_code=code,
        reason=sentence(code, language, params) if code else "",
        hint=sentence(code, language, params, part="hint") if code else "",
        voucher=document.voucher_no,
        seconds=round(sum((document.seconds or {}).values()), 2),
        stages=document.seconds or {},
        repeated=repeated,
        part=document.part,
        parts=document.parts,
    )


def batch_rows(session: Session, batch_id: str, language: str) -> list[ResultRow]:
    """A row an upload of the batch, in the order they came."""
    uploads = session.scalars(
        select(Upload)
        .join(Document, Document.id == Upload.document_id)
        .where(Upload.batch_id == batch_id)
        .order_by(Upload.received_at, Document.part, Upload.id)
    ).unique()
    return [
        document_row(upload.document, language, upload.name, repeated=upload.repeated)
        for upload in uploads
    ]


def still_moving(session: Session, batch_id: str) -> int:
    """How many documents of the batch a worker will yet move on. Those that passed count until
    they are sealed; those that wait for a person or another day do not."""
    query = (
        select(func.count(func.distinct(Document.id)))
        .join(Upload, Upload.document_id == Document.id)
        .where(
            Upload.batch_id == batch_id,
            Document.state.in_((*IN_MOTION, State.PASSED)),
        )
    )
    return session.scalar(query) or 0


_COLOURS = {
    State.ARCHIVED: "green",
    State.PASSED: "green",
    State.WAITING: "yellow",
    State.IN_REVIEW: "red",
    State.FAILED: "red",
    State.REJECTED: "red",
}


def result_table(rows: list[ResultRow], title: str) -> Table:
    """The table that `drop --wait` and `make run` end with."""
    table = Table(title=title, title_justify="left", show_lines=False, expand=False)
    table.add_column("file", overflow="fold", max_width=34)
    table.add_column("kind", overflow="fold", max_width=20)
    table.add_column("number", overflow="fold")
    table.add_column("total", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("reason", overflow="fold", max_width=46)
    table.add_column("voucher", overflow="fold", max_width=20)
    table.add_column("seconds", justify="right", no_wrap=True)
    for row in rows:
        colour = _COLOURS.get(State(row.state), "")
        verdict = row.verdict or "unread"
        table.add_row(
            row.label,
            row.kind,
            row.number,
            row.total,
            f"[{colour}]{verdict}[/]\n{row.state}" if colour else f"{verdict}\n{row.state}",
            row.reason,
            row.voucher if row.state == State.ARCHIVED else "",
            f"{row.seconds:.1f}",
        )
    return table
