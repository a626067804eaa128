"""What every response and every changing request must satisfy.

They keep other web sites from using a browser in which somebody is signed in: requests that change
something must come from our own pages or from no browser at all, and the Host must be ours (DNS
rebinding). Forms carry the session's token besides (`web.who.check_csrf`).
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from sqlalchemy.exc import InterfaceError, OperationalError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: What a database that is away is told by, and after how many seconds it makes sense to ask again.
AWAY = (OperationalError, InterfaceError)
AWAY_SECONDS = 10
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


def _refused(scope: Scope, code: str, words: str, status: int) -> Response:
    """Said in English only: no page of ours leads here, and nobody's language is known yet."""
    if not scope["path"].startswith("/api/"):
        return PlainTextResponse(words, status_code=status)
    body = {"type": f"urn:yanpiao:{code}", "title": words, "status": status, "code": code}
    return JSONResponse(body, status, media_type="application/problem+json")


def _refusal(scope: Scope, max_body: int) -> Response | None:
    """Why a changing request is not even looked at; None when it may go on."""
    headers = Headers(scope=scope)
    if not is_own(headers):
        return _refused(scope, "another_site", "This request came from another site.", 403)
    if "transfer-encoding" in headers:
        # A body of unknown length would be written to the disk before anybody could measure it.
        return _refused(scope, "length_needed", "Send the length of the upload.", 411)
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > max_body:
        words = f"An upload may have {max_body} bytes. Hand the files in with several uploads."
        return _refused(scope, "upload_too_large", words, 413)
    return None


#: As much as a form holds. More is read only for somebody: a body is taken in whole before a
#: route can ask who sends it.
_STRANGERS_BODY = 64 * 1024


class SafetyMiddleware:
    """Refuses changing requests of other sites, of more than `max_body` bytes, or of more than a
    form holds from somebody whom `knows` does not know, and puts the safety headers on every
    answer."""

    def __init__(self, app: ASGIApp, max_body: int, knows: Callable[[Request], bool]) -> None:
        self._app = app
        self._max_body = max_body
        self._knows = knows

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
            refusal = _refusal(scope, self._max_body) or await self._unwelcome(scope)
            if refusal is not None:
                await refusal(scope, receive, send_with_headers)
                return
        await self._app(scope, receive, send_with_headers)

    async def _unwelcome(self, scope: Scope) -> Response | None:
        """Why this much is not taken in from whoever sends it; None where it is."""
        if int(Headers(scope=scope).get("content-length", "0")) <= _STRANGERS_BODY:
            return None
        try:
            known = await run_in_threadpool(self._knows, Request(scope))
        except AWAY:  # before any route is asked, so also before what answers its errors
            words = "The database does not answer. Nothing was taken in: send it again later."
            refusal = _refused(scope, "database_unreachable", words, 503)
            refusal.headers["Retry-After"] = str(AWAY_SECONDS)
            return refusal
        return None if known else _refused(scope, "sign_in_needed", "Sign in first.", 401)
