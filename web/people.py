"""Managing accounts: for administrators of every campus, because whoever gives roles away could
give themselves any."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from archive import accounts, factors
from archive.actors import Actor, Role
from archive.people import Grant, Person
from archive.records import Batch
from web.asking import services_of
from web.rendering import render
from web.signing_in import said
from web.who import needs
from worker.people_command import link_address

_needs_admin = needs(Role.ADMIN, everywhere=True)
_A_PAGE = 100

router = APIRouter(prefix="/people", dependencies=[Depends(_needs_admin)])

Admin = Annotated[Actor, Depends(_needs_admin)]
PersonId = Annotated[str, Path(pattern="^[0-9a-f]{24}$")]
Campus = Annotated[str, Form(max_length=64)]


def _campuses(session: Session) -> list[str]:
    """Every campus that is named anywhere, to choose from."""
    named = set(session.scalars(select(Grant.campus).distinct()))
    named |= set(session.scalars(select(Batch.campus).distinct()))
    return sorted(named - {""})


@router.get("")
def everybody(request: Request, _: Admin) -> Response:
    """Everybody, or whose login or name holds what `q` says; in pages by the login."""
    return _list(request)


def _some(session: Session, q: str, after: str) -> tuple[list[Person], str]:
    """A page of people, and the login that the next one begins behind; "" on the last."""
    query = select(Person).order_by(Person.login).limit(_A_PAGE + 1)
    if wanted := q.strip():
        name = Person.name.contains(wanted, autoescape=True)
        query = query.where(name | Person.login.contains(wanted.lower(), autoescape=True))
    if after:
        query = query.where(Person.login > after)
    found = list(session.scalars(query))
    return found[:_A_PAGE], found[_A_PAGE - 1].login if len(found) > _A_PAGE else ""


def _list(request: Request, fault: str = "", login: str = "", name: str = "") -> Response:
    asked = request.query_params
    with services_of(request).database.read() as session:
        people, following = _some(session, asked.get("q", "")[:64], asked.get("after", "")[:64])
        campuses = _campuses(session)
    values = {
        "people": people,
        "q": asked.get("q", "")[:64],
        "following": following,
        "campuses": campuses,
        "roles": list(Role),
        "fault": fault,
        "login": login,
        "name": name,
        "lacks_factor": [
            one.id for one in people if one.totp_sealed is None and factors.is_required(one)
        ],
    }
    return render(request, "people.html", values, status_code=422 if fault else 200)


@router.post("")
def add(
    request: Request,
    actor: Admin,
    login: Annotated[str, Form(max_length=64)],
    role: Annotated[Role, Form()],
    name: Annotated[str, Form(max_length=64)] = "",
    campus: Campus = "",
) -> Response:
    """Make an account, and the link with which its person chooses a password."""
    try:
        with services_of(request).database.write() as session:
            person = accounts.add_person(session, login, name, [(role, campus)], actor=actor)
            token = accounts.make_link(session, "password", person, actor)
    except (accounts.BadLogin, accounts.LoginTaken) as error:
        return _list(request, said(request, error), login, name)
    return _person_page(request, person.id, link=token)


@router.get("/{person_id}")
def one_person(request: Request, _: Admin, person_id: PersonId) -> Response:
    return _person_page(request, person_id)


def _person_page(request: Request, person_id: str, *, fault: str = "", link: str = "") -> Response:
    services = services_of(request)
    with services.database.read() as session:
        person = accounts.by_id(session, person_id)
        campuses = _campuses(session)
    values = {
        "person": person,
        "campuses": campuses,
        "roles": list(Role),
        "required": factors.is_required(person),
        "fault": fault,
        "link": link_address(services.settings, link) if link else "",
    }
    return render(request, "person.html", values, status_code=409 if fault else 200)


def _change_grants(
    request: Request, actor: Actor, person_id: str, role: Role, campus: str, *, hold: bool
) -> Response:
    try:
        with services_of(request).database.write() as session:
            person = accounts.by_id(session, person_id)
            grants = {(Role(one.role), one.campus) for one in person.grants}
            changed = grants | {(role, campus)} if hold else grants - {(role, campus)}
            accounts.set_grants(session, person, changed, actor)
    except accounts.LastAdmin as error:
        return _person_page(request, person_id, fault=said(request, error))
    return RedirectResponse(f"/people/{person_id}", status_code=303)


@router.post("/{person_id}/grants")
def give(
    request: Request,
    actor: Admin,
    person_id: PersonId,
    role: Annotated[Role, Form()],
    campus: Campus = "",
) -> Response:
    """Give a role, from the person's next click on."""
    return _change_grants(request, actor, person_id, role, campus.strip(), hold=True)


@router.post("/{person_id}/grants/take")
def take(
    request: Request,
    actor: Admin,
    person_id: PersonId,
    role: Annotated[Role, Form()],
    campus: Campus = "",
) -> Response:
    """Take a role away, from the person's next click on."""
    return _change_grants(request, actor, person_id, role, campus, hold=False)


@router.post("/{person_id}/lock")
def lock(request: Request, actor: Admin, person_id: PersonId) -> Response:
    return _set_disabled(request, actor, person_id, disabled=True)


@router.post("/{person_id}/unlock")
def unlock(request: Request, actor: Admin, person_id: PersonId) -> Response:
    return _set_disabled(request, actor, person_id, disabled=False)


def _set_disabled(request: Request, actor: Actor, person_id: str, *, disabled: bool) -> Response:
    try:
        with services_of(request).database.write() as session:
            accounts.set_disabled(session, accounts.by_id(session, person_id), disabled, actor)
    except accounts.LastAdmin as error:
        return _person_page(request, person_id, fault=said(request, error))
    return RedirectResponse(f"/people/{person_id}", status_code=303)


@router.post("/{person_id}/link")
def reset_link(request: Request, actor: Admin, person_id: PersonId) -> Response:
    """A link with which the person sets a new password, shown this once."""
    with services_of(request).database.write() as session:
        token = accounts.make_link(session, "password", accounts.by_id(session, person_id), actor)
    return _person_page(request, person_id, link=token)


@router.post("/{person_id}/second-factor/remove")
def remove_factor(request: Request, actor: Admin, person_id: PersonId) -> Response:
    """For somebody whose telephone and recovery codes are lost."""
    try:
        with services_of(request).database.write() as session:
            factors.take_away(session, accounts.by_id(session, person_id), actor)
    except factors.FactorRequired as error:
        return _person_page(request, person_id, fault=said(request, error))
    return RedirectResponse(f"/people/{person_id}", status_code=303)
