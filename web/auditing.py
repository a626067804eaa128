"""The audit trail, for who reads it: by document, voucher, person, deed and time; whether its
chain holds; and as a table to take away."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from operator import itemgetter
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import ColumnElement, or_, select

from archive import audit
from archive.actors import Actor, Role
from archive.people import Person
from archive.records import AuditRow
from extractors.messages import codes, say
from web.asking import language_of, services_of
from web.downloads import csv_download
from web.rendering import local_time, render
from web.who import needs
from worker.review.queue import names_of

router = APIRouter()

Auditing = Annotated[Actor, Depends(needs(Role.AUDITOR, Role.ADMIN))]

_DIGEST = re.compile(r"[0-9a-f]{40,}")
_CHINA = ZoneInfo("Asia/Shanghai")
_FIELDS = ("document", "voucher", "actor", "action", "from", "to")
_PAGE = 100
_ACTION = "ui_action_"
#: Rows of an export that are read at a time.
_BATCH = 1000


def _asked(request: Request) -> dict[str, str]:
    given = request.query_params
    return {name: given.get(name, "")[:64].replace("\x00", "").strip() for name in _FIELDS}


def _conditions(asked: dict[str, str]) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if asked["document"]:
        found.append(AuditRow.document_id == asked["document"])
    if asked["voucher"]:
        found.append(AuditRow.voucher_no == asked["voucher"])
    if who := asked["actor"]:
        people = select(Person.id).where(or_(Person.login == who.lower(), Person.name == who))
        found.append(or_(AuditRow.actor == who, AuditRow.actor.in_(people)))
    if asked["action"]:
        found.append(AuditRow.action == asked["action"])
    if (first := _day(asked["from"])) is not None:
        found.append(AuditRow.at >= first)
    if (last := _day(asked["to"])) is not None:
        found.append(AuditRow.at < last + dt.timedelta(days=1))
    return found


def _day(text: str) -> dt.datetime | None:
    """The beginning of a day as people in China count it; None for what is no day."""
    try:
        day = dt.date.fromisoformat(text)
        return dt.datetime(day.year, day.month, day.day, tzinfo=_CHINA)
    except ValueError:
        return None


@router.get("/audit")
def trail(request: Request, _: Auditing) -> HTMLResponse:
    """Rows, newest first, in pages by their number."""
    asked, language = _asked(request), language_of(request)
    before = request.query_params.get("before", "")
    with services_of(request).database.read() as session:
        query = select(AuditRow).where(*_conditions(asked))
        if before.isdecimal() and len(before) < 16:
            query = query.where(AuditRow.seq < int(before))
        rows = list(session.scalars(query.order_by(AuditRow.seq.desc()).limit(_PAGE + 1)))
        names = names_of(session, {row.actor for row in rows})
    shown = rows[:_PAGE]
    address = urlencode({name: value for name, value in asked.items() if value})
    values: dict[str, Any] = {
        "rows": [(row, _told(row)) for row in shown],
        "names": names,
        "asked": asked,
        "actions": _actions(language),
        "address": address,
        "next": shown[-1].seq if len(rows) > _PAGE else None,
        "report": None,
    }
    return render(request, "audit.html", values)


def _actions(language: str) -> list[tuple[str, str]]:
    """Every action there may be, with its words. The trail itself is not asked: it would have to
    be read whole."""
    names = (code.removeprefix(_ACTION) for code in codes(language) if code.startswith(_ACTION))
    return sorted(((name, say(f"{_ACTION}{name}", language)) for name in names), key=itemgetter(1))


def _told(row: AuditRow) -> str:
    """The details in one line: ids, codes and counts. Digests of rows are for the proof."""
    detail = json.loads(row.detail)
    detail.pop("rows", None)
    return " · ".join(f"{name} {_short(value)}" for name, value in detail.items() if value)


def _short(value: object) -> str:
    """One detail; digests by their beginning, the whole stands in the export."""
    if isinstance(value, list):
        return ", ".join(map(_short, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {_short(one)}" for name, one in value.items())
    text = str(value)
    return f"{text[:12]}…" if _DIGEST.fullmatch(text) else text


@router.get("/audit/chain")
def chain(request: Request, _: Auditing) -> HTMLResponse:
    """Walk the whole chain now, and say whether it holds."""
    with services_of(request).database.read() as session:
        report = audit.verify(session)
    return render(request, "_chain.html", {"report": report, "at": dt.datetime.now(dt.UTC)})


@router.get("/audit/export.csv")
def export(request: Request, actor: Auditing) -> Response:
    """The same rows, all of them, as a table in the chain's order and with its hashes."""
    asked, language = _asked(request), language_of(request)
    services = services_of(request)
    with services.database.write() as session:
        detail = {"asked": sorted(name for name, value in asked.items() if value)}
        audit.record(session, "audit_exported", actor=actor.id, detail=detail)

    def rows() -> Iterator[tuple[object, ...]]:
        last = 0
        while True:
            with services.database.read() as session:
                query = (
                    select(AuditRow)
                    .where(*_conditions(asked), AuditRow.seq > last)
                    .order_by(AuditRow.seq)
                    .limit(_BATCH)
                )
                found = list(session.scalars(query))
                names = names_of(session, {row.actor for row in found})
            for row in found:
                yield _cells(row, names, language)
            if len(found) < _BATCH:
                return
            last = found[-1].seq

    head = [say(f"ui_trail_{name}", language) for name in _HEAD]
    return csv_download(f"audit-{dt.datetime.now(dt.UTC):%Y%m%d-%H%M}.csv", head, rows())


_HEAD = ("seq", "at", "actor", "action", "document", "voucher", "detail", "hash")


def _cells(row: AuditRow, names: dict[str, str], language: str) -> tuple[object, ...]:
    return (
        row.seq,
        local_time(row.at),
        names.get(row.actor, row.actor),
        say(f"ui_action_{row.action}", language),
        row.document_id,
        row.voucher_no,
        row.detail,
        row.hash,
    )
