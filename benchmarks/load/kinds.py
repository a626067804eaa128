"""What a document of each kind costs in seconds of processor, part by part, beside its reading
alone; and the same with the portal's page in place of a vendor's interface."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import bare
from benchmarks.load.files import Made, made
from benchmarks.load.house import House, Road, house, stored
from benchmarks.load.processes import processor, since
from benchmarks.load.steady import TOGETHER, hand_in_steadily, settle, wait_until_done
from fixtures.maker import Form

#: Not part of what the product does with a document.
_OTHERS = ("stand-ins", "supervisor")
_STANDING_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of processor a document. `parts`: beyond what each part uses while nothing is
    handed in, which is `standing`, in milliseconds a second. `reading`: of reading the same files
    alone. `stored`: bytes a document of `database`, `files`, `bags`, and rows of the `trail`."""

    kind: str
    documents: int
    parts: dict[str, float]
    standing: dict[str, float]
    reading: float
    stored: dict[str, float]

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
        standing = _standing(here)
        kept = stored(here)
        before, began = processor(here.services), time.monotonic()
        hand_in_steadily(here, rest, 1)
        wait_until_done(here, len(files.paths))
        used, seconds = since(before, processor(here.services)), time.monotonic() - began
        grown = {name: (more - kept[name]) / len(rest) for name, more in stored(here).items()}
    reading = bare.reading(rest)[rest[0].suffix.lstrip(".")]
    assert reading.processor is not None
    parts = {
        part: max(0.0, 1000 * spent - standing.get(part, 0.0) * seconds) / len(rest)
        for part, spent in used.items()
    }
    return Cost(kind, len(rest), parts, standing, reading.processor, grown)


def _standing(here: House) -> dict[str, float]:
    """Milliseconds of processor a second that each part uses while nothing is to be done."""
    before = processor(here.services)
    time.sleep(_STANDING_SECONDS)
    used = since(before, processor(here.services))
    return {part: 1000 * spent / _STANDING_SECONDS for part, spent in used.items()}


#: Name, form, and by which road the tax authority is asked.
KINDS: Mapping[str, tuple[Form, Road]] = {
    "XML": (Form.XML, "vendor"),
    "OFD": (Form.OFD, "vendor"),
    "PDF": (Form.PDF, "vendor"),
    "scan": (Form.JPEG, "vendor"),
    "XML, portal's page": (Form.XML, "portal"),
}


def costs(folder: Path, kinds: Sequence[str], count: int, scans: int) -> Iterator[Cost]:
    """The cost of these kinds, one after another; `scans` are as many of the slow ones."""
    for kind in kinds:
        form, road = KINDS[kind]
        slow = form is Form.JPEG or road == "portal"
        files = made(folder, (scans if slow else count) + TOGETHER, {form: 1})
        yield cost(kind, files, road)
