"""Version 1 of the programming interface as one router, and its description (OpenAPI)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse

from web.api import documents, hooks, vouchers
from web.api.models import Problem
from web.limits import api_limited

_DESCRIPTION = """
For the accounting system and other programs of the house.

**Token.** Make one at `/account` and send it as `Authorization: Bearer yp_...`. It acts as the
person who made it: same roles, same campuses, and only within its scopes.

**Faults** are problem documents (RFC 9457, `application/problem+json`); decide by `code`.

**Sending again.** Give a request that changes something an `Idempotency-Key`; when the answer was
lost, send the same again with the same key.

**Measure.** Beyond so many requests a minute the answer is 429 with `Retry-After`.

**Webhooks** are signed: `Yanpiao-Signature: v1=HEX` is HMAC-SHA256 with the webhook's secret over
`Yanpiao-Timestamp`, a point, and the body. Refuse timestamps older than five minutes.
"""
_FAULTS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": words,
        "content": {"application/problem+json": {"schema": Problem.model_json_schema()}},
    }
    for status, words in {
        401: "No token, or none that is good any more",
        403: "The token's roles or scopes do not allow it",
        404: "Not there, or not for this token to see",
        409: "Not as things stand now",
        411: "The length of the body is not said",
        413: "Too large, or too many files",
        422: "Not what is taken here",
        429: "Too many requests",
        503: "The queue server is away",
    }.items()
}

router = APIRouter(prefix="/api/v1", dependencies=[Depends(api_limited)], responses=_FAULTS)
for part in (documents, vouchers, hooks):
    router.include_router(part.router)


@router.get("/openapi.json", include_in_schema=False)
def description(request: Request) -> JSONResponse:
    """What a program reads to know this interface."""
    if not hasattr(request.app.state, "openapi"):
        request.app.state.openapi = describe()
    return JSONResponse(request.app.state.openapi)


def describe() -> dict[str, Any]:
    """The OpenAPI document."""
    said = get_openapi(
        title="Yanpiao 验票", version="1", description=_DESCRIPTION, routes=router.routes
    )
    schemes = said.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes["token"] = {"type": "http", "scheme": "bearer"}
    said["security"] = [{"token": []}]
    return said
