"""Style sheets, scripts and pictures of the pages, each under an address that changes with it.

A browser may keep such a file for a year without asking again, and after an upgrade no page is
drawn with yesterday's style sheet. They are sent compressed: nothing in them is secret. Pages are
not, as what they hold beside a session's token could be guessed from how long they come out.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs

from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

_FOLDER = Path(__file__).parent / "static"
_FOR_A_YEAR = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
#: Below, compressing costs more than it spares.
_WORTH_IT = 1024


@cache
def _version(name: str) -> str:
    return hashlib.sha256((_FOLDER / name).read_bytes()).hexdigest()[:12]


def address(name: str) -> str:
    """Where a page finds the file. Raises `FileNotFoundError` for one that is not there."""
    return f"/static/{name}?v={_version(name)}"


class _Files(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("v")
        newest = response.status_code < 400 and asked == [_version(path)]
        response.headers["Cache-Control"] = _FOR_A_YEAR if newest else _ASK_AGAIN
        return response


def static_files() -> ASGIApp:
    """The application to be mounted at `/static`."""
    return GZipMiddleware(_Files(directory=_FOLDER), minimum_size=_WORTH_IT, compresslevel=6)
