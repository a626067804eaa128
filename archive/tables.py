"""Every module that defines tables, so that what walks them all (migrations) knows each."""

from __future__ import annotations

from archive import records

Base = records.Base
