"""Pages from templates, in the reader's language."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from extractors.messages import LANGUAGES, field_label, say
from worker.services import Services

_CHINA = ZoneInfo("Asia/Shanghai")
_COOKIE = "language"

_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def services_of(request: Request) -> Services:
    """The services that the application was built on."""
    services: Services = request.app.state.services
    return services


def language_of(request: Request) -> str:
    """`?language=` first, then the cookie it left, then Chinese."""
    for wish in (request.query_params.get("language"), request.cookies.get(_COOKIE)):
        if wish in LANGUAGES:
            return wish
    return "zh"


def local_time(moment: dt.datetime | None) -> str:
    """A UTC moment as people in China read it."""
    return moment.astimezone(_CHINA).strftime("%Y-%m-%d %H:%M") if moment else ""


def render(
    request: Request,
    template: str,
    values: Mapping[str, Any] | None = None,
    status_code: int = 200,
) -> HTMLResponse:
    """A template as a page; `t(code, **params)` in it says a catalogue's sentence."""
    language = language_of(request)
    settings = services_of(request).settings

    def t(code: str, **params: object) -> str:
        return say(f"ui_{code}", language, params)

    page = _environment.get_template(template).render(
        {
            "t": t,
            "language": language,
            "other_language": "en" if language == "zh" else "zh",
            "path": request.url.path,
            "standin": "" if settings.is_tax_authority else str(settings.portal_url),
            "field_label": lambda name: field_label(name, language),
            "local_time": local_time,
            **(values or {}),
        }
    )
    response = HTMLResponse(page, status_code=status_code)
    if request.query_params.get("language") in LANGUAGES:
        response.set_cookie(
            _COOKIE, language, max_age=365 * 24 * 3600, samesite="lax", httponly=True
        )
    return response
