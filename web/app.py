"""The web application: built once from the services, served by uvicorn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Depends, FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.middleware.trustedhost import TrustedHostMiddleware

from extractors.messages import register
from web import (
    account,
    auditing,
    better_picture,
    captcha,
    case_pictures,
    claims,
    dashboard,
    events,
    finding,
    monitoring,
    notices,
    oidc,
    own_list,
    pages,
    people,
    review,
    signing_in,
    transfers,
    uploads,
    vouchers,
    warming,
)
from web.api import v1
from web.navigation import HasRouter, addresses_of
from web.problems import install as install_problems
from web.safety import SafetyMiddleware
from web.static_files import static_files
from web.who import actor_or_none, check_csrf
from worker.services import Services
from worker.settings import Settings

HERE = Path(__file__).parent
register(HERE / "locales")

#: Every module with pages or calls; the navigation offers what is in them.
PARTS: tuple[HasRouter, ...] = (
    signing_in,
    oidc,
    account,
    people,
    case_pictures,
    review,
    vouchers,
    finding,
    auditing,
    pages,
    uploads,
    transfers,
    own_list,
    claims,
    dashboard,
    better_picture,
    events,
    monitoring,
    notices,
    captcha,
    v1,
)


def create_app(settings: Settings | None = None, *, warm: bool = False) -> FastAPI:
    """The application on these settings (default: from the environment). `warm`: no request is
    taken before every page is ready to be answered quickly (`web.warming`)."""
    services = Services.open(settings)
    streams = events.Streams()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        streams.close_on_signals()
        if warm:
            await run_in_threadpool(warming.warm, _application, services)
            warming.settle()
        yield
        warming.unsettle()
        streams.close()
        services.close()

    app = _application(services)
    app.router.lifespan_context = lifespan
    app.state.streams = streams
    return app


def served() -> FastAPI:
    """The application as a server runs it: settings from the environment, and warm."""
    return create_app(warm=True)


def _application(services: Services) -> FastAPI:
    app = FastAPI(
        title="Yanpiao 验票",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(check_csrf)],
    )
    app.state.services = services
    app.add_middleware(
        SafetyMiddleware,
        max_body=services.settings.max_upload_size,
        knows=lambda request: actor_or_none(request) is not None,
    )
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=services.settings.allowed_hosts)
    app.mount("/static", static_files(), name="static")
    for part in PARTS:
        app.include_router(part.router)
    app.state.addresses = addresses_of(PARTS)
    install_problems(app)
    return app
