"""One field of a document beside the tax authority's: both values, and what to make of them."""

from __future__ import annotations

from enum import StrEnum

from extractors.model import Box, Finding, Frozen, Severity, Source
from extractors.words import Look


class Outcome(StrEnum):
    """SAME after folding what printing changes; DIFFERS; UNREADABLE: only the portal shows it;
    MENDED: it differed, and closer looks at the paper read the portal's value."""

    SAME = "same"
    DIFFERS = "differs"
    UNREADABLE = "unreadable"
    MENDED = "mended"


class Compared(Frozen):
    """`document` and `portal` are the values as texts; `box` is where the document's stands, on
    the upright page. `looks` and `score` are set where closer looks were taken."""

    field: str
    outcome: Outcome
    document: str | None
    portal: str
    source: Source | None = None
    confidence: float | None = None
    box: Box | None = None
    looks: tuple[Look, ...] = ()
    score: float | None = None

    @property
    def recognised(self) -> bool:
        """Was the document's value guessed from pixels, at a known place?"""
        return self.source is Source.OCR and self.box is not None

    def finding(self) -> Finding | None:
        """What to tell: nothing of what agrees."""
        if self.outcome is Outcome.UNREADABLE:
            return self._told("portal_only", Severity.INFO)
        if self.outcome is Outcome.MENDED:
            return self._told("mended_from_portal", Severity.INFO, score=f"{self.score or 0:.2f}")
        if self.outcome is Outcome.DIFFERS:
            return self._told("portal_differs", Severity.BLOCK)
        return None

    def _told(self, code: str, severity: Severity, **more: str) -> Finding:
        params = {"field": self.field, "portal": self.portal, **more}
        if self.document is not None:
            params["document"] = self.document
        return Finding(code=code, severity=severity, field=self.field, params=params)
