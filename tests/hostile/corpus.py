"""Every file built to do harm, by name; the first word of a name is its class."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.fuzzing import Case
from tests.hostile.attacks import XML
from tests.hostile.packages import PACKAGES
from tests.hostile.pdfs import PDFS
from tests.hostile.pictures import CODES, PICTURES
from tests.hostile.texts import TEXTS

BUILDERS: dict[str, Callable[[], bytes]] = {
    **TEXTS, **XML, **PACKAGES, **PDFS, **PICTURES, **CODES
}  # fmt: skip
_TABLE = Path(__file__).with_name("expected.toml")


def expected() -> dict[str, str]:
    """How each file must end: the code of an error, or `clean` or `flagged` for one that is read
    as an invoice."""
    table = tomllib.loads(_TABLE.read_text("utf-8"))
    return {name: code for code, names in table.items() for name in names}


def cases(names: Iterator[str] | list[str]) -> Iterator[Case]:
    """The files of these names, each made when it is asked for."""
    return (Case(name, BUILDERS[name]()) for name in names)
