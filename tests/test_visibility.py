"""Who sees what: people their own and their campuses, and nothing beyond."""

from __future__ import annotations

from io import BytesIO

from sqlalchemy import select
from starlette.testclient import TestClient

from archive.actors import SYSTEM, Actor, Role
from archive.records import Batch, Document, Upload
from archive.visibility import campus_to_submit, in_charge, visible, visible_batches
from tests.helpers import make_person, sign_in, sign_in_as, xml
from worker.services import Services


def _handed_in(services: Services, actor: Actor, campus: str, text: str) -> str:
    batch = services.intake.open_batch("http", actor.id, None, campus)
    return services.intake.accept(batch, f"{text}.xml", BytesIO(xml(text))).document_id


def _seen(services: Services, actor: Actor) -> set[str]:
    with services.database.read() as session:
        return set(session.scalars(select(Document.id).where(visible(actor))))


def test_people_see_their_own_and_their_campuses(services: Services) -> None:
    ann = make_person(services, (Role.SUBMITTER, "north"))
    bob = make_person(services, (Role.SUBMITTER, "north"), (Role.SUBMITTER, "south"))
    of_ann = _handed_in(services, ann, "north", "1")
    of_bob = _handed_in(services, bob, "south", "2")
    of_nobody = _handed_in(services, Actor("", "", "", frozenset()), "", "3")
    every = {of_ann, of_bob, of_nobody}
    for role in (Role.REVIEWER, Role.ARCHIVIST, Role.AUDITOR, Role.ADMIN):
        assert _seen(services, make_person(services, role)) == every
        assert _seen(services, make_person(services, (role, "north"))) == {of_ann}
        assert _seen(services, make_person(services, (role, "north"), (role, "south"))) == {
            of_ann,
            of_bob,
        }
    assert _seen(services, ann) == {of_ann}
    assert _seen(services, bob) == {of_bob}
    assert _seen(services, make_person(services)) == set()
    assert _seen(services, SYSTEM) == every
    with services.database.read() as session:
        both = make_person(services, (Role.AUDITOR, "north"), (Role.REVIEWER, "south"))
        ruled = session.scalars(select(Document.id).where(in_charge(both, Role.REVIEWER)))
        assert set(ruled) == {of_bob}  # an auditor of the north decides nothing there
        batches = session.scalars(select(Batch.campus).where(visible_batches(ann)))
        assert list(batches) == ["north"]


def test_a_repeated_hand_in_shows_nothing_of_anothers_document(services: Services) -> None:
    ann, bob = (make_person(services, (Role.SUBMITTER, "north")) for _ in range(2))
    document = _handed_in(services, ann, "north", "same")
    assert _handed_in(services, bob, "north", "same") == document
    assert _seen(services, bob) == set()


def test_where_somebody_hands_in() -> None:
    def actor(*campuses: str) -> Actor:
        return Actor("x", "x", "x", frozenset((Role.SUBMITTER, campus) for campus in campuses))

    assert campus_to_submit(actor("north")) == "north"
    assert campus_to_submit(actor("north"), "south") is None
    assert campus_to_submit(actor("north", "south")) is None
    assert campus_to_submit(actor("north", "south"), "south") == "south"
    assert campus_to_submit(actor(""), "anywhere") == "anywhere"
    assert campus_to_submit(actor("")) == ""
    assert campus_to_submit(actor()) is None


def test_what_another_campus_has_is_not_there(web: TestClient, joined: Services) -> None:
    ann = make_person(joined, (Role.SUBMITTER, "north"))
    document = _handed_in(joined, ann, "north", "secret-name")
    with joined.database.read() as session:
        batch = session.scalars(select(Upload.batch_id)).one()
    addresses = (
        f"/documents/{document}",
        f"/documents/{document}/original",
        f"/batches/{batch}",
        f"/batches/{batch}/rows",
    )
    for role in (*Role,):
        sign_in(web, (role, "south"))
        for address in addresses:
            assert web.get(address).status_code == 404, (role, address)
        for page in ("/", "/latest", "/find?q=1"):
            assert "secret-name" not in web.get(page).text
    sign_in_as(web, ann)
    for address in addresses:
        assert web.get(address).status_code == 200, address
