"""What every request brings along: the services that it is answered with, and its language."""

from __future__ import annotations

from fastapi import Request

from extractors.messages import LANGUAGES
from worker.services import Services

LANGUAGE_COOKIE = "language"


def services_of(request: Request) -> Services:
    """The services that the application was built on."""
    services: Services = request.app.state.services
    return services


def language_of(request: Request) -> str:
    """`?language=` first, then the cookie it left, then Chinese."""
    for wish in (request.query_params.get("language"), request.cookies.get(LANGUAGE_COOKIE)):
        if wish in LANGUAGES:
            return wish
    return "zh"
