"""What one vendor's interface looks like, as data that is checked when it is loaded.

Paths into answers are JMESPath expressions, because every vendor nests its answer differently.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import Field, HttpUrl, field_validator

from extractors.errors import YanpiaoError
from extractors.model import Frozen, Kind, Line
from verifiers.described import load_described
from verifiers.model import PortalValues, Reason

#: What a request may hold in braces.
PLACEHOLDERS = frozenset(
    {"key", "invoice_code", "invoice_number", "issue_date", "issue_date_digits", "fourth"}
)
_VALUES = frozenset(PortalValues.model_fields) - {"lines", "status_text"}


class BadVendor(YanpiaoError):
    """The description of a vendor's interface cannot be used."""

    code = "bad_vendor"


class Answer(Frozen):
    """How an answer reads. `codes` says which code means what: `found`, or a reason. `values` and
    `line` give a path for each of our fields; `status` the word that marks a void or red-offset
    invoice, and `statuses` what its words mean."""

    code: str
    message: str = ""
    codes: dict[str, Literal["found"] | Reason]
    values: dict[str, str]
    lines: str = ""
    line: dict[str, str] = Field(default_factory=dict)
    status: str = ""
    statuses: dict[str, Reason] = Field(default_factory=dict)
    time: str = ""

    @field_validator("values")
    @classmethod
    def _knows_the_number(cls, values: dict[str, str]) -> dict[str, str]:
        unknown = sorted(set(values) - _VALUES)
        if unknown:
            raise ValueError(f"no such fields: {', '.join(unknown)}")
        if "invoice_number" not in values:
            raise ValueError("an answer that does not name its invoice proves nothing of it")
        return values

    @field_validator("line")
    @classmethod
    def _knows_the_line(cls, line: dict[str, str]) -> dict[str, str]:
        unknown = sorted(set(line) - set(Line.model_fields))
        if unknown:
            raise ValueError(f"no such parts of a line: {', '.join(unknown)}")
        return line

    @field_validator("code", "message", "lines", "status", "time")
    @classmethod
    def _is_a_path(cls, path: str) -> str:
        return _compiled(path)

    @field_validator("values", "line")
    @classmethod
    def _are_paths(cls, paths: dict[str, str]) -> dict[str, str]:
        return {name: _compiled(path) for name, path in paths.items()}


class Vendor(Frozen):
    """One interface. `request` and `headers` may hold the placeholders in braces; the key itself
    never stands in the file, only the name of the environment's variable that holds it."""

    name: str = Field(min_length=1)
    version: str = Field(min_length=1)
    url: HttpUrl
    body: Literal["json", "form"] = "json"
    seconds: float = Field(default=20, gt=0, le=120)
    key_from: str = ""
    headers: dict[str, str] = Field(default_factory=dict)
    request: dict[str, str]
    kinds: tuple[Kind, ...] = ()
    answer: Answer

    @field_validator("url")
    @classmethod
    def _is_private(cls, url: HttpUrl) -> HttpUrl:
        if url.scheme != "https" and url.host not in ("127.0.0.1", "localhost"):
            raise ValueError("only https: invoices and the key would travel in the open")
        return url

    @field_validator("headers", "request")
    @classmethod
    def _knows_its_placeholders(cls, texts: dict[str, str]) -> dict[str, str]:
        for name, text in texts.items():
            try:
                text.format_map(dict.fromkeys(PLACEHOLDERS, ""))
            except (KeyError, IndexError, ValueError) as error:
                known = ", ".join(sorted(PLACEHOLDERS))
                raise ValueError(f"{name}: unknown placeholder {error}; known: {known}") from error
        return texts


def load_vendor(path: Path) -> Vendor:
    """Read and check a description. Raises `BadVendor` with every fault."""
    return load_described(path, Vendor, BadVendor)


def found_at(path: str, answer: Any) -> Any:
    """What stands at a path of an answer; None where there is nothing, or no path."""
    return jmespath.search(path, answer) if path else None


def _compiled(path: str) -> str:
    if path:
        try:
            jmespath.compile(path)
        except JMESPathError as error:
            raise ValueError(f"not a path: {path}") from error
    return path
