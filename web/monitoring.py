"""For machines that watch: whether the process lives, the system is ready, and its figures."""

from __future__ import annotations

import hmac
import ipaddress

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from web.rendering import services_of
from web.who import NotAllowed
from worker.metrics import metrics_text
from worker.readiness import readiness

router = APIRouter()

#: A request that carries one of these came through a proxy, so its address is the proxy's.
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


@router.get("/health")
async def health() -> JSONResponse:
    """200 while this process answers at all. It asks nothing else, so that whoever restarts dead
    processes does not restart this one because a database is away."""
    return JSONResponse({"alive": True})


@router.get("/ready")
def ready(request: Request) -> JSONResponse:
    """200 while everything answers and there is room on the disk, else 503 with what is not."""
    parts = readiness(services_of(request))
    return JSONResponse(parts, status_code=200 if all(parts.values()) else 503)


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """Figures for Prometheus: with the token of the settings, or from this machine itself."""
    _check(request)
    return Response(metrics_text(services_of(request)), media_type=CONTENT_TYPE_LATEST)


def _check(request: Request) -> None:
    token = services_of(request).settings.metrics_token.get_secret_value()
    if token:
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            raise NotAllowed
    elif any(name in request.headers for name in _FORWARDED) or not _is_here(request):
        raise NotAllowed


def _is_here(request: Request) -> bool:
    try:
        return ipaddress.ip_address(request.client.host if request.client else "").is_loopback
    except ValueError:
        return False
