"""The tables of people: who may sign in, what they may do where, and what proves that it is them.

Nothing secret lies here readable: passwords only as argon2 digests, tokens, links and recovery
codes only as SHA-256 of long random text, the seed of a second factor sealed by the machine's key.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from archive.records import Base, JsonText, new_id, now


class Person(Base):
    """Somebody who may sign in. People are never deleted, because the audit trail names them."""

    __tablename__ = "people"
    __proven__ = (
        *("id", "login", "name", "email", "password_hash", "created_at", "disabled_at"),
        *("totp_sealed", "factor_waived"),
    )

    id: Mapped[str] = mapped_column(String(24), primary_key=True, default=new_id)
    #: What is typed to sign in; kept in lower case.
    login: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(64))
    email: Mapped[str] = mapped_column(String(254), default="", server_default="")
    #: None: no password, so only a link or the organisation's own sign-in lets in.
    password_hash: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    disabled_at: Mapped[dt.datetime | None]
    #: The seed of the second factor, sealed; None until it was set up and proved.
    totp_sealed: Mapped[str | None] = mapped_column(Text)
    #: The last time step whose code was taken, so that no code counts twice.
    totp_step: Mapped[int] = mapped_column(default=0, server_default="0")
    #: The machine's keeper decided that this account needs no second factor.
    factor_waived: Mapped[bool] = mapped_column(default=False)

    grants: Mapped[list[Grant]] = relationship(
        lazy="selectin", cascade="all, delete-orphan", order_by="Grant.role, Grant.campus"
    )


class Grant(Base):
    """A role that a person holds in one campus; "" for all of them."""

    __tablename__ = "grants"
    __proven__ = ("person_id", "role", "campus")

    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(16), primary_key=True)
    campus: Mapped[str] = mapped_column(String(64), primary_key=True, default="")


class PersonSession(Base):
    """A browser in which somebody is signed in, by the digest of its cookie."""

    __tablename__ = "sessions"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    seen_at: Mapped[dt.datetime] = mapped_column(default=now)
    #: When the second factor was proved in this session.
    factor_at: Mapped[dt.datetime | None]
    #: Shown to the person, to recognise a browser that is not theirs.
    address: Mapped[str] = mapped_column(String(64), default="")
    browser: Mapped[str] = mapped_column(String(160), default="")

    person: Mapped[Person] = relationship(lazy="joined")


class OneTimeLink(Base):
    """A link that may be used once: `admin` makes an administrator, `password` sets one anew."""

    __tablename__ = "one_time_links"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(16))
    person_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"), index=True)
    expires_at: Mapped[dt.datetime]
    used_at: Mapped[dt.datetime | None]


class RecoveryCode(Base):
    """Stands for the second factor once, where the telephone is lost."""

    __tablename__ = "recovery_codes"
    __table_args__ = (UniqueConstraint("person_id", "code_hash"),)

    id: Mapped[str] = mapped_column(String(24), primary_key=True, default=new_id)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"))
    code_hash: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[dt.datetime | None]


class ApiToken(Base):
    """A program's key, which acts for a person within its scopes."""

    __tablename__ = "api_tokens"
    __proven__ = (
        *("id", "token_hash", "person_id", "label", "scopes", "created_at", "expires_at"),
        "revoked_at",
    )

    id: Mapped[str] = mapped_column(String(24), primary_key=True, default=new_id)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    label: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[str]] = mapped_column(JsonText, default=list)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    expires_at: Mapped[dt.datetime | None]
    used_at: Mapped[dt.datetime | None]
    revoked_at: Mapped[dt.datetime | None]

    person: Mapped[Person] = relationship(lazy="joined")


class Identity(Base):
    """A person as the organisation's own sign-in (OIDC) names them."""

    __tablename__ = "identities"
    __proven__ = ("issuer", "subject", "person_id")

    issuer: Mapped[str] = mapped_column(String(255), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)


class LoginThrottle(Base):
    """Failed sign-ins in a row of one account or one address, and until when none is looked at."""

    __tablename__ = "login_throttle"

    key: Mapped[str] = mapped_column(String(96), primary_key=True)
    failures: Mapped[int] = mapped_column(default=0)
    last_at: Mapped[dt.datetime] = mapped_column(default=now)
    blocked_until: Mapped[dt.datetime | None]


def people_json(session: Session, ids: Iterable[str]) -> list[dict[str, str]]:
    """Who stands behind these ids, as a bag keeps it: nothing secret, and no address."""
    wanted = sorted({each for each in ids if each})
    found = session.scalars(select(Person).where(Person.id.in_(wanted)).order_by(Person.id))
    return [{"id": each.id, "login": each.login, "name": each.name} for each in found]


def restore_person(session: Session, said: Mapping[str, str], at: dt.datetime) -> bool:
    """Somebody whom a bag names, so that what they decided shows who it was: locked, without
    password or role. False where they are there already."""
    if session.get(Person, said["id"]) is not None:
        return False
    taken = session.scalar(select(Person.id).where(Person.login == said["login"]))
    login = said["login"] if taken is None else f"{said['login'][:50]}-{said['id'][-8:]}"
    person = Person(id=said["id"], login=login, name=said["name"], created_at=at, disabled_at=now())
    session.add(person)
    session.flush()
    return True
