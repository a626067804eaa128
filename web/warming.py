"""What the first visitor of each page would otherwise wait for: sentences, templates and statements
are made ready before the server takes its first request.

The pages are asked for once, inside the process, by nobody: on a copy of the application whose
database takes every change back, so that a rehearsal leaves no row, not even in the audit trail.
No request from outside can come in this way: who asks is laid beside it, not read from it.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI
from sqlalchemy import select
from starlette.types import Message

from archive.actors import EVERYWHERE, Role
from archive.database import Database
from archive.people import Grant, Person, PersonSession
from archive.records import Document, Upload
from extractors.messages import LANGUAGES, codes
from web.rendering import compile_templates
from worker.services import Services

log = logging.getLogger(__name__)

#: No further page is begun after this many seconds: a slow database must not keep the server shut.
LONGEST = 10.0
_PAGES = (
    *("/", "/review", "/review?order=amount", "/claims", "/vouchers", "/find?q=0001", "/dashboard"),
    *("/audit", "/new", "/captcha", "/notices", "/people"),
)


def warm(build: Callable[[Services], FastAPI], services: Services) -> None:
    """Make everything ready. `build` makes the application on given services. What goes wrong
    here is logged: the page itself will say it better."""
    for language in LANGUAGES:
        codes(language)
    compile_templates()
    try:
        app = build(replace(services, database=services.database.rehearsal()))
        asyncio.run(_rehearse(app, services))
    except Exception:
        log.exception("not every page could be made ready")


def settle() -> None:
    """What is there now stays: the collector of garbage need not go through it again and again,
    which held up one request of a hundred for tens of milliseconds."""
    gc.collect()
    gc.freeze()


def unsettle() -> None:
    """The process ends, and what was there goes like everything else."""
    gc.unfreeze()


async def _rehearse(app: FastAPI, services: Services) -> None:
    deadline = time.monotonic() + LONGEST
    for page in (*_PAGES, *_examples(services.database)):
        if time.monotonic() > deadline:
            log.warning("making pages ready took too long; %s and those after it are not", page)
            return
        status = await _ask(app, page, services.settings.allowed_hosts[0])
        log.debug("made ready: %s (%s)", page, status)


def _examples(database: Database) -> tuple[str, ...]:
    """The pages of the newest document, if there is one."""
    with database.read() as session:
        newest = session.scalars(select(Document).order_by(Document.id.desc()).limit(1)).first()
        if newest is None:
            return ()
        batch = session.scalars(
            select(Upload.batch_id).where(Upload.document_id == newest.id).limit(1)
        ).first()
    return (
        *(f"/review/{newest.id}", f"/documents/{newest.id}"),
        *(f"/vouchers/{quote(newest.voucher_no, safe='')}", f"/batches/{batch}"),
    )


async def _ask(app: FastAPI, page: str, host: str) -> int:
    """One page as nobody with every role; its status."""
    path, _, query = page.partition("?")
    scope: dict[str, Any] = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(b"host", host.encode())],
        "server": (host, 80),
        "client": None,
        # Where `web.who` leaves a request's session once it is known.
        "state": {"session": _session()},
    }
    status = 0

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)

    await app(scope, receive, send)
    return status


def _session() -> PersonSession:
    grants = [Grant(role=role, campus=EVERYWHERE) for role in Role]
    person = Person(id="", login="", name="", factor_waived=True, grants=grants)
    return PersonSession(token_hash="", person=person)
