"""The bell: what a person was told, and what they want to be told by which channel."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import select

from archive import audit
from archive.actors import Actor
from archive.noticing import Notice
from archive.people import Person
from extractors.messages import say
from web.rendering import language_of, render, services_of
from web.who import needs
from worker.notices import FOR_ROLES, Channel, Topic, choices, choose, mark_read
from worker.outgoing import link_of, senders

router = APIRouter()

SignedIn = Annotated[Actor, Depends(needs())]
Before = Annotated[str, Query(pattern="^([0-9a-f]{24})?$")]

_A_PAGE = 30


@router.get("/notices")
def notices(
    request: Request, actor: SignedIn, before: Before = "", kept: bool = False
) -> HTMLResponse:
    services, language = services_of(request), language_of(request)
    query = select(Notice).where(Notice.person_id == actor.id)
    if before:
        query = query.where(Notice.id < before)
    with services.database.read() as session:
        found = list(session.scalars(query.order_by(Notice.id.desc()).limit(_A_PAGE + 1)))
        person = session.get(Person, actor.id)
        chosen = choices(session, actor.id)
    shown = [
        {
            "notice": each,
            "sentence": say(each.code, language, each.params),
            "href": link_of(each.topic, each.document_id),
        }
        for each in found[:_A_PAGE]
    ]
    return render(
        request,
        "notices.html",
        {
            "shown": shown,
            "newest": found[0].id if found and not before else "",
            "any_unread": any(each.read_at is None for each in found),
            "next": found[_A_PAGE - 1].id if len(found) > _A_PAGE else "",
            "before": before,
            "kept": kept,
            "topics": topics_of(actor),
            "channels": list(Channel),
            "chosen": chosen,
            "email": person.email if person else "",
            "mail": "email" in senders(services.settings),
        },
    )


def topics_of(actor: Actor) -> list[Topic]:
    """The topics that this person may ever be told of."""
    return [topic for topic in Topic if any(actor.may(role) for role in FOR_ROLES[topic])]


@router.post("/notices/read")
async def read(request: Request, actor: SignedIn) -> RedirectResponse:
    """The person has seen everything up to the newest that their page showed."""
    up_to = str((await request.form()).get("up_to", ""))
    with services_of(request).database.write() as session:
        mark_read(session, actor.id, up_to)
    return RedirectResponse("/notices", status_code=303)


@router.post("/notices/choices")
async def keep_choices(request: Request, actor: SignedIn) -> RedirectResponse:
    """Keep what the person wants; a box that is not ticked is not sent."""
    ticked = set((await request.form()).keys())
    wanted = {
        (topic, channel): f"{topic}-{channel}" in ticked
        for topic in topics_of(actor)
        for channel in Channel
    }
    with services_of(request).database.write() as session:
        choose(session, actor.id, wanted)
        audit.record(session, "notices_chosen", actor=actor.id)
    return RedirectResponse("/notices?kept=1#choices", status_code=303)
