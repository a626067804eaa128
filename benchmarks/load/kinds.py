"""What a document of each kind costs in seconds of processor, part by part, beside its reading
alone; and the same with the portal's page in place of a vendor's interface."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import bare
from benchmarks.load.files import Made, made
from benchmarks.load.house import Road, house
from benchmarks.load.processes import processor, since
from benchmarks.load.steady import TOGETHER, hand_in_steadily, settle, wait_until_done
from fixtures.maker import Form

#: Not part of what the product does with a document.
_OTHERS = ("stand-ins", "supervisor")


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of processor a document. `reading`: of reading the same files alone."""

    kind: str
    documents: int
    parts: dict[str, float]
    reading: float

    @property
    def whole(self) -> float:
        return sum(spent for part, spent in self.parts.items() if part not in _OTHERS)

    @property
    def overhead(self) -> float:
        """Everything but the reading itself, and but the browser."""
        return self.whole - self.reading - self.parts.get("Chromium", 0.0)


def cost(kind: str, files: Made, road: Road) -> Cost:
    """One worker of each stage works on these files; what everything uses meanwhile."""
    settling, rest = files.paths[:TOGETHER], files.paths[TOGETHER:]
    with house(files.known, "sqlite", road, 1) as here:
        settle(here, settling)
        before = processor(here.services)
        hand_in_steadily(here, rest, 1)
        wait_until_done(here, len(files.paths))
        used = since(before, processor(here.services))
    reading = bare.reading(rest)[rest[0].suffix.lstrip(".")]
    assert reading.processor is not None
    parts = {part: 1000 * spent / len(rest) for part, spent in used.items()}
    return Cost(kind, len(rest), parts, reading.processor)


def costs(folder: Path, count: int, scans: int) -> list[Cost]:
    """XML, OFD, PDF and scans through a vendor's interface, then XML through the portal's page."""
    plans: tuple[tuple[str, Form, int, Road], ...] = (
        ("XML", Form.XML, count, "vendor"),
        ("OFD", Form.OFD, count, "vendor"),
        ("PDF", Form.PDF, count, "vendor"),
        ("scan", Form.JPEG, scans, "vendor"),
        ("XML, portal's page", Form.XML, scans, "portal"),
    )
    return [
        cost(kind, made(folder, number + TOGETHER, {form: 1}), road)
        for kind, form, number, road in plans
    ]
