"""Structured logs: one line an event, ids instead of names, never a picture or a value.

Inside a job each line carries the job's id and that of its document or voucher (`worker.workers`
binds them; threads and the reading process take them over). Of an error the log keeps what it was
and where it arose; its words only where they cannot hold anything out of a document.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import structlog

from extractors.errors import YanpiaoError

_HERE = Path(__file__).resolve().parent.parent
_MOST_FRAMES = 12


def configure(level: str = "info", form: str = "line") -> None:
    """Send structlog and the standard library's loggers to standard error, one line each: as
    `name=value` pairs (`line`), or as `json`."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _name_the_error,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form == "json"
        else structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"])
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        # Looked up at each line: tests and supervisors exchange the stream.
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _name_the_part],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    # Anew, not beside what an earlier call or a library set up.
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler], force=True)


def logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger that names its part of the system."""
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger(part=name)
    return bound


def _name_the_part(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Which library speaks."""
    record = event.get("_record")
    if isinstance(record, logging.LogRecord):
        event["part"] = record.name
    return event


def _name_the_error(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """An exception as `error`, where from as `trace`, the words that may be told as `words`."""
    given = event.pop("exc_info", None)
    record = event.get("_record")
    if isinstance(record, logging.LogRecord):
        given = given or record.exc_info
        record.exc_info = record.exc_text = None  # or the formatter writes them out whole
    error = _error_of(given)
    if error is None:
        return event
    event.setdefault("error", type(error).__name__)
    event["trace"] = " < ".join(_frames(error))
    if words := _words(error):
        event["words"] = words
    if error.__cause__ is not None:
        event["cause"] = f"{type(error.__cause__).__name__} {_words(error.__cause__)}".strip()
    return event


def _error_of(given: object) -> BaseException | None:
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple):
        return given[1] if isinstance(given[1], BaseException) else None
    return sys.exc_info()[1] if given else None


def _frames(error: BaseException) -> Iterator[str]:
    """Where it arose, innermost first."""
    frames = traceback.extract_tb(error.__traceback__)
    for frame in reversed(frames[-_MOST_FRAMES:]):
        path = Path(frame.filename)
        near = path.relative_to(_HERE) if path.is_relative_to(_HERE) else Path(*path.parts[-2:])
        yield f"{near}:{frame.lineno} {frame.name}"


def _words(error: BaseException) -> str:
    """What an error says where that is about machines; everything else may quote a document."""
    if isinstance(error, YanpiaoError):
        return error.code
    if isinstance(error, OSError):
        return error.strerror or ""
    # By name: the reading process, which logs too, has no use for the client's weight.
    return str(error) if type(error).__module__.startswith("redis.") else ""
