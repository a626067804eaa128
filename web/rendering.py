"""Pages from templates, in the reader's language."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from archive.actors import Actor, Role
from extractors.messages import LANGUAGES, field_label, say, source_label
from web import static_files
from web.asking import LANGUAGE_COOKIE, language_of, services_of
from web.navigation import navigation_of
from web.who import CSRF_FIELD, actor_or_none, csrf_token
from worker.notices import unread

__all__ = ["language_of", "local_time", "render", "services_of", "theme_of"]

_CHINA = ZoneInfo("Asia/Shanghai")
_THEMES = ("light", "dark")
_YEAR_SECONDS = 365 * 24 * 3600


def yuan(amount: Decimal | str | None) -> str:
    """An amount as people read it: two decimals, thousands parted; "" for none, and what is no
    amount as it is."""
    if amount is None:
        return ""
    try:
        return f"{Decimal(amount):,.2f}"
    except InvalidOperation:
        return str(amount)


_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters["yuan"] = yuan
_environment.globals["static"] = static_files.address


def compile_templates() -> None:
    """Compile every template now rather than at its first use."""
    for name in _environment.list_templates():
        _environment.get_template(name)


def theme_of(request: Request) -> str:
    """`?theme=` first, then the cookie it left, then "auto": as the device has it."""
    for wish in (request.query_params.get("theme"), request.cookies.get("theme")):
        if wish in _THEMES:
            return wish
    return "auto"


def local_time(moment: dt.datetime | None) -> str:
    """A UTC moment as people in China read it."""
    return moment.astimezone(_CHINA).strftime("%Y-%m-%d %H:%M") if moment else ""


def _may(actor: Actor | None, roles: tuple[str, ...]) -> bool:
    return actor is not None and any(actor.may(Role(role)) for role in roles)


def _unread(request: Request, actor: Actor | None) -> int:
    """How many notices wait for whoever is signed in."""
    if actor is None:
        return 0
    with services_of(request).database.read() as session:
        return unread(session, actor.id)


def render(
    request: Request,
    template: str,
    values: Mapping[str, Any] | None = None,
    status_code: int = 200,
) -> HTMLResponse:
    """A template as a page.

    In it `t(code, **params)` says a catalogue's sentence, `actor` is who is signed in (or None),
    `may("reviewer", ...)` whether they hold one of these roles, and every form that posts carries
    `{{ csrf_field() }}`.
    """
    language = language_of(request)
    settings = services_of(request).settings
    actor = actor_or_none(request)

    def t(code: str, **params: object) -> str:
        return say(f"ui_{code}", language, params)

    def csrf_field() -> Markup:
        return Markup('<input type="hidden" name="{}" value="{}">').format(
            CSRF_FIELD, csrf_token(request)
        )

    page = _environment.get_template(template).render(
        {
            "t": t,
            "language": language,
            "other_language": "en" if language == "zh" else "zh",
            "theme": theme_of(request),
            "nav": navigation_of(request, actor),
            "actor": actor,
            "unread": _unread(request, actor),
            "may": lambda *roles: _may(actor, roles),
            "csrf": csrf_token(request),
            "csrf_field": csrf_field,
            "path": request.url.path,
            "is_here": partial(_is_here, request.url.path),
            "with_query": partial(_with_query, request),
            "standin": "" if settings.is_tax_authority else str(settings.portal_url),
            "field_label": lambda name: field_label(name, language),
            "source_label": lambda name: source_label(name, language),
            "local_time": local_time,
            **(values or {}),
        }
    )
    response = HTMLResponse(page, status_code=status_code)
    if request.query_params.get("language") in LANGUAGES:
        _remember(response, LANGUAGE_COOKIE, language)
    if request.query_params.get("theme") in _THEMES:
        _remember(response, "theme", theme_of(request))
    return response


def _remember(response: HTMLResponse, name: str, value: str) -> None:
    response.set_cookie(name, value, max_age=_YEAR_SECONDS, samesite="lax", httponly=True)


def _is_here(path: str, address: str) -> bool:
    return path == address or path.startswith(f"{address}/")


def _with_query(request: Request, **wishes: str) -> str:
    """The address of this page with something else wished for, the rest of its query kept."""
    return f"?{request.url.include_query_params(**wishes).query}"
