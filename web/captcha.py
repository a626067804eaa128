"""The captcha desk: a person sees the waiting captcha and types it; the page and its calls."""

from __future__ import annotations

import base64
import secrets
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel

from archive.actors import Actor, Role
from extractors.messages import say
from web.rendering import language_of, render, services_of
from web.who import needs
from worker.captcha_desk import Posed
from worker.errors import CaptchaAnswerInvalid, CaptchaGone

router = APIRouter()

AtTheDesk = Annotated[Actor, Depends(needs(Role.REVIEWER, Role.ARCHIVIST, Role.ADMIN))]

ChallengeId = Annotated[str, Path(pattern="^[0-9a-f]{24}$")]
Operator = Annotated[str, Query(min_length=1, max_length=64)]


class Answer(BaseModel):
    """What the person typed."""

    answer: str


@router.get("/captcha")
def desk(request: Request, _: AtTheDesk) -> HTMLResponse:
    return render(request, "captcha.html", {"operator": secrets.token_hex(8)})


@router.get("/api/captcha/next")
def next_captcha(
    request: Request, _: AtTheDesk, operator: Operator, present: bool = True
) -> Response:
    """The next captcha for this operator; 204 when none waits for them, with the number that
    waits for others in `Captchas-Waiting`. `present`: false when the page asks by itself and the
    person has done nothing since it last did."""
    desk = services_of(request).desk
    posed = desk.next_for(operator, present=present)
    if posed is None:
        return Response(status_code=204, headers={"Captchas-Waiting": str(desk.waiting())})
    return JSONResponse(_posed_json(posed, desk.waiting(), language_of(request)))


def _posed_json(posed: Posed, waiting: int, language: str) -> dict[str, Any]:
    image = base64.b64encode(posed.image_png).decode()
    return {
        "id": posed.id,
        "document_id": posed.document_id,
        "instruction": posed.instruction,
        "colour": posed.colour,
        "colour_text": say(f"ui_colour_{posed.colour}", language),
        "image": f"data:image/png;base64,{image}",
        "expires_at": posed.expires_at.isoformat(),
        "waiting": waiting,
    }


def _following(request: Request, operator: str | None) -> dict[str, Any]:
    """What a deed is answered with: the next captcha comes along, so nobody waits for it."""
    desk = services_of(request).desk
    posed = None if operator is None else desk.next_for(operator)
    waiting = desk.waiting()
    shown = None if posed is None else _posed_json(posed, waiting, language_of(request))
    return {"accepted": True, "next": shown, "waiting": waiting}


@router.post("/api/captcha/{challenge_id}")
def answer(
    request: Request,
    actor: AtTheDesk,
    challenge_id: ChallengeId,
    body: Answer,
    operator: Annotated[str | None, Query(min_length=1, max_length=64)] = None,
) -> JSONResponse:
    """Hand in an answer. 410 when the captcha is gone or another's, 422 when the answer cannot
    be one. With `operator` the next captcha comes along."""
    try:
        taken = services_of(request).desk.answer(challenge_id, body.answer, operator, actor.id)
    except ValueError as error:
        raise CaptchaAnswerInvalid from error
    if not taken:
        raise CaptchaGone
    return JSONResponse(_following(request, operator))


class Aside(StrEnum):
    """What puts a captcha aside: it is left to the others, or the portal is asked for another."""

    SKIP = "skip"
    REFRESH = "refresh"


@router.post("/api/captcha/{challenge_id}/{aside}")
def put_aside(
    request: Request, actor: AtTheDesk, challenge_id: ChallengeId, aside: Aside, operator: Operator
) -> JSONResponse:
    """Put a captcha aside. 410 when it is gone or another's."""
    desk = services_of(request).desk
    deed = desk.skip if aside is Aside.SKIP else desk.renew
    if not deed(challenge_id, operator, actor.id):
        raise CaptchaGone
    return JSONResponse(_following(request, operator))
