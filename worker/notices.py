"""Who is told what: notices follow the audit trail, from where they left off.

Each round reads the trail's new rows and writes, in the same transaction as its own place in it,
what people are to be told; so nothing is told twice and nothing forgotten, whatever dies. What
happens together is told together: one notice for the forty documents of a batch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from archive.actors import EVERYWHERE, Role
from archive.database import Database
from archive.following import new_rows
from archive.noticing import Notice, NoticeChoice, Outgoing
from archive.people import Grant, Person
from archive.records import AuditRow, Document, now

_WALK = "notices"
_MOST_ROWS = 2000


class Topic(StrEnum):
    """What a notice is about; people choose by it."""

    TODO = "todo"
    DONE = "done"
    REJECTED = "rejected"
    REVIEW = "review"
    ALARM = "alarm"


class Channel(StrEnum):
    """How a person is told."""

    APP = "app"
    EMAIL = "email"


#: What everybody gets who chose nothing else. E-mail only for what does not happen every hour.
USUAL: Mapping[tuple[Topic, Channel], bool] = {
    **{(topic, Channel.APP): True for topic in Topic},
    (Topic.TODO, Channel.EMAIL): True,
    (Topic.REJECTED, Channel.EMAIL): True,
    (Topic.ALARM, Channel.EMAIL): True,
    (Topic.DONE, Channel.EMAIL): False,
    (Topic.REVIEW, Channel.EMAIL): False,
}
#: Who has use for a topic; for its page of choices.
FOR_ROLES: Mapping[Topic, frozenset[Role]] = {
    Topic.TODO: frozenset({Role.SUBMITTER}),
    Topic.DONE: frozenset({Role.SUBMITTER}),
    Topic.REJECTED: frozenset({Role.SUBMITTER}),
    Topic.REVIEW: frozenset({Role.REVIEWER}),
    Topic.ALARM: frozenset({Role.REVIEWER, Role.ADMIN}),
}
#: Deeds that concern whoever handed the document in.
_TO_OWNER = {
    "document_failed": Topic.TODO,
    "review_picture": Topic.TODO,
    "picture_wanted": Topic.TODO,
    "document_rejected": Topic.REJECTED,
    "document_archived": Topic.DONE,
}
#: Deeds that concern the office, by who holds a role in the document's campus.
_TO_OFFICE = {
    "document_in_review": (Topic.REVIEW, (Role.REVIEWER,)),
    "picture_not_to_be_had": (Topic.REVIEW, (Role.REVIEWER,)),
    "alarm_raised": (Topic.ALARM, (Role.REVIEWER, Role.ADMIN)),
    "lane_stopped": (Topic.ALARM, (Role.ADMIN, Role.REVIEWER)),
}
_FOLLOWED = frozenset({*_TO_OWNER, *_TO_OFFICE})


@dataclass(frozen=True, slots=True)
class Word:
    """One thing to tell: `code` of its sentence, the document where it is about a single one."""

    topic: Topic
    code: str
    document_id: str | None = None
    count: int = 1


class Notices:
    """Writes notices, and what is to leave the house, for new rows of the trail.

    `groups`: chat robots that are set up (`Outgoing.channel`), told of what concerns the office.
    `mail`: whether e-mail is set up.
    """

    def __init__(self, database: Database, groups: Iterable[str] = (), *, mail: bool = False):
        self._database = database
        self._groups = tuple(groups)
        self._mail = mail

    def round(self) -> int:
        """Follow the trail to its end; how many notices were written."""
        written = 0
        while True:
            with self._database.write() as session:
                rows = new_rows(session, _WALK, _MOST_ROWS)
                if not rows:
                    return written
                if any(row.action in _FOLLOWED for row in rows):
                    written += self._tell(session, rows)

    def _tell(self, session: Session, rows: list[AuditRow]) -> int:
        told: dict[tuple[str, Topic, str], list[str | None]] = defaultdict(list)
        office: dict[tuple[Topic, str], list[str | None]] = defaultdict(list)
        reach = _Reach(session)
        # Until the submitter had their turn it is nothing for finance.
        retaken = {row.document_id for row in rows if row.action == "picture_wanted"}
        for row in rows:
            document = session.get(Document, row.document_id) if row.document_id else None
            topic = _TO_OWNER.get(row.action)
            if topic and document and document.submitter not in ("", row.actor):
                told[document.submitter, topic, _code(row)].append(document.id)
            early = row.action == "document_in_review" and row.document_id in retaken
            if (found := _TO_OFFICE.get(row.action)) and not early:
                subject, roles = found
                office[subject, _code(row)].append(row.document_id)
                campus = document.campus if document else None
                for person_id in reach.holding(roles, campus) - {row.actor}:
                    told[person_id, subject, _code(row)].append(row.document_id)
        for (person_id, topic, code), documents in told.items():
            self._person(session, person_id, _word(topic, code, documents))
        for (topic, code), documents in office.items():
            self._office(session, _word(topic, code, documents))
        return len(told)

    def _person(self, session: Session, person_id: str, word: Word) -> None:
        wanted = choices(session, person_id)
        if wanted[word.topic, Channel.APP]:
            session.add(
                Notice(
                    person_id=person_id,
                    topic=word.topic,
                    document_id=word.document_id,
                    code=word.code,
                    params=_params(word),
                )
            )
        person = session.get(Person, person_id)
        if self._mail and wanted[word.topic, Channel.EMAIL] and person is not None and person.email:
            session.add(_outgoing("email", word, person_id))

    def _office(self, session: Session, word: Word) -> None:
        for channel in self._groups:
            session.add(_outgoing(channel, word))


def _code(row: AuditRow) -> str:
    return f"notice_{row.action}"


def _word(topic: Topic, code: str, documents: list[str | None]) -> Word:
    several = list(dict.fromkeys(documents))
    return Word(topic, code, several[0] if len(several) == 1 else None, len(several))


def _params(word: Word) -> dict[str, str]:
    return {"count": str(word.count)}


def _outgoing(channel: str, word: Word, person_id: str = "") -> Outgoing:
    return Outgoing(
        channel=channel,
        person_id=person_id,
        topic=word.topic,
        document_id=word.document_id,
        code=word.code,
        params=_params(word),
    )


class _Reach:
    """Who holds a role in a campus, asked once a round."""

    def __init__(self, session: Session) -> None:
        self._grants = session.execute(
            select(Grant.person_id, Grant.role, Grant.campus)
            .join(Person, Person.id == Grant.person_id)
            .where(Person.disabled_at.is_(None))
        ).all()

    def holding(self, roles: tuple[Role, ...], campus: str | None) -> set[str]:
        """The people who hold one of the roles there; None: in any campus at all."""
        return {
            person_id
            for person_id, role, at in self._grants
            if role in roles and (campus is None or at in (EVERYWHERE, campus))
        }


# -- choices and reading -------------------------------------------------------------------


def choices(session: Session, person_id: str) -> dict[tuple[Topic, Channel], bool]:
    """What a person wants by which channel."""
    rows = session.scalars(select(NoticeChoice).where(NoticeChoice.person_id == person_id))
    chosen = {(row.topic, row.channel): row.wanted for row in rows}
    return {
        (topic, channel): chosen.get((topic, channel), usual)
        for (topic, channel), usual in USUAL.items()
    }


def choose(session: Session, person_id: str, wanted: Mapping[tuple[Topic, Channel], bool]) -> None:
    """Keep a person's choices; topics that are not named stay as they are."""
    for (topic, channel), wish in wanted.items():
        session.merge(NoticeChoice(person_id=person_id, topic=topic, channel=channel, wanted=wish))


def unread(session: Session, person_id: str) -> int:
    """How many notices the person has not seen."""
    query = select(func.count(Notice.id)).where(
        Notice.person_id == person_id, Notice.read_at.is_(None)
    )
    return session.scalar(query) or 0


def mark_read(session: Session, person_id: str, up_to: str) -> None:
    """The person has seen everything up to this notice."""
    session.execute(
        update(Notice)
        .where(Notice.person_id == person_id, Notice.read_at.is_(None), Notice.id <= up_to)
        .values(read_at=now())
    )
