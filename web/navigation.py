"""Where a person can go: only pages that are there, and only those that the person may use."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

from fastapi import APIRouter, Request
from starlette.routing import Route

from archive.actors import EVERYWHERE, Actor, Role


class HasRouter(Protocol):
    """A module that brings pages or calls."""

    @property
    def router(self) -> APIRouter: ...


def addresses_of(parts: Iterable[HasRouter]) -> frozenset[str]:
    """The paths of every page and call in these modules."""
    return frozenset(
        route.path for part in parts for route in part.router.routes if isinstance(route, Route)
    )


_OFFICE = frozenset({Role.REVIEWER, Role.ARCHIVIST, Role.AUDITOR, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Place:
    """A page of the navigation. `word` is its sentence's code after `ui_`, `icon` a drawing of
    `templates/_icons.html`, `roles` who has use for it."""

    address: str
    word: str
    icon: str
    roles: frozenset[Role]
    #: Whether a role counts only where it is held for every campus.
    everywhere: bool = False


#: In the order of a day's work; on a phone the first four stand in the bar, the rest behind "more".
PLACES = (
    Place("/new", "nav_new", "plus", frozenset({Role.SUBMITTER})),
    Place("/claims", "nav_claims", "file", frozenset({Role.SUBMITTER})),
    Place("/review", "nav_review", "check", frozenset({Role.REVIEWER, Role.ADMIN})),
    Place("/captcha", "nav_captcha", "key", frozenset({Role.REVIEWER, Role.ARCHIVIST, Role.ADMIN})),
    Place("/vouchers", "nav_vouchers", "book", _OFFICE),
    Place("/find", "nav_find", "search", _OFFICE),
    Place("/dashboard", "nav_dashboard", "chart", _OFFICE),
    Place("/audit", "nav_audit", "shield", frozenset({Role.AUDITOR, Role.ADMIN})),
    Place("/people", "nav_people", "people", frozenset({Role.ADMIN}), everywhere=True),
)

#: Where each role's day begins; the home page leads there.
_FIRST = {
    Role.SUBMITTER: ("/new", "/claims"),
    Role.REVIEWER: ("/review",),
    Role.ARCHIVIST: ("/vouchers",),
    Role.AUDITOR: ("/find", "/audit"),
    Role.ADMIN: ("/dashboard",),
}


def places_for(actor: Actor | None, known: Collection[str]) -> list[Place]:
    """The places that the actor may use, of those whose address is known; nobody has none."""
    if actor is None:
        return []
    return [
        place
        for place in PLACES
        if place.address in known
        and any(actor.may(role, EVERYWHERE if place.everywhere else None) for role in place.roles)
    ]


def first_places_for(actor: Actor, known: Collection[str]) -> list[Place]:
    """Where the actor's work begins, by the roles held anywhere; in the navigation's order."""
    first = {address for role in _FIRST if actor.may(role) for address in _FIRST[role]}
    return [place for place in places_for(actor, known) if place.address in first]


def navigation_of(request: Request, actor: Actor | None) -> list[Place]:
    """The navigation for whoever asks."""
    known: frozenset[str] = request.app.state.addresses
    return places_for(actor, known)
