"""What the desk is asked to do, and what it answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from archive.records import Document
from worker.review.rules import Action


@dataclass(frozen=True, slots=True)
class Wish:
    """One click of one person. `token` is the client's own word for the click; `seen` the version
    of the document that was on the screen (`version_of`), None where it does not matter."""

    action: Action
    document_id: str
    token: str
    seen: str | None = None
    reason: str = ""
    text: str = ""
    #: Corrected fields as typed.
    values: Mapping[str, str] = field(default_factory=dict)
    voucher_no: str = ""
    #: Whom to assign; "" for nobody.
    assignee: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it. `repeated`: the same click had been done before, and nothing was done."""

    deed_id: str
    document_id: str
    action: Action
    status: str
    state: str
    repeated: bool = False


def version_of(document: Document) -> str:
    """A word for the document as it stands: microseconds of its last change."""
    return str(microseconds(document.updated_at))


def microseconds(moment: dt.datetime) -> int:
    """Since 1970, exactly."""
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def moment_of(version: str) -> dt.datetime | None:
    """The moment that a version stands for; None for what is none."""
    if not version.isdecimal() or len(version) > 17:
        return None
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=int(version))
