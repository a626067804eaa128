"""The reasons that a reviewer chooses from (`reasons.toml`)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from worker.review.errors import ReasonNeeded
from worker.review.rules import Action

_FILE = Path(__file__).parent / "reasons.toml"
_TABLE: dict[str, dict[str, dict[str, bool]]] = tomllib.loads(_FILE.read_text(encoding="utf-8"))

#: By action: each reason's code, in order, and whether it needs words of one's own.
REASONS: Mapping[Action, Mapping[str, bool]] = MappingProxyType(
    {
        Action(action): {code: entry.get("words", False) for code, entry in entries.items()}
        for action, entries in _TABLE.items()
    }
)


def check_reason(action: Action, code: str, text: str) -> None:
    """Raises `ReasonNeeded` where the action needs a reason of its list and this is none, or
    where the reason needs words."""
    known = REASONS.get(action)
    if known is None:
        return
    if code not in known or (known[code] and not text.strip()):
        raise ReasonNeeded(action=action)
