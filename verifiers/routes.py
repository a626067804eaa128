"""Which roads an invoice takes to the tax authority, in which order, and when the next is tried.

A road that is out of order, or does not cover the kind, gives way to the next; one that answered,
whatever it answered, has spoken, and nobody else is asked for a better answer.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from extractors.model import Invoice, Kind
from verifiers.model import CaptchaDesk, Reason, Verdict, Verification, Verifier
from verifiers.policy import Road, Roads

#: Undecided for these, the road itself is at fault, or does not lead there.
_GIVES_WAY = frozenset(
    {
        Reason.NOT_COVERED,
        Reason.PORTAL_DOWN,
        Reason.PORTAL_BLOCKED,
        Reason.PORTAL_CHANGED,
        Reason.TOO_FREQUENT,
        Reason.REGION_CLOSED,
    }
)
_LATEST = dt.datetime.max.replace(tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class OpenRoad:
    """A verifier that is open, and the name under which its answers are kept."""

    name: str
    verifier: Verifier


class RoutedVerifier(Verifier):
    """Asks the roads of a document's kind in the policy's order. Raises `ValueError` where the
    policy names a road that is not open."""

    def __init__(self, roads: Roads, opened: Mapping[Road, OpenRoad]) -> None:
        closed = sorted(roads.named - opened.keys())
        if closed:
            raise ValueError(f"no such road is open: {', '.join(closed)}")
        self._roads = roads
        self._opened = dict(opened)

    def verify(self, document_id: str, invoice: Invoice, desk: CaptchaDesk) -> Verification:
        """The first road's answer that is one; else that of the road which will be open soonest.
        A kind without a road is not covered."""
        tried: list[Verification] = []
        for road in self._roads.of(invoice.kind):
            opened = self._opened[road]
            answer = opened.verifier.verify(document_id, invoice, desk)
            answer = answer.model_copy(update={"road": opened.name})
            if answer.verdict is not Verdict.UNDECIDED or answer.reason not in _GIVES_WAY:
                return answer
            tried.append(answer)
        return _soonest(tried)

    def needs_only(self, road: Road, kind: Kind) -> bool:
        """Is this the only road for documents of the kind?"""
        return self._roads.of(kind) == (road,)


def _soonest(tried: Sequence[Verification]) -> Verification:
    """The answer with the nearest next try; the first where time mends none."""
    if not tried:
        return Verification(verdict=Verdict.UNDECIDED, reason=Reason.NOT_COVERED)
    return min(tried, key=lambda answer: answer.retry_at or _LATEST)
