"""`Idempotency-Key`: doing a request once, however often it is sent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Annotated

from fastapi import Header, Request
from fastapi.responses import Response
from pydantic import BaseModel

from archive import repeats
from archive.actors import Actor
from archive.repeats import Answer
from web.asking import services_of

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=128,
        pattern="^[!-~]+$",
        description="A word of the caller's own for this request. Sent again within a day with the "
        "same content, it gets the same answer and does nothing a second time.",
    ),
]


def once(
    request: Request,
    actor: Actor,
    key: str | None,
    asked: object,
    work: Callable[[], tuple[int, BaseModel]],
) -> Response:
    """The answer of `work`, or the one that was given to this key before. Raises `KeyReused`,
    `StillBeingDone`, and what `work` raises; then the key is free again."""
    if key is None:
        return _response(_answer(work))
    database = services_of(request).database
    said = json.dumps([request.method, request.url.path, asked], sort_keys=True, default=str)
    digest = hashlib.sha256(said.encode()).hexdigest()
    with database.write() as session:
        known = repeats.begin(session, actor.id, key, digest)
    if known is not None:
        return _response(known, repeated=True)
    answer: Answer | None = None
    try:
        answer = _answer(work)
    finally:
        with database.write() as session:
            repeats.end(session, actor.id, key, answer)
    return _response(answer)


def _answer(work: Callable[[], tuple[int, BaseModel]]) -> Answer:
    status, body = work()
    return Answer(status, body.model_dump_json())


def _response(answer: Answer, *, repeated: bool = False) -> Response:
    headers = {"Idempotent-Replayed": "true"} if repeated else {}
    return Response(answer.body, answer.status, headers, media_type="application/json")
