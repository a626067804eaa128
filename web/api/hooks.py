"""Webhooks over the programming interface, and who the token is."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response

from archive import webhooks
from archive.actors import Actor, Role
from archive.tokens import Scope
from web.api.models import WebhookIn, WebhookOut, WhoOut
from web.asking import services_of
from web.who import needs, token_of
from worker.webhooks import parted

router = APIRouter(tags=["webhooks"])

_ROLES = (Role.ARCHIVIST, Role.REVIEWER, Role.ADMIN)
Keeper = Annotated[Actor, Depends(needs(*_ROLES, scope=Scope.WEBHOOKS))]
Reader = Annotated[Actor, Depends(needs(scope=Scope.READ))]
WebhookId = Annotated[str, Path(pattern="^[0-9a-f]{24}$")]


@router.get("/me", response_model=WhoOut, tags=["token"], summary="Who this token is")
def me(request: Request, actor: Reader) -> WhoOut:
    """Whom the token acts for and what it is good for: to see that it works."""
    token = token_of(request)
    roles = sorted(f"{role}@{campus}" if campus else str(role) for role, campus in actor.grants)
    scopes = [Scope(scope) for scope in token.scopes] if token else list(Scope)
    return WhoOut(login=actor.login, name=actor.name, roles=roles, scopes=scopes)


@router.post("/webhooks", status_code=201, response_model=WebhookOut, summary="Add a webhook")
def add(request: Request, actor: Keeper, body: WebhookIn) -> WebhookOut:
    """Tell an address of events, as far as the token's person may see the documents. The answer
    holds the secret with which every message is signed; it is given only now."""
    services = services_of(request)
    parted(body.url, private=services.settings.webhook_private)
    with services.database.write() as session:
        hook, secret = webhooks.add(session, actor, body.url, body.events, services.sealer)
        return WebhookOut.of(hook, secret)


@router.get("/webhooks", response_model=list[WebhookOut], summary="All webhooks of this person")
def list_all(request: Request, actor: Keeper) -> list[WebhookOut]:
    with services_of(request).database.read() as session:
        return [WebhookOut.of(hook) for hook in webhooks.of_person(session, actor.id)]


@router.delete("/webhooks/{webhook_id}", status_code=204, summary="Remove a webhook")
def remove(request: Request, actor: Keeper, webhook_id: WebhookId) -> Response:
    """Nothing more is sent, not even what waits."""
    with services_of(request).database.write() as session:
        webhooks.remove(session, actor, webhook_id)
    return Response(status_code=204)


@router.post("/webhooks/{webhook_id}/ping", status_code=202, summary="Send a trial message")
def ping(request: Request, actor: Keeper, webhook_id: WebhookId) -> Response:
    """A message with the event `ping` and no document leaves within seconds."""
    with services_of(request).database.write() as session:
        hook = webhooks.owned(session, actor, webhook_id)
        webhooks.put(session, hook, "ping")
    return Response(status_code=202)
