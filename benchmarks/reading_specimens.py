"""Public specimens against what eyes read from them: a folder with a truth.json."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.judging import KEYS, same, stops
from extractors.errors import YanpiaoError
from extractors.model import MONEY_FIELDS, TEXT_FIELDS, Invoice, Kind
from extractors.reader import Reader

_KINDS = frozenset(kind.value for kind in Kind)


def specimen_table(folder: Path, reader: Reader) -> Iterator[str]:
    """One row a file: how many values are right, and what its findings say. Values that the
    truth leaves open (absent or illegible) are not judged."""
    truths = {
        entry["file"]: entry for entry in json.loads((folder / "truth.json").read_text("utf-8"))
    }
    yield "\nPublic specimens"
    for path in sorted(folder.iterdir()):
        if path.suffix in (".md", ".json"):
            continue
        try:
            invoice = reader.read(path)[0]
        except YanpiaoError as error:
            yield f"{path.name:34}{'':10}error {error.code}"
            continue
        truth = truths.get(path.name, {})
        faults = list(_faults(truth, invoice))
        wanted = sum(_wanted(truth, name) for name in ("kind", *TEXT_FIELDS))
        said = [f.code for f in invoice.findings] if not faults else stops(invoice)
        yield f"{path.name:34}{f'{wanted - len(faults)}/{wanted}':10}{', '.join(said)}"
        yield from (f"    {fault}" for fault in faults)


def _wanted(truth: Mapping[str, Any], name: str) -> bool:
    return bool(truth.get(name)) and (name != "kind" or truth["kind"] in _KINDS)


def _faults(truth: Mapping[str, Any], invoice: Invoice) -> Iterator[str]:
    for name in ("kind", *TEXT_FIELDS):
        if not _wanted(truth, name):
            continue
        value: Any = invoice.kind.value if name == "kind" else None
        if name != "kind" and (field := getattr(invoice, name)) is not None:
            value = field.value
        expected = Decimal(truth[name]) if name in MONEY_FIELDS else truth[name]
        read = value if name in MONEY_FIELDS or value is None else str(value)
        if not same(read, expected):
            weight = " (key)" if name in KEYS else ""
            yield f"{name}{weight}: {read!r} for {expected!r}"
