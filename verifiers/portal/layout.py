"""`portal.toml` as a checked, frozen object: the page's selectors, words and answers."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

from pydantic import field_validator

from extractors.model import Frozen
from verifiers.keys import FourthKey
from verifiers.model import Reason

_FILE = Path(__file__).parent / "portal.toml"


class Pattern(Frozen):
    """A regular expression that is searched in the page's words."""

    pattern: str

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        re.compile(pattern)
        return pattern

    def matches(self, text: str) -> bool:
        return re.search(self.pattern, text) is not None


class Answered(Pattern):
    """What a popup or a failure page means. `minutes`: when to try again, where it is not the
    reason's usual time; `captcha`: a new captcha may mend it."""

    reason: Reason
    code: str | None = None
    minutes: int | None = None
    captcha: bool = False


class Label(Pattern):
    wants: FourthKey


class Limits(Frozen):
    """`captcha_seconds`: the age at which a captcha is renewed."""

    checks_a_day: int
    captcha_seconds: float


class Sample(Frozen):
    """Keys that may be typed on a fresh form, and what its label must then ask for."""

    code: str = ""
    number: str = ""
    wants: FourthKey


class Requests(Frozen):
    captcha: str
    check: str


class Http(Frozen):
    refused: frozenset[int]
    moved: frozenset[int]


class Result(Frozen):
    frame: str
    id_time: str
    id_count: str
    id_failure: str
    failure_title: str
    line_cell: str
    line_table: str


class Shape(Frozen):
    """`required` must be on every fresh page; `later` appear only when they are needed."""

    required: tuple[str, ...]
    later: frozenset[str]


class Needs(Frozen):
    values: tuple[str, ...]
    any_of: tuple[str, ...]


class Layout(Frozen):
    """The whole file. `form` maps our names to selectors."""

    version: str
    limits: Limits
    requests: Requests
    http: Http
    form: dict[str, str]
    shape: Shape
    samples: tuple[Sample, ...]
    labels: tuple[Label, ...]
    colours: dict[str, str]
    instruction: Pattern
    maintenance: Pattern
    popups: tuple[Answered, ...]
    result: Result
    failures: tuple[Answered, ...]
    status: tuple[Answered, ...]
    stems: dict[str, tuple[str, ...]]
    needs: Needs
    columns: dict[str, tuple[str, ...]]

    def popup(self, message: str) -> Answered | None:
        return next((known for known in self.popups if known.matches(message)), None)

    def label(self, text: str) -> FourthKey | None:
        return next((label.wants for label in self.labels if label.matches(text)), None)


@cache
def load_layout(path: Path = _FILE) -> Layout:
    """Read and check the file; a mistake in it raises pydantic's `ValidationError`."""
    return Layout.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
