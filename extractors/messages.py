"""Sentences for people, by code and language, from catalogue files.

Each layer keeps `locales/<language>.toml`, and `locales/<part>.<language>.toml` for each larger
part of it, with one table a code: `[code]` then `message = "..."` and, where a person can act,
`hint = "..."`.
Placeholders are `{name}`; a missing one is left standing rather than raised, because a
sentence that fails to print must never hide the fault it speaks of.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

LANGUAGES = ("zh", "en")
_FOLDERS: list[Path] = []


class _Gaps(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


def register(folder: Path) -> None:
    """Add a folder of catalogues; later folders win on the same code."""
    if folder not in _FOLDERS:
        _FOLDERS.append(folder)
        _catalogue.cache_clear()


@cache
def _catalogue(language: str) -> dict[str, dict[str, str]]:
    entries: dict[str, dict[str, str]] = {}
    for folder in _FOLDERS:
        for path in (folder / f"{language}.toml", *sorted(folder.glob(f"*.{language}.toml"))):
            if path.exists():
                entries.update(tomllib.loads(path.read_text(encoding="utf-8")))
    return entries


def codes(language: str) -> frozenset[str]:
    """Every code that the language's catalogues hold."""
    return frozenset(_catalogue(language))


def field_label(name: str, language: str) -> str:
    """How people call a field; the name itself where no catalogue knows it."""
    return _label(f"field_{name}", language) or name


def source_label(name: str, language: str) -> str:
    """How people call a source; the name itself where no catalogue knows it."""
    return _label(f"source_{name}", language) or name


def _label(code: str, language: str) -> str:
    label = say(code, language)
    return "" if label == code else label


def sentence(
    code: str, language: str, params: Mapping[str, object] | None = None, part: str = "message"
) -> str:
    """`say`, with the field and the sources that `params` may name called as people call them."""
    values = dict(params or {})
    if name := values.get("field"):
        values["field"] = field_label(str(name), language)
    for name, value in values.items():
        if name.endswith("_source"):
            values[name] = source_label(str(value), language)
    return say(code, language, values, part)


def say(
    code: str,
    language: str = "en",
    params: Mapping[str, object] | None = None,
    part: str = "message",
) -> str:
    """The sentence for `code`; the code itself if no catalogue knows it, "" for a missing hint."""
    entry = _catalogue(language).get(code)
    if entry is None:
        return code if part == "message" else ""
    values = _Gaps({name: str(value) for name, value in (params or {}).items()})
    return entry.get(part, "").format_map(values)


register(Path(__file__).parent / "locales")
