"""Which roads an invoice takes to the tax authority, in which order, and when the next is tried.

A road that is out of order, or does not cover the kind, gives way to the next; one that answered,
whatever it answered, has spoken, and nobody else is asked for a better answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from extractors.model import Invoice, Kind
from verifiers.model import CaptchaDesk, Reason, Verdict, Verification, Verifier

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


class RoutedVerifier(Verifier):
    """Roads by kind. `usual` serves every kind that `by_kind` does not name; an empty order means
    that nobody verifies such documents."""

    def __init__(
        self, usual: Sequence[Verifier], by_kind: Mapping[Kind, Sequence[Verifier]] | None = None
    ) -> None:
        if not usual:
            raise ValueError("there must be a usual road")
        self._usual = tuple(usual)
        self._by_kind = {kind: tuple(roads) for kind, roads in (by_kind or {}).items()}

    def verify(self, document_id: str, invoice: Invoice, desk: CaptchaDesk) -> Verification:
        """The first road's answer that is one; else that of the road which will be open soonest."""
        roads = self._by_kind.get(invoice.kind, self._usual)
        tried: list[Verification] = []
        for road in roads:
            answer = road.verify(document_id, invoice, desk)
            if answer.verdict is not Verdict.UNDECIDED or answer.reason not in _GIVES_WAY:
                return answer
            tried.append(answer)
        return _soonest(tried)


def _soonest(tried: Sequence[Verification]) -> Verification:
    waiting = [answer for answer in tried if answer.retry_at is not None]
    if waiting:
        return min(waiting, key=lambda answer: str(answer.retry_at))
    if tried:
        return tried[0]
    return Verification(verdict=Verdict.UNDECIDED, reason=Reason.NOT_COVERED)
