"""One document is one trace, whichever processes work on it; without a collector there is none."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from extractors.errors import ReaderCrashed
from fixtures.collector import collecting
from tests.helpers import FixedReader, hand_in, invoice, whole_road, xml
from worker import tracing
from worker.pipeline import Pipeline
from worker.services import Services
from worker.settings import Settings

NAME = "张三丰"


@pytest.fixture
def kept(settings: Settings) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    tracing.begin(settings, exporter)
    yield exporter
    tracing.end()


def _trace(kept: InMemorySpanExporter, document_id: str) -> list[ReadableSpan]:
    trace_id, _ = tracing.ids_of(document_id)
    found = [span for span in kept.get_finished_spans() if span.context.trace_id == trace_id]
    return sorted(found, key=lambda span: span.start_time or 0)


def test_a_documents_way_is_one_trace(kept: InMemorySpanExporter, services: Services) -> None:
    first, second = hand_in(services, xml("1")), hand_in(services, xml("2"), "b.xml")
    whole_road(services, first.document_id)
    spans = _trace(kept, first.document_id)
    assert [span.name for span in spans] == ["hand in", "read", "verify", "voucher", "seal"]
    root = spans[0]
    assert root.parent is None
    assert root.context.span_id == tracing.ids_of(first.document_id)[1]
    assert {span.parent.span_id for span in spans[1:] if span.parent} == {root.context.span_id}
    assert [span.name for span in _trace(kept, second.document_id)] == ["hand in"]


def test_the_same_bytes_again_join_the_first_trace(
    kept: InMemorySpanExporter, services: Services
) -> None:
    first = hand_in(services, xml("1"))
    assert hand_in(services, xml("1")).document_id == first.document_id
    root, again = _trace(kept, first.document_id)
    assert (root.name, again.name) == ("hand in", "hand in again")
    assert again.parent is not None
    assert again.parent.span_id == root.context.span_id


def test_a_failed_step_is_told_by_its_kind(kept: InMemorySpanExporter, services: Services) -> None:
    document_id = hand_in(services, xml("1")).document_id
    with pytest.raises(ValueError, match=NAME), tracing.step("read", document_id):
        raise ValueError(NAME)
    with pytest.raises(ReaderCrashed), tracing.step("read", document_id):
        raise ReaderCrashed(detail=NAME)
    failed = [span for span in _trace(kept, document_id) if span.name == "read"]
    assert [span.status.description for span in failed] == ["ValueError", "reader_crashed"]
    assert not any(NAME in span.to_json() for span in kept.get_finished_spans())


def test_spans_hold_ids_only(kept: InMemorySpanExporter, services: Services) -> None:
    receipt = hand_in(services, xml(NAME), f"{NAME}.xml")
    whole_road(services, receipt.document_id)
    told = {name for span in kept.get_finished_spans() for name in span.attributes or {}}
    assert told == {"document.id", "batch", "channel", "voucher"}
    written = "".join(span.to_json() for span in kept.get_finished_spans())
    for value in (NAME, "某某", "91330106", "113.00", "26312000000000000001"):
        assert value not in written


def test_every_process_keeps_the_same_share(settings: Settings) -> None:
    exporter = InMemorySpanExporter()
    tracing.begin(settings.model_copy(update={"trace_share": 0.5}), exporter)
    try:
        for number in range(200):
            tracing.handed_in(f"d{number}", 0, first=True)
            tracing.past("read", f"d{number}", 0)
    finally:
        tracing.end()
    by_trace: dict[int, set[str]] = {}
    for span in exporter.get_finished_spans():
        by_trace.setdefault(span.context.trace_id, set()).add(span.name)
    assert 60 < len(by_trace) < 140
    assert all(names == {"hand in", "read"} for names in by_trace.values())


def test_without_a_collector_nothing_is_even_loaded() -> None:
    code = (
        "import sys; from worker import tracing; from worker.settings import Settings;"
        "tracing.begin(Settings(_env_file=None));"
        "ctx = tracing.step('read', 'd'); ctx.__enter__(); ctx.__exit__(None, None, None);"
        "sys.exit('opentelemetry.sdk.trace' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_collector_that_is_away_costs_no_document(services: Services) -> None:
    tracing.begin(services.settings.model_copy(update={"trace_url": "http://127.0.0.1:1/v1"}))
    try:
        document_id = hand_in(services, xml("1")).document_id
        Pipeline(services).read(document_id, FixedReader(invoice()))
    finally:
        tracing.end()


def test_what_is_sent_arrives_at_a_collector(services: Services) -> None:
    with collecting() as collector:
        tracing.begin(services.settings.model_copy(update={"trace_url": collector.url}))
        try:
            document_id = hand_in(services, xml("1")).document_id
            tracing.flush()
        finally:
            tracing.end()
        trace_id, root = tracing.ids_of(document_id)
        (span,) = collector.of(trace_id)
    assert (span.name, span.id, span.parent) == ("hand in", f"{root:016x}", "")
