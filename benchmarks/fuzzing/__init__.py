"""What `benchmarks.fuzz` reads: files drawn and damaged by seed, and files built to do harm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.fuzzing.drawn import drawn_file
from benchmarks.fuzzing.invoices import INVOICES
from benchmarks.fuzzing.ofd import OFD
from benchmarks.fuzzing.pdf import PDF
from benchmarks.fuzzing.pictures import CODES, PICTURES
from benchmarks.fuzzing.xml import XML

_BUILDERS: dict[str, Callable[[], bytes]] = {
    **{f"xml hostile {name}": build for name, build in XML.items()},
    **{f"ofd hostile {name}": build for name, build in OFD.items()},
    **{f"pdf hostile {name}": build for name, build in PDF.items()},
    **{f"image hostile {name}": build for name, build in (PICTURES | CODES).items()},
    **INVOICES,
}


@dataclass(frozen=True)
class Case:
    """One file to read; its name begins with its family."""

    name: str
    data: bytes

    @property
    def family(self) -> str:
        return self.name.split()[0]


def hostile_cases(only: str = "") -> Iterator[Case]:
    """Every one whose name has `only` in it."""
    for name, build in _BUILDERS.items():
        if only in name:
            yield Case(name, build())


def drawn_cases(seeds: range) -> Iterator[Case]:
    """One a seed, the families by turns."""
    return (Case(*drawn_file(seed)) for seed in seeds)
