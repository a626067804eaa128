"""Pages of hits: where one ends, the next begins, however many have come in between."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass

from archive.records import Document
from archive.search.numbers import Match
from extractors.errors import YanpiaoError


class BadCursor(YanpiaoError):
    """A page's address that no search has given out."""

    code = "bad_cursor"


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that was found, its invoice loaded; `match` tells how its number or code
    matched, None where neither was asked for."""

    document: Document
    match: Match | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Hits in order, and the `after` of the page that follows; None on the last."""

    hits: tuple[Hit, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """The last hit of a page. `phase` counts the ways a number may match, in the order they are
    tried; `key` is what that phase is ordered by; `row` parts equal keys."""

    phase: int
    key: int | str
    row: int | str

    def written(self) -> str:
        """As a word that an address may carry."""
        body = json.dumps([self.phase, self.key, self.row], separators=(",", ":"))
        return base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, word: str) -> Place:
        """Raises `BadCursor`."""
        try:
            body = base64.urlsafe_b64decode(word.encode("ascii") + b"=" * (-len(word) % 4))
            phase, key, row = json.loads(body)
        except (ValueError, TypeError, binascii.Error, RecursionError) as error:
            raise BadCursor from error
        if type(phase) is not int or type(key) not in (int, str) or type(row) not in (int, str):
            raise BadCursor
        return cls(phase, key, row)
