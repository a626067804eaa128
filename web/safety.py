"""What every response and every changing request must satisfy.

Until accounts exist the server listens on this machine only (the default address), and these
checks keep other web sites from using a browser on it: requests that change something must come
from our own pages or from no browser at all, and the Host must be ours (DNS rebinding).
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITES = frozenset({"same-origin", "none"})

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def is_own(headers: Headers) -> bool:
    """True when the request comes from our own page, or from a program that is no browser."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in _OWN_SITES
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def _refusal(scope: Scope, max_body: int) -> PlainTextResponse | None:
    """Why a changing request is not even looked at; None when it may go on."""
    headers = Headers(scope=scope)
    if not is_own(headers):
        return PlainTextResponse("This request came from another site.", status_code=403)
    if "transfer-encoding" in headers:
        # A body of unknown length would be written to the disk before anybody could measure it.
        return PlainTextResponse("Send the length of the upload.", status_code=411)
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > max_body:
        return PlainTextResponse(
            f"An upload may have {max_body} bytes. Hand the files in with several uploads.",
            status_code=413,
        )
    return None


class SafetyMiddleware:
    """Refuses changing requests of other sites, or of more than `max_body` bytes, and puts the
    safety headers on every answer."""

    def __init__(self, app: ASGIApp, max_body: int) -> None:
        self._app = app
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if scope["method"] not in _SAFE_METHODS:
            refusal = _refusal(scope, self._max_body)
            if refusal is not None:
                await refusal(scope, receive, send_with_headers)
                return
        await self._app(scope, receive, send_with_headers)
