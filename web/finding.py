"""Search: one box that understands numbers, names, amounts, days and vouchers; filters beside it;
what was found as a table, or taken away as one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import HTMLResponse, Response

from archive import audit, search
from archive.actors import Actor, Role
from archive.records import State
from archive.search import Hit, Query
from archive.visibility import seen_by
from extractors.messages import say
from extractors.model import Kind
from web.asking import language_of, services_of
from web.downloads import csv_download, xlsx_download
from web.rendering import render
from web.who import SignedIn, needs
from worker.results import document_row

router = APIRouter()

Office = Annotated[Actor, Depends(needs(Role.REVIEWER, Role.ARCHIVIST, Role.AUDITOR, Role.ADMIN))]

_PAGE = 50
#: Rows of one export; its last line says so where there are more. A sheet holds 1,048,576.
MOST_EXPORTED = {"csv": 1_000_000, "xlsx": 200_000}
_FIELDS = ("seller", "voucher", "date_from", "date_to", "amount_min", "amount_max", "kind", "state")
_COLUMNS = ("number", "code", "kind", "date", "seller", "buyer", "total", "state", "voucher")


@dataclass(frozen=True, slots=True)
class Asked:
    """What stands in the form: the box, and each filter as typed."""

    q: str
    filters: dict[str, str]

    @classmethod
    def of(cls, request: Request) -> Asked:
        given = request.query_params
        return cls(
            given.get("q", "")[:200].replace("\x00", ""),
            {
                name: given.get(name, "")[:64].replace("\x00", "")
                for name in _FIELDS
                if given.get(name)
            },
        )

    @property
    def address(self) -> str:
        return urlencode({"q": self.q, **self.filters})

    def query(self) -> Query:
        """The box, narrowed by the filters; a filter that cannot be understood asks nothing."""
        found = Query.parse(self.q)
        more: dict[str, Any] = {name: _value(name, text) for name, text in self.filters.items()}
        return replace(found, **{name: value for name, value in more.items() if value is not None})


def _value(name: str, text: str) -> object:
    try:
        if name.startswith("date"):
            return dt.date.fromisoformat(text)
        if name.startswith("amount"):
            value = Decimal(text.replace(",", ""))
            return value if value.is_finite() and abs(value) < Decimal(10) ** 12 else None
    except (ValueError, InvalidOperation):
        return None
    return text.strip() or None


@router.get("/find")
def find(request: Request, actor: SignedIn) -> HTMLResponse:
    return render(request, "find.html", _found(request, actor))


@router.get("/find/results")
def results(request: Request, actor: SignedIn) -> HTMLResponse:
    """The page's changing part, fetched while one types. The page's address follows, so that it
    can be kept, and gone back to."""
    page = render(request, "_found.html", _found(request, actor))
    page.headers["HX-Replace-Url"] = f"/find?{Asked.of(request).address}"
    return page


def _found(request: Request, actor: Actor) -> dict[str, object]:
    asked, language = Asked.of(request), language_of(request)
    query = asked.query()
    with services_of(request).database.read() as session:
        page = search.run(
            session, query, _PAGE, request.query_params.get("after"), seen=seen_by(actor)
        )
        rows = [(hit, document_row(hit.document, language)) for hit in page.hits]
    office = (Role.REVIEWER, Role.ARCHIVIST, Role.AUDITOR, Role.ADMIN)
    return {
        "q": asked.q,
        "filters": {name: asked.filters.get(name, "") for name in _FIELDS},
        "understood": {
            each.name: str(value)
            for each in fields(query)
            if (value := getattr(query, each.name)) is not None
        },
        "empty": query.empty,
        "found": rows,
        "address": asked.address,
        "next": page.next,
        "kinds": [kind.value for kind in Kind if kind is not Kind.UNKNOWN],
        "all_states": [state.value for state in State],
        "may_export": any(actor.may(role) for role in office),
        "in_office": any(actor.may(role) for role in office),
    }


# -- taking it away ------------------------------------------------------------------------


@router.get("/find/export.{form}")
def export(
    request: Request, actor: Office, form: Annotated[str, Path(pattern="^(csv|xlsx)$")]
) -> Response:
    """Everything that was found, up to a limit, as a table; that it was taken stands in the
    trail."""
    asked, language = Asked.of(request), language_of(request)
    services = services_of(request)
    with services.database.write() as session:
        detail = {"form": form, "asked": sorted(_given(asked.query()))}
        audit.record(session, "search_exported", actor=actor.id, detail=detail)
    head = [say(f"ui_export_{name}", language) for name in _COLUMNS]
    name = f"yanpiao-{dt.datetime.now(dt.UTC):%Y%m%d-%H%M}.{form}"

    def rows() -> Iterator[tuple[object, ...]]:
        most = MOST_EXPORTED[form]
        for number, hit in enumerate(_hits(request, actor, asked.query())):
            if number == most:
                told = say("ui_export_cut", language, {"count": f"{most:,}"})
                yield (told, *[""] * (len(head) - 1))
                return
            yield _row(hit, language)

    if form == "csv":
        return csv_download(name, head, rows())
    return xlsx_download(name, "yanpiao", head, rows())


def _given(query: Query) -> set[str]:
    return {each.name for each in fields(query) if getattr(query, each.name) is not None}


def _hits(request: Request, actor: Actor, query: Query) -> Iterator[Hit]:
    """Hits page by page, each page with a session of its own: a slow reader holds nothing."""
    after = None
    while True:
        with services_of(request).database.read() as session:
            page = search.run(session, query, 500, after, seen=seen_by(actor))
        yield from page.hits
        if (after := page.next) is None:
            return


def _row(hit: Hit, language: str) -> tuple[object, ...]:
    invoice, document = hit.document.invoice, hit.document
    state = say(f"ui_state_{document.state}", language)
    if invoice is None:
        return ("", "", "", "", "", "", "", state, document.voucher_no)
    total = invoice.total_with_tax
    return (
        invoice.invoice_number,
        invoice.invoice_code,
        invoice.kind,
        invoice.issue_date,
        invoice.seller_name,
        invoice.buyer_name,
        "" if total is None else f"{total:.2f}",
        state,
        document.voucher_no,
    )
