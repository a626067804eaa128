"""Finding invoices among all that were ever handed in.

`find` looks for a number alone. `run` answers a whole `Query`, page by page, as one form field
for each of its parts fills it, or as `parse` understands one free box.
"""

from __future__ import annotations

from archive.search.numbers import Match, find
from archive.search.paging import BadCursor, Hit, Page
from archive.search.parsing import parse
from archive.search.query import Query
from archive.search.running import run, with_data

__all__ = ["BadCursor", "Hit", "Match", "Page", "Query", "find", "parse", "run", "with_data"]
