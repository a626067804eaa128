"""Keys of programs: each acts for a person, never beyond that person's roles, and only within the
scopes that were chosen for it."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from archive import audit
from archive.actors import Actor
from archive.people import ApiToken
from archive.records import new_id, now
from archive.secrets import digest_of_token, new_token
from extractors.errors import YanpiaoError

#: So that a scanner recognises one that was left lying in a repository.
_BEGINNING = "yp_"
_REMEMBERED_EVERY = dt.timedelta(minutes=1)


class Scope(StrEnum):
    """What a token may be good for."""

    UPLOAD = "upload"
    READ = "read"
    VOUCHERS = "vouchers"
    #: Looking at vouchers only, as a report or an auditor's program does.
    VOUCHERS_READ = "vouchers_read"
    #: Taking sealed bags away.
    BAGS = "bags"
    WEBHOOKS = "webhooks"


class UnknownToken(YanpiaoError):
    """No token of this person has that id."""

    code = "unknown_token"


def make(
    session: Session, actor: Actor, label: str, scopes: list[Scope], lives: dt.timedelta | None
) -> str:
    """A new token for the actor; its text is given this once."""
    text = _BEGINNING + new_token()
    row = ApiToken(
        id=new_id(),
        token_hash=digest_of_token(text),
        person_id=actor.id,
        label=label.strip()[:64],
        scopes=sorted(scopes),
        expires_at=now() + lives if lives else None,
    )
    session.add(row)
    detail = {"token": row.id, "scopes": sorted(scopes)}
    audit.record(session, "token_made", actor=actor.id, detail=detail)
    return text


def find(session: Session, text: str) -> ApiToken | None:
    """The token with its person; None when it is unknown, revoked, over, or its person locked."""
    query = select(ApiToken).where(ApiToken.token_hash == digest_of_token(text))
    row = session.scalars(query).first()
    if row is None or row.revoked_at is not None or row.person.disabled_at is not None:
        return None
    return None if row.expires_at is not None and row.expires_at <= now() else row


def is_stale(row: ApiToken) -> bool:
    """Whether its last use ought to be written down again."""
    return row.used_at is None or now() - row.used_at > _REMEMBERED_EVERY


def touch(session: Session, token_id: str) -> None:
    if (row := session.get(ApiToken, token_id)) is not None:
        row.used_at = now()


def of_person(session: Session, person_id: str) -> list[ApiToken]:
    """The person's tokens that were not revoked, newest first."""
    query = (
        select(ApiToken)
        .where(ApiToken.person_id == person_id, ApiToken.revoked_at.is_(None))
        .order_by(ApiToken.id.desc())
    )
    return list(session.scalars(query))


def revoke(session: Session, actor: Actor, token_id: str) -> None:
    """Let one of the actor's own tokens end. Raises `UnknownToken`."""
    row = session.get(ApiToken, token_id)
    if row is None or row.person_id != actor.id or row.revoked_at is not None:
        raise UnknownToken
    row.revoked_at = now()
    audit.record(session, "token_revoked", actor=actor.id, detail={"token": token_id})
