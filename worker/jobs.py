"""What RQ calls. A worker process sets its tools up once in `prepare`; a job brings an id."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial, wraps

from verifiers.policy import Road
from verifiers.portal.lane import PortalVerifier
from verifiers.portal.settings import PortalSettings
from worker import page_pictures
from worker.log import logger
from worker.manners import SharedManners
from worker.meters import Meters
from worker.pipeline import Pipeline
from worker.queues import Stage
from worker.reader_process import ReaderProcess
from worker.roads import open_roads
from worker.services import Services
from worker.settings import Settings
from worker.tabs import Tabs
from worker.visit import Visit

log = logger("jobs")

_TELL_SECONDS = 15


@dataclass(slots=True)
class _Tools:
    """What one worker process keeps warm between jobs."""

    pipeline: Pipeline
    reader: ReaderProcess | None = None
    lane: PortalVerifier | None = None
    tabs: Tabs | None = None
    #: The reading process whose memory was told last.
    told: int | None = None
    told_at: float = 0.0
    resources: ExitStack = field(default_factory=ExitStack)


_tools: _Tools | None = None


def portal_settings(settings: Settings) -> PortalSettings:
    """The lane's view of the settings."""
    return PortalSettings(
        url=str(settings.portal_url),
        tabs=settings.verify_tabs,
        attach_url=settings.portal_chrome if settings.portal_browser == "attended" else None,
        chromium=str(settings.chromium) if settings.chromium else None,
        headless=settings.headless,
        ignore_certificate=settings.portal_ignore_certificate,
        page_timeout=settings.portal_timeout,
        answer_timeout=2 * settings.portal_timeout,
        captcha_seconds=settings.captcha_seconds,
    )


def prepare(stage: Stage, settings: Settings) -> None:
    """Open what this stage's jobs need. Called once in each worker process."""
    global _tools
    services = Services.open(settings)
    tools = _Tools(Pipeline(services))
    tools.resources.callback(services.close)
    if stage is Stage.OCR:
        tools.reader = tools.resources.enter_context(ReaderProcess(settings))
    elif stage is Stage.VERIFY:
        portal = portal_settings(settings)
        lane = PortalVerifier(portal, manners=SharedManners(services))
        roads = open_roads(
            services.policy, settings, portal, tools.resources.enter_context(lane), tools.resources
        )
        visit = Visit(roads, str(settings.portal_url), partial(roads.needs_only, Road.PORTAL))
        tabs = Tabs(settings.verify_tabs, partial(_verify, tools.pipeline, visit))
        # Closed in reverse: the visits are given up, which lets the tabs end, then the browser.
        tools.resources.callback(tabs.close)
        tools.resources.callback(lane.hurry)
        tools.lane, tools.tabs = lane, tabs
    _tools = tools


def warm_up() -> None:
    """Load what is slow to load now. A failure shows at the first document, as its reason."""
    if _tools is not None and _tools.reader is not None:
        _tools.reader.warm_up()


def hurry() -> None:
    """The worker is asked to stop: give up what waits for a person; leases set it free."""
    if _tools is not None and _tools.lane is not None:
        _tools.lane.hurry()


def tell_memory() -> None:
    """Let monitoring know how large this worker's reading process is; not for each document."""
    if _tools is None or _tools.reader is None:
        return
    meters, pid = Meters(_tools.pipeline.services.redis), _tools.reader.pid
    if pid == _tools.told and time.monotonic() - _tools.told_at < _TELL_SECONDS:
        return
    _tools.told_at = time.monotonic()
    if _tools.told not in (None, pid):
        meters.reader_gone(_tools.told or 0)
    memory = _tools.reader.memory()
    _tools.told = pid if memory else None
    if pid is not None and memory is not None:
        meters.reader(pid, *memory)


def tear_down() -> None:
    """Close browser, reading process and database."""
    global _tools
    if _tools is not None:
        if _tools.told is not None:
            Meters(_tools.pipeline.services.redis).reader_gone(_tools.told)
        _tools.resources.close()
        _tools = None


def _ready() -> _Tools:
    if _tools is None:
        raise RuntimeError("prepare() was not called in this worker process")
    return _tools


class StepFailed(Exception):
    """A job ended in an error, which our own log has told; the argument is its kind. RQ writes
    an error's words into its log and into Redis, and they may quote a document."""


def _job(work: Callable[[str], None]) -> Callable[[str], None]:
    @wraps(work)
    def run(key: str) -> None:
        try:
            work(key)
        except Exception as error:
            log.exception("step_failed")
            raise StepFailed(type(error).__name__) from None

    return run


@_job
def read_document(document_id: str) -> None:
    tools = _ready()
    if tools.reader is None:
        raise RuntimeError("this worker does not read")
    pipeline, reader = tools.pipeline, tools.reader
    worked = pipeline.read(document_id, reader) or pipeline.look_again(document_id, reader)
    # With neither of them due, the job was enqueued for the sake of the pictures.
    page_pictures.draw(pipeline.services, document_id, reader, asked_for=not worked)
    tell_memory()


def _verify(pipeline: Pipeline, visit: Visit, document_id: str) -> None:
    """A document's step, and the later look at an archived one; whichever it is due for."""
    if not pipeline.verify(document_id, visit):
        pipeline.verify_again(document_id, visit)


@_job
def verify_document(document_id: str) -> None:
    """Hand a document to a tab. The job ends then; the document's lease holds what is going on."""
    tools = _ready()
    if tools.tabs is None:
        raise RuntimeError("this worker does not verify")
    tools.tabs.take(document_id)


@_job
def seal_voucher(voucher_no: str) -> None:
    _ready().pipeline.seal(voucher_no)
