"""Review: what a person may do with a document that did not pass by itself, and doing it."""

from __future__ import annotations
