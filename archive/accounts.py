"""Accounts: making people, what they may do, their passwords and one-time links. Each deed leaves
a row in the audit trail, with ids only."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from archive import audit
from archive.actors import EVERYWHERE, SYSTEM, Actor, Role
from archive.people import Grant, OneTimeLink, Person, PersonSession
from archive.records import new_id, now
from archive.secrets import (
    LONGEST_PASSWORD,
    SHORTEST_PASSWORD,
    digest_of_token,
    hash_password,
    new_token,
)
from extractors.errors import YanpiaoError

LINK_LIVES = dt.timedelta(hours=1)
_LOGIN = re.compile(r"[\w.@+-]{1,64}")
_LONGEST_NAME = 64

Grants = Iterable[tuple[Role, str]]


class BadLogin(YanpiaoError):
    code = "bad_login"


class LoginTaken(YanpiaoError):
    code = "login_taken"


class WeakPassword(YanpiaoError):
    code = "weak_password"


class UnknownPerson(YanpiaoError):
    code = "unknown_person"


class LinkGone(YanpiaoError):
    """The one-time link was used, is too old, or never was."""

    code = "link_gone"


class LastAdmin(YanpiaoError):
    """Nobody would be left who can manage accounts."""

    code = "last_admin"


def actor_of(person: Person) -> Actor:
    """The person as what acts. Grants of roles that no longer exist are left out."""
    known = set(Role)
    grants = frozenset(
        (Role(grant.role), grant.campus) for grant in person.grants if grant.role in known
    )
    return Actor(person.id, person.login, person.name, grants)


def normal_login(login: str) -> str:
    """The login as it is kept. Raises `BadLogin`."""
    normal = login.strip().lower()
    if not _LOGIN.fullmatch(normal):
        raise BadLogin
    return normal


def check_password(password: str, login: str) -> None:
    """Raises `WeakPassword` for one that is too short, too long, or says the login."""
    fits = SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD
    if not fits or login.lower() in password.lower() or len(set(password)) < 4:
        raise WeakPassword(shortest=SHORTEST_PASSWORD)


def by_login(session: Session, login: str) -> Person | None:
    return session.scalars(select(Person).where(Person.login == login.strip().lower())).first()


def by_id(session: Session, person_id: str) -> Person:
    """Raises `UnknownPerson`."""
    person = session.get(Person, person_id)
    if person is None:
        raise UnknownPerson
    return person


def add_person(
    session: Session,
    login: str,
    name: str,
    grants: Grants,
    *,
    actor: Actor = SYSTEM,
    password: str | None = None,
    factor_waived: bool = False,
) -> Person:
    """Make a person. Raises `BadLogin`, `LoginTaken`, `WeakPassword`."""
    normal = normal_login(login)
    if by_login(session, normal) is not None:
        raise LoginTaken(login=normal)
    person = Person(
        id=new_id(),
        login=normal,
        name=name.strip()[:_LONGEST_NAME] or normal,
        factor_waived=factor_waived,
    )
    if password is not None:
        check_password(password, normal)
        person.password_hash = hash_password(password)
    session.add(person)
    session.flush()
    detail = {"person": person.id, "factor_waived": factor_waived}
    audit.record(session, "person_added", actor=actor.id, detail=detail)
    set_grants(session, person, grants, actor)
    return person


def set_grants(session: Session, person: Person, grants: Grants, actor: Actor = SYSTEM) -> None:
    """Let the person hold exactly these roles, from the next request on. Raises `LastAdmin`."""
    wanted = {(Role(role), campus.strip()) for role, campus in grants}
    held = {(Role(each.role), each.campus): each for each in person.grants}
    if wanted == set(held):
        return
    person.grants = [
        held.get(key) or Grant(person_id=person.id, role=key[0], campus=key[1])
        for key in sorted(wanted)
    ]
    session.flush()
    if (Role.ADMIN, EVERYWHERE) in set(held) - wanted:
        _insist_on_an_admin(session)
    detail = {
        "person": person.id,
        "added": sorted(f"{role}@{campus}" for role, campus in wanted - set(held)),
        "removed": sorted(f"{role}@{campus}" for role, campus in set(held) - wanted),
    }
    audit.record(session, "grants_changed", actor=actor.id, detail=detail)


def has_admin(session: Session) -> bool:
    """Whether anybody can manage accounts."""
    query = (
        select(Person.id)
        .join(Grant, Grant.person_id == Person.id)
        .where(Grant.role == Role.ADMIN, Grant.campus == EVERYWHERE, Person.disabled_at.is_(None))
    )
    return session.scalars(query.limit(1)).first() is not None


def _insist_on_an_admin(session: Session) -> None:
    if not has_admin(session):
        raise LastAdmin


def set_password(session: Session, person: Person, password: str, actor: Actor) -> None:
    """Change the password and end every session of the person. Raises `WeakPassword`."""
    check_password(password, person.login)
    person.password_hash = hash_password(password)
    end_sessions(session, person.id)
    audit.record(session, "password_changed", actor=actor.id, detail={"person": person.id})


def set_disabled(session: Session, person: Person, disabled: bool, actor: Actor = SYSTEM) -> None:
    """Lock an account, or open it again. Locked ends every session. Raises `LastAdmin`."""
    if disabled == (person.disabled_at is not None):
        return
    person.disabled_at = now() if disabled else None
    session.flush()
    if disabled:
        if actor_of(person).may(Role.ADMIN, EVERYWHERE):
            _insist_on_an_admin(session)
        end_sessions(session, person.id)
    action = "person_disabled" if disabled else "person_enabled"
    audit.record(session, action, actor=actor.id, detail={"person": person.id})


def end_sessions(session: Session, person_id: str, keep: str = "") -> None:
    """Sign the person out everywhere, but for the session of this token digest."""
    session.execute(
        delete(PersonSession).where(
            PersonSession.person_id == person_id, PersonSession.token_hash != keep
        )
    )


# -- one-time links ------------------------------------------------------------------------


def make_link(
    session: Session, purpose: str, person: Person | None = None, actor: Actor = SYSTEM
) -> str:
    """The secret of a new link, good for one use within the hour; older ones of the same purpose
    and person die."""
    query = delete(OneTimeLink).where(
        OneTimeLink.purpose == purpose,
        OneTimeLink.person_id == (person.id if person else None),
        OneTimeLink.used_at.is_(None),
    )
    session.execute(query)
    token = new_token()
    session.add(
        OneTimeLink(
            token_hash=digest_of_token(token),
            purpose=purpose,
            person_id=person.id if person else None,
            expires_at=now() + LINK_LIVES,
        )
    )
    detail = {"purpose": purpose, "person": person.id if person else None}
    audit.record(session, "link_made", actor=actor.id, detail=detail)
    return token


def find_link(session: Session, token: str) -> OneTimeLink:
    """The link, still unused. Raises `LinkGone`."""
    link = session.get(OneTimeLink, digest_of_token(token))
    if link is None or link.used_at is not None or link.expires_at < now():
        raise LinkGone
    return link


def use_link(session: Session, token: str) -> OneTimeLink:
    """Take the link for the deed of this transaction; of two that race, one gets it. Raises
    `LinkGone`."""
    link = find_link(session, token)
    taken = session.scalars(
        update(OneTimeLink)
        .where(OneTimeLink.token_hash == link.token_hash, OneTimeLink.used_at.is_(None))
        .values(used_at=now())
        .returning(OneTimeLink.token_hash)
    ).all()
    if not taken:
        raise LinkGone
    return link
