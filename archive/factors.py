"""The second factor: codes of an authenticator (TOTP, RFC 6238), and recovery codes for the day the
telephone is lost."""

from __future__ import annotations

import base64
import secrets
import time
from enum import StrEnum

import pyotp
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from archive import audit
from archive.accounts import actor_of, end_sessions
from archive.actors import Actor, Role
from archive.people import Person, PersonSession, RecoveryCode
from archive.records import now
from archive.sealing import Sealer
from archive.secrets import digest_of_token
from extractors.errors import YanpiaoError

#: Who decides about money or accounts proves it twice.
REQUIRED_FOR = (Role.REVIEWER, Role.ARCHIVIST, Role.ADMIN)
_STEP_SECONDS = 30
#: A code counts one step early or late: telephones' clocks go wrong by that much.
_DRIFT_STEPS = 1
RECOVERY_CODES = 10
_RECOVERY_BYTES = 10


class Stage(StrEnum):
    """How far a sign-in has come."""

    COMPLETE = "complete"
    PROVE = "prove"
    SET_UP = "set_up"


class WrongCode(YanpiaoError):
    """The code is not the present one, or it was used before."""

    code = "wrong_code"


class FactorRequired(YanpiaoError):
    """A role that the person holds needs the second factor, so it cannot be taken away."""

    code = "factor_required"


def is_required(person: Person) -> bool:
    held = actor_of(person)
    return not person.factor_waived and any(held.may(role) for role in REQUIRED_FOR)


def stage_of(found: PersonSession) -> Stage:
    """What a session still lacks, by the person's roles and factor of this moment."""
    person = found.person
    if person.totp_sealed is not None:
        return Stage.COMPLETE if found.factor_at is not None else Stage.PROVE
    return Stage.SET_UP if is_required(person) else Stage.COMPLETE


def new_seed() -> str:
    return pyotp.random_base32()


def address_of(seed: str, login: str) -> str:
    """What the QR code of the set-up says (the `otpauth` address that authenticators read)."""
    return pyotp.TOTP(seed).provisioning_uri(name=login, issuer_name="Yanpiao")


def _step_of(seed: str, code: str) -> int | None:
    """The time step whose code this is, near now; None for a wrong one."""
    typed = "".join(code.split())
    present = int(time.time()) // _STEP_SECONDS
    totp = pyotp.TOTP(seed)
    found = None
    for step in range(present - _DRIFT_STEPS, present + _DRIFT_STEPS + 1):
        if secrets.compare_digest(totp.at(step * _STEP_SECONDS).encode(), typed.encode()):
            found = step
    return found


def set_up(
    session: Session, person: Person, seed: str, code: str, sealer: Sealer
) -> tuple[str, ...]:
    """Keep the seed, once a code shows that the authenticator has it; returns the recovery codes,
    which are shown this once. Raises `WrongCode`."""
    step = _step_of(seed, code)
    if step is None:
        raise WrongCode
    person.totp_sealed = sealer.seal(seed)
    person.totp_step = step
    audit.record(session, "factor_set_up", actor=person.id, detail={"person": person.id})
    return new_recovery_codes(session, person)


def new_recovery_codes(session: Session, person: Person) -> tuple[str, ...]:
    """Draw new ones; the old ones die."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person.id))
    codes = tuple(_recovery_code() for _ in range(RECOVERY_CODES))
    for code in codes:
        session.add(RecoveryCode(person_id=person.id, code_hash=digest_of_token(_plain(code))))
    audit.record(session, "recovery_codes_made", actor=person.id, detail={"person": person.id})
    return codes


def _recovery_code() -> str:
    # 80 bits, so that even the digests give nothing to guess from.
    text = base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def _plain(code: str) -> str:
    return "".join(letter for letter in code.lower() if letter.isalnum())


def prove(session: Session, person: Person, code: str, sealer: Sealer) -> None:
    """Take a code of the authenticator, or a recovery code, each once. Raises `WrongCode`."""
    if person.totp_sealed is None:
        raise WrongCode
    step = _step_of(sealer.open(person.totp_sealed), code)
    if step is not None:
        taken = session.scalars(
            update(Person)
            .where(Person.id == person.id, Person.totp_step < step)
            .values(totp_step=step)
            .returning(Person.id)
        ).all()
        if taken:
            return
        raise WrongCode
    _use_recovery_code(session, person, code)


def _use_recovery_code(session: Session, person: Person, code: str) -> None:
    taken = session.scalars(
        update(RecoveryCode)
        .where(
            RecoveryCode.person_id == person.id,
            RecoveryCode.code_hash == digest_of_token(_plain(code)),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now())
        .returning(RecoveryCode.id)
    ).all()
    if not taken:
        raise WrongCode
    audit.record(session, "recovery_code_used", actor=person.id, detail={"person": person.id})


def codes_left(session: Session, person: Person) -> int:
    query = select(RecoveryCode.id).where(
        RecoveryCode.person_id == person.id, RecoveryCode.used_at.is_(None)
    )
    return len(session.scalars(query).all())


def take_away(session: Session, person: Person, actor: Actor, *, keep: str = "") -> None:
    """Forget the person's factor and end their sessions (but the one of this digest). One who needs
    a factor sets a new one up at the next sign-in; nobody takes their own away then. Raises
    `FactorRequired`."""
    if actor.id == person.id and is_required(person):
        raise FactorRequired
    person.totp_sealed = None
    session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person.id))
    end_sessions(session, person.id, keep=keep)
    audit.record(session, "factor_taken_away", actor=actor.id, detail={"person": person.id})
