"""Which flow a document's work belongs to (`worker.fair_queue`)."""

from __future__ import annotations

from archive.records import Document, State
from verifiers.model import Reason
from worker.fair_queue import Share, Urgency

#: The first files of a batch go as those of a small one do; what comes after is bulk.
SMALL_BATCH = 20
#: Somebody sits at the desk and found nothing to type: these are theirs next.
_WAITED_FOR = frozenset({Reason.CAPTCHA_UNANSWERED})


def share_of(document: Document) -> Share:
    """By who handed it in, whether it is one of very many, and whether somebody waits for it."""
    if document.state == State.WAITING and document.reason in _WAITED_FOR:
        return Share(document.submitter, Urgency.WAITED_FOR)
    return Share(document.submitter, Urgency.BULK if document.bulk else Urgency.USUAL)
