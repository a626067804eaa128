"""A document's way as one OpenTelemetry trace, where a collector is set up; else nothing at all.

The document's id is what queue and database carry from process to process, so the trace hangs on
it: its id and that of its first span are made from the document's. Whichever process works on a
document, today or after a week of waiting, adds to the same trace, and every process comes to the
same decision whether this trace is among the share that is kept. Spans hold ids, codes and counts;
an error is told by its kind (docs/decisions/0024-figures-and-traces.md).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from extractors.errors import YanpiaoError
from worker.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

#: Loads slowly, so only where traces are wanted.
_provider: TracerProvider | None = None
_EXPORT_SECONDS = 5.0
#: Ids for the next trace and its first span, where they must not be random ones.
_next_ids: ContextVar[tuple[int, int] | None] = ContextVar("next_ids", default=None)
#: When the job at hand was put into its queue (nanoseconds of the epoch).
_queued_at: ContextVar[int | None] = ContextVar("queued_at", default=None)


def begin(settings: Settings, exporter: SpanExporter | None = None) -> None:
    """Trace from now on, if the settings say where to. Once a process; `exporter` is a test's."""
    global _provider
    if _provider is not None or not (settings.trace_url or exporter):
        return
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
    from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

    class Ids(RandomIdGenerator):
        """Random ids, but for the first span of a document."""

        def generate_trace_id(self) -> int:
            given = _next_ids.get()
            return given[0] if given else super().generate_trace_id()

        def generate_span_id(self) -> int:
            given = _next_ids.get()
            return given[1] if given else super().generate_span_id()

    _provider = TracerProvider(
        resource=Resource.create({"service.name": "yanpiao"}),
        sampler=TraceIdRatioBased(settings.trace_share),
        id_generator=Ids(),
    )
    if exporter is not None:
        _provider.add_span_processor(SimpleSpanProcessor(exporter))
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    sender = OTLPSpanExporter(endpoint=settings.trace_url, timeout=_EXPORT_SECONDS)
    _provider.add_span_processor(BatchSpanProcessor(sender))


def flush() -> None:
    """Send what was not sent yet; a collector that is away loses it."""
    if _provider is not None:
        _provider.force_flush(round(_EXPORT_SECONDS * 1000))


def end() -> None:
    """Stop tracing."""
    global _provider
    if _provider is not None:
        _provider.shutdown()
        _provider = None


def ids_of(document_id: str) -> tuple[int, int]:
    """The ids of a document's trace and of its first span; neither is ever 0."""
    digest = hashlib.sha256(f"yanpiao document {document_id}".encode()).digest()
    return int.from_bytes(digest[:16]) or 1, int.from_bytes(digest[16:24]) or 1


def _below_first(document_id: str) -> Context:
    """The context of a span that has the document's first one above it."""
    from opentelemetry import trace

    trace_id, span_id = ids_of(document_id)
    first = trace.SpanContext(
        trace_id, span_id, is_remote=True, trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED)
    )
    return trace.set_span_in_context(trace.NonRecordingSpan(first))


def _within(document_id: str) -> Context:
    """The present context where it is of this document's trace already."""
    from opentelemetry import context, trace

    present = trace.get_current_span().get_span_context()
    if present.trace_id == ids_of(document_id)[0]:
        return context.get_current()
    return _below_first(document_id)


@contextmanager
def step(name: str, document_id: str, **attributes: str | int) -> Iterator[None]:
    """One step of a document. What it waited in its queue is told beside it."""
    if _provider is None:
        yield
        return
    from opentelemetry import trace

    parent = _within(document_id)
    if (queued := _queued_at.get()) is not None:
        _queued_at.set(None)
        past(f"{name} queue", document_id, queued)
    with _provider.get_tracer("yanpiao").start_as_current_span(
        name,
        context=parent,
        attributes={"document.id": document_id, **attributes},
        record_exception=False,  # its words may quote a document
        set_status_on_exception=False,
    ) as span:
        try:
            yield
        except BaseException as error:
            code = error.code if isinstance(error, YanpiaoError) else type(error).__name__
            span.set_status(trace.StatusCode.ERROR, code)
            raise


def past(
    name: str,
    document_id: str,
    began: int,
    ended: int | None = None,
    **attributes: str | int,
) -> None:
    """Something that is over: from `began` to `ended` (nanoseconds of the epoch; None: now)."""
    if _provider is None:
        return
    span = _provider.get_tracer("yanpiao").start_span(
        name,
        context=_within(document_id),
        attributes={"document.id": document_id, **attributes},
        start_time=began,
    )
    span.end(max(began, time.time_ns() if ended is None else ended))


def handed_in(document_id: str, began: int, *, first: bool, **attributes: str | int) -> None:
    """A file was taken in. The first time this is the trace's first span."""
    if _provider is None:
        return
    if not first:
        past("hand in again", document_id, began, None, **attributes)
        return
    from opentelemetry.context import Context

    mark = _next_ids.set(ids_of(document_id))
    try:
        span = _provider.get_tracer("yanpiao").start_span(
            "hand in",
            context=Context(),
            attributes={"document.id": document_id, **attributes},
            start_time=began,
        )
    finally:
        _next_ids.reset(mark)
    span.end()


def queued_since(moment: dt.datetime | None) -> None:
    """The job that begins now was put into its queue then."""
    if _provider is not None and moment is not None:
        _queued_at.set(round(moment.timestamp() * 1_000_000_000))
