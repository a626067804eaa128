"""Our pages use nothing that a browser of the stated age does not know (docs/desk.md)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

STATIC = Path(__file__).resolve().parent.parent / "web" / "static"
DESK = Path(__file__).resolve().parent.parent / "docs" / "desk.md"

#: Chromium that the pages must work in; 360 and the phones' own browsers lag behind.
BASELINE = 87
#: What came later, by the Chromium that first had it (caniuse.com, developer.mozilla.org).
LATER: dict[str, dict[str, int]] = {
    "css": {
        r":has\(": 105, r":is\(": 88, r":where\(": 88, r"\baspect-ratio": 88,
        r"color-mix\(": 111, r"light-dark\(": 123, r"@container": 105, r"@layer": 99,
        r"@scope": 118, r"\d[dsl]v[hw]\b": 108, r"\btext-wrap": 114,
        r"\(width\s*[<>]": 104, r"overflow(-[xy])?:\s*clip": 90, r"\bscrollbar-gutter": 94,
        r"\b(translate|rotate|scale):": 104, r"field-sizing": 123, r"^\s*&": 120,
        r"\bsubgrid": 117, r"\boklch|\boklab|\blch\(": 111,
        r":user-(in)?valid": 119, r"anchor-name": 125, r"@starting-style": 117,
    },
    "js": {
        r"\.at\(": 92, r"structuredClone": 98, r"Object\.hasOwn": 93, r"Object\.groupBy": 117,
        r"\.findLast": 97, r"\.to(Sorted|Reversed|Spliced)\(": 110, r"\.with\(": 110,
        r"randomUUID": 92, r"AbortSignal\.(timeout|any)": 103, r"^(const .* = )?await ": 89,
        r"\bstatic \{": 94, r"\.showPicker": 99,
        r"startViewTransition": 111, r"Promise\.withResolvers": 119, r"\.showPopover": 114,
    },
}  # fmt: skip
#: What only looks plainer where it is missing, with the reason.
PLAINER = {
    "accent-color": "a ticked box has the browser's own colour",
    "::file-selector-button": "the button to choose a file has the browser's own look",
}


def _used(kind: str, text: str) -> list[str]:
    """What is too new in a text; a line marked "newer:" stands beside an older way."""
    text = "\n".join(line for line in text.splitlines() if "/* newer:" not in line)
    return [
        pattern
        for pattern, since in LATER[kind].items()
        if since > BASELINE and re.search(pattern, text, re.MULTILINE)
    ]


@pytest.mark.parametrize("kind", ["css", "js"])
def test_no_sheet_or_script_needs_a_newer_browser(kind: str) -> None:
    paths = [path for path in STATIC.glob(f"*.{kind}") if ".min." not in path.name]
    assert len(paths) >= 5
    assert {path.name: used for path in paths if (used := _used(kind, path.read_text()))} == {}


def test_what_is_too_new_is_found() -> None:
    assert _used("css", ".a:has(img) { width: 10dvh }") == [r":has\(", r"\d[dsl]v[hw]\b"]
    assert _used("js", "const a = await b();\nx.at(-1);") == [r"\.at\(", r"^(const .* = )?await "]


def test_the_stated_age_is_the_one_that_is_tested() -> None:
    assert f"Chromium {BASELINE}" in DESK.read_text("utf-8")


def test_what_only_looks_plainer_is_really_there() -> None:
    sheets = "".join(path.read_text() for path in STATIC.glob("*.css"))
    for feature in PLAINER:
        assert feature in sheets
