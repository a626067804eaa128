"""What RQ calls. A worker process sets its tools up once in `prepare`; a job brings an id."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field

from verifiers.portal.lane import PortalVerifier
from verifiers.portal.settings import PortalSettings
from worker.log import logger
from worker.pipeline import Pipeline
from worker.queues import Stage
from worker.reader_process import ReaderProcess
from worker.services import Services
from worker.settings import Settings
from worker.visit import Visit

log = logger("jobs")


@dataclass(slots=True)
class _Tools:
    """What one worker process keeps warm between jobs."""

    pipeline: Pipeline
    reader: ReaderProcess | None = None
    visit: Visit | None = None
    resources: ExitStack = field(default_factory=ExitStack)


_tools: _Tools | None = None


def portal_settings(settings: Settings) -> PortalSettings:
    """The lane's view of the settings."""
    return PortalSettings(
        url=str(settings.portal_url),
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
        verifier = tools.resources.enter_context(PortalVerifier(portal_settings(settings)))
        tools.visit = Visit(verifier, str(settings.portal_url))
    _tools = tools


def warm_up() -> None:
    """Load what is slow to load now. A failure shows at the first document, as its reason."""
    if _tools is not None and _tools.reader is not None:
        _tools.reader.warm_up()


def tear_down() -> None:
    """Close browser, reading process and database."""
    global _tools
    if _tools is not None:
        _tools.resources.close()
        _tools = None


def _ready() -> _Tools:
    if _tools is None:
        raise RuntimeError("prepare() was not called in this worker process")
    return _tools


def read_document(document_id: str) -> None:
    tools = _ready()
    if tools.reader is None:
        raise RuntimeError("this worker does not read")
    tools.pipeline.read(document_id, tools.reader)
    tools.pipeline.look_again(document_id, tools.reader)


def verify_document(document_id: str) -> None:
    tools = _ready()
    if tools.visit is None:
        raise RuntimeError("this worker does not verify")
    tools.pipeline.verify(document_id, tools.visit)
    tools.pipeline.verify_again(document_id, tools.visit)


def seal_voucher(voucher_no: str) -> None:
    _ready().pipeline.seal(voucher_no)
