"""Every module that defines tables, so that what walks them all (migrations) knows each."""

from __future__ import annotations

from archive import (
    accounting,
    audit_heads,
    claiming,
    disposal_tables,
    inspections,
    noticing,
    page_pictures,
    people,
    records,
    repeats,
    retention,
    reviewing,
    tallies,
    webhooks,
)
from archive.search import tables as search

Base = records.Base
#: Named so that importing this module is seen to be what makes the tables known.
MODULES = (
    accounting,
    audit_heads,
    claiming,
    disposal_tables,
    inspections,
    noticing,
    page_pictures,
    people,
    records,
    repeats,
    retention,
    reviewing,
    tallies,
    search,
    webhooks,
)
