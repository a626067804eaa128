"""docs/security.md promises only what a test proves."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)


def _tests(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_each_named_test_is_there() -> None:
    missing = [f"{path}::{name}" for path, name in NAMED if name not in _tests(path)]
    assert missing == []


def test_each_threat_names_a_test() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and line.count("|") == 6]
    threats = rows[1:]  # the first is the head
    assert len(threats) >= 20
    assert [row for row in threats if not re.search(r"`tests/\S+::\w+`", row)] == []
