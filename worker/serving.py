"""Commands that run the services; the Procfile is made of them."""

from __future__ import annotations

from typing import Annotated

import typer

from worker.broker import connect, serve_bundled, wait_for
from worker.living import end_when_told, own_temporary_folder
from worker.log import configure
from worker.people_command import welcome_admin
from worker.queues import Stage
from worker.services import Services
from worker.settings import Settings

#: What a request that is under way has left when the server is told to stop.
_STOPPING_SECONDS = 10


def redis() -> None:
    """Run the bundled queue server (waits only, when REDIS_URL names another)."""
    settings = Settings()
    configure(settings.log_level, settings.log_format)
    serve_bundled(settings)


def web(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Run the web server: upload, captcha desk, review list, search."""
    import uvicorn

    settings = Settings()
    configure(settings.log_level, settings.log_format)
    wait_for(connect(settings), 60)
    welcome_admin(settings)
    end_when_told()  # uvicorn, once it has ended, raises the signal that ended it again
    # Named, not imported: this layer does not know the web, it only starts it.
    with own_temporary_folder():
        uvicorn.run(
            "web.app:served",
            factory=True,
            host=host or settings.web_host,
            port=port or settings.web_port,
            log_level="warning",
            server_header=False,
            # Streams end by themselves (`web.events`); nothing else may hold a stop up either.
            timeout_graceful_shutdown=_STOPPING_SECONDS,
        )


def worker(
    stage: Annotated[Stage, typer.Argument(help="Whose queue to work on.")],
    count: Annotated[int | None, typer.Option(help="Processes; default: the setting.")] = None,
) -> None:
    """Run the workers of one stage; one that dies is replaced."""
    from worker.workers import counts, run_pool

    settings = Settings()
    configure(settings.log_level, settings.log_format)
    run_pool(stage, settings, count or counts(settings)[stage])


def clock() -> None:
    """Run the clock: stalled work, due tries, and the watched folder."""
    from worker.clock import Clock

    settings = Settings()
    configure(settings.log_level, settings.log_format)
    wait_for(connect(settings), 60)
    end_when_told()
    with own_temporary_folder():
        Clock(Services.open(settings)).run()


def register(app: typer.Typer) -> None:
    """Add the serving commands to the `yanpiao` command."""
    for command in (redis, web, worker, clock):
        app.command()(command)
