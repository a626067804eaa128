"""Every offline rule by name: what it finds, how it weighs, and where it comes from.

Data (`tables/rules.toml`), so that the policy can be checked against it and people can read it;
the functions stand under the same names in `verifiers.rules`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from extractors.model import Severity

_FILE = Path(__file__).parent / "tables" / "rules.toml"


@dataclass(frozen=True, slots=True)
class RuleEntry:
    """`codes` are those of its findings; `severity` the gravest that it gives by default."""

    name: str
    codes: tuple[str, ...]
    severity: Severity
    source: str


def _rules() -> tuple[RuleEntry, ...]:
    return tuple(
        RuleEntry(name, tuple(entry["codes"]), Severity(entry["severity"]), entry["source"])
        for name, entry in tomllib.loads(_FILE.read_text(encoding="utf-8")).items()
    )


#: In the order in which their findings are told.
RULES: tuple[RuleEntry, ...] = _rules()
