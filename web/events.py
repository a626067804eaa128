"""What moved, told at once: server-sent events over one stream a page.

The stream asks the database a question that an index answers, every other second, and speaks only
when the answer changed. A page without it asks by itself from time to time (`static/live.js`).
"""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from types import FrameType
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from sqlalchemy import func, select
from starlette.concurrency import run_in_threadpool

from archive.actors import Actor
from archive.noticing import Notice
from archive.records import Document
from web.rendering import services_of
from web.who import needs
from worker.services import Services

router = APIRouter()

SignedIn = Annotated[Actor, Depends(needs())]

_PAUSE_SECONDS = 2.0
#: A comment now and then, so that nothing between us takes the silence for an end.
_BREATH_SECONDS = 15.0
#: A stream ends by itself; the browser opens the next, with whatever rights its owner then has.
_LONGEST_SECONDS = 600.0
_MOST_A_PERSON = 6


class Streams:
    """The open streams of this process: few a person, and all of them end when it is to stop."""

    def __init__(self) -> None:
        self.closing = threading.Event()
        self._open: Counter[str] = Counter()

    def enter(self, person_id: str) -> bool:
        """False when the person has enough of them."""
        if self.closing.is_set() or self._open[person_id] >= _MOST_A_PERSON:
            return False
        self._open[person_id] += 1
        return True

    def leave(self, person_id: str) -> None:
        self._open[person_id] -= 1

    def close(self) -> None:
        """Let every stream end at its next breath."""
        self.closing.set()

    def close_on_signals(self) -> None:
        """End the streams before the server waits for them; only the main thread hears signals."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._before(signal.getsignal(number)))

    def _before(self, next_handler: Any) -> Callable[[int, FrameType | None], None]:
        def handle(number: int, frame: FrameType | None) -> None:
            self.close()
            if callable(next_handler):
                next_handler(number, frame)

        return handle


def streams_of(request: Request) -> Streams:
    streams: Streams = request.app.state.streams
    return streams


def standing(services: Services, actor: Actor) -> dict[str, Any]:
    """What a page may have to draw again: a mark that changes when something of the actor's
    moved, and how many notices are unread."""
    moved = select(func.max(Document.updated_at), func.count(Document.id)).where(
        Document.submitter == actor.id
    )
    unread = select(func.count(Notice.id)).where(
        Notice.person_id == actor.id, Notice.read_at.is_(None)
    )
    with services.database.read() as session:
        last, count = session.execute(moved).one()
        return {
            "mark": f"{last.isoformat() if last else ''}/{count}",
            "unread": session.scalar(unread) or 0,
        }


@router.get("/api/events/now")
def now(request: Request, actor: SignedIn) -> JSONResponse:
    """The same once, for pages that cannot hold a stream."""
    return JSONResponse(standing(services_of(request), actor))


@router.get("/api/events")
async def events(request: Request, actor: SignedIn) -> Response:
    """The stream; 429 when the person has enough of them open."""
    streams = streams_of(request)
    if not streams.enter(actor.id):
        return Response(status_code=429, headers={"Retry-After": "30"})
    return StreamingResponse(
        _told(request, actor, streams),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _told(request: Request, actor: Actor, streams: Streams) -> AsyncIterator[str]:
    services = services_of(request)
    last: dict[str, Any] | None = None
    silent = 0.0
    try:
        yield "retry: 3000\n\n"
        for _ in range(int(_LONGEST_SECONDS / _PAUSE_SECONDS)):
            if streams.closing.is_set() or await request.is_disconnected():
                return
            present = await run_in_threadpool(standing, services, actor)
            if present != last:
                last, silent = present, 0.0
                yield f"data: {json.dumps(present)}\n\n"
            elif silent >= _BREATH_SECONDS:
                silent = 0.0
                yield ": \n\n"
            silent += _PAUSE_SECONDS
            await _rest(streams)
    finally:
        streams.leave(actor.id)


async def _rest(streams: Streams) -> None:
    """Pause, but not beyond the end."""
    for _ in range(int(_PAUSE_SECONDS * 10)):
        if streams.closing.is_set():
            return
        await asyncio.sleep(0.1)
