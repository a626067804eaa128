"""Files in pieces: over the real application, through broken connections and restarts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient

from archive.actors import Role
from archive.claiming import Claim, Transfer
from archive.records import Batch, Document, now
from tests.helpers import actions, sha256, sign_in, sign_in_as, xml
from tests.test_unpacking import packed
from web.app import create_app
from worker import broker
from worker.services import Services
from worker.settings import Settings
from worker.transfers import Transfers


@pytest.fixture
def web(settings: Settings) -> Iterator[TestClient]:
    with (
        broker.bundled(settings),
        TestClient(create_app(settings), base_url="http://localhost") as client,
    ):
        yield client


def _services(web: TestClient) -> Services:
    services: Services = web.app.state.services  # type: ignore[attr-defined]
    return services


def _claim(web: TestClient, **values: str) -> str:
    reply = web.post("/api/claims", json=values)
    assert reply.status_code == 201, reply.text
    return str(reply.json()["id"])


def _begin(web: TestClient, claim: str, name: str, size: int) -> str:
    reply = web.post("/api/transfers", json={"claim": claim, "name": name, "size": size})
    assert reply.status_code == 201, reply.text
    return str(reply.json()["id"])


def _piece(web: TestClient, transfer: str, offset: int, content: bytes):  # type: ignore[no-untyped-def]
    return web.patch(
        f"/api/transfers/{transfer}", content=content, headers={"Upload-Offset": str(offset)}
    )


def test_a_file_in_pieces_is_the_file(web: TestClient) -> None:
    actor = sign_in(web, Role.SUBMITTER)
    content = xml("in pieces" * 100)
    transfer = _begin(web, _claim(web, voucher="JZ-7", note=" 出差 "), "发票.xml", len(content))
    half = len(content) // 2
    assert _piece(web, transfer, 0, content[:half]).headers["upload-offset"] == str(half)
    again = _piece(web, transfer, 0, content[:half])
    assert (again.status_code, again.json()["code"]) == (409, "wrong_offset")
    assert web.get(f"/api/transfers/{transfer}").json()["offset"] == half
    done = _piece(web, transfer, half, content[half:]).json()
    assert done["finished"]
    (outcome,) = done["outcomes"]
    with _services(web).database.read() as session:
        document = session.scalars(select(Document)).one()
        claim = session.scalars(select(Claim)).one()
        batch = session.get_one(Batch, claim.batch_id)
    assert outcome["href"] == f"/claims/{document.id}"
    assert document.sha256 == sha256(content)
    assert (document.submitter, document.voucher_no) == (actor.id, "JZ-7")
    assert (claim.note, batch.channel) == ("出差", "web")
    assert not list((_services(web).settings.root / "transfers").iterdir())


def test_a_restart_in_between_loses_nothing(settings: Settings) -> None:
    content = xml("restart" * 100)
    with broker.bundled(settings):
        with TestClient(create_app(settings), base_url="http://localhost") as web:
            actor = sign_in(web, Role.SUBMITTER)
            transfer = _begin(web, _claim(web), "a.xml", len(content))
            _piece(web, transfer, 0, content[:100])
            # What a crash leaves on the disk behind the last piece that counts.
            with (settings.root / "transfers" / f"{transfer}.part").open("ab") as part:
                part.write(b"half a piece that nobody was told of")
        with TestClient(create_app(settings), base_url="http://localhost") as web:
            sign_in_as(web, actor)
            (waiting,) = web.get("/api/transfers").json()
            assert (waiting["id"], waiting["offset"]) == (transfer, 100)
            assert _piece(web, transfer, 100, content[100:]).json()["finished"]
            with _services(web).database.read() as session:
                assert session.scalars(select(Document)).one().sha256 == sha256(content)


def test_a_crash_between_taking_in_and_writing_so_is_made_good(web: TestClient) -> None:
    actor = sign_in(web, Role.SUBMITTER)
    content = xml("crash")
    transfer = _begin(web, _claim(web), "a.xml", len(content))
    _piece(web, transfer, 0, content)
    services = _services(web)
    with services.database.write() as session:
        session.execute(update(Transfer).values(finished_at=None, outcome=None))
    (services.settings.root / "transfers" / f"{transfer}.part").write_bytes(content)
    (outcome,) = _piece(web, transfer, len(content), b"").json()["outcomes"]
    assert outcome["repeated"]
    assert Transfers(services).get(actor, transfer).finished_at is not None


def test_nobody_reaches_anybody_elses_file(web: TestClient) -> None:
    sign_in(web, Role.SUBMITTER)
    claim = _claim(web)
    transfer = _begin(web, claim, "a.xml", 10)
    sign_in(web, Role.SUBMITTER)
    assert web.get(f"/api/transfers/{transfer}").status_code == 404
    assert _piece(web, transfer, 0, b"x").status_code == 404
    assert web.delete(f"/api/transfers/{transfer}").status_code == 404
    assert (
        web.post("/api/transfers", json={"claim": claim, "name": "b", "size": 1}).status_code == 404
    )
    assert web.get("/api/transfers").json() == []


def test_more_than_announced_or_allowed_is_refused(settings: Settings) -> None:
    strict = settings.model_copy(update={"max_file_size": 1000, "max_files": 2})
    with (
        broker.bundled(strict),
        TestClient(create_app(strict), base_url="http://localhost") as web,
    ):
        sign_in(web, Role.SUBMITTER)
        claim = _claim(web)
        large = web.post("/api/transfers", json={"claim": claim, "name": "a.pdf", "size": 1001})
        assert (large.status_code, large.json()["code"]) == (413, "file_too_large")
        transfer = _begin(web, claim, "a.xml", 10)
        assert _piece(web, transfer, 0, bytes(11)).status_code == 413
        _begin(web, claim, "b.xml", 10)
        third = web.post("/api/transfers", json={"claim": claim, "name": "c.xml", "size": 1})
        assert (third.status_code, third.json()["code"]) == (413, "upload_too_many")
        assert web.delete(f"/api/transfers/{transfer}").status_code == 204
        _begin(web, claim, "c.xml", 1)


def test_known_bytes_are_told_before_they_are_sent(web: TestClient) -> None:
    content = xml("twice")
    first = sign_in(web, Role.SUBMITTER)
    assert web.post("/api/known", json={"sha256": sha256(content)}).json() == {"known": None}
    transfer = _begin(web, _claim(web), "发票.xml", len(content))
    _piece(web, transfer, 0, content)
    own = web.post("/api/known", json={"sha256": sha256(content)}).json()["known"]
    assert (own["own"], own["state"], own["name"]) == (True, "received", "发票.xml")
    assert own["href"]
    sign_in(web, Role.SUBMITTER)
    other = web.post("/api/known", json={"sha256": sha256(content)}).json()["known"]
    assert (other["own"], other["href"], other["name"]) == (False, "", "")
    with _services(web).database.read() as session:
        document = session.scalars(select(Document)).one()
    assert document.submitter == first.id
    assert actions(_services(web), document.id).count("duplicate_noticed") == 2


def test_a_zip_is_its_files(web: TestClient) -> None:
    sign_in(web, Role.SUBMITTER)
    content = packed({"a.xml": xml("a"), "../../b.xml": xml("b"), "c.txt": b"no invoice"})
    transfer = _begin(web, _claim(web, voucher="JZ-8"), "all.zip", len(content))
    outcomes = _piece(web, transfer, 0, content).json()["outcomes"]
    assert [(each["name"], bool(each["error"])) for each in outcomes] == [
        ("a.xml", False),
        ("b.xml", False),
        ("c.txt", True),
    ]
    with _services(web).database.read() as session:
        assert {row.voucher_no for row in session.scalars(select(Document))} == {"JZ-8"}


def test_a_zip_with_a_password_says_what_to_do(web: TestClient) -> None:
    from tests.test_unpacking import _encrypted

    sign_in(web, Role.SUBMITTER)
    content = _encrypted()
    transfer = _begin(web, _claim(web), "all.zip", len(content))
    (outcome,) = _piece(web, transfer, 0, content).json()["outcomes"]
    assert outcome["error"]
    assert outcome["hint"]
    form = web.post("/upload", files=[("files", ("all.zip", content))])
    assert form.status_code == 422


def test_the_plain_form_does_the_same_without_a_script(web: TestClient) -> None:
    sign_in(web, Role.SUBMITTER)
    files = [
        ("files", ("a.xml", xml("a"))),
        ("files", ("b.zip", packed({"b.xml": xml("b"), "c.xml": xml("c")}))),
    ]
    reply = web.post("/upload", files=files, data={"voucher": "JZ-9", "note": "n"})
    assert reply.url.path.startswith("/batches/")
    for name in ("a.xml", "b.xml", "c.xml"):
        assert name in reply.text


def test_whoever_has_several_campuses_must_say_which(web: TestClient) -> None:
    sign_in(web, (Role.SUBMITTER, "北"), (Role.SUBMITTER, "南"))
    assert web.post("/api/claims", json={}).status_code == 422
    assert web.post("/api/claims", json={"campus": "东"}).status_code == 422
    assert web.post("/api/claims", json={"campus": "南"}).status_code == 201
    page = web.get("/new").text
    assert '<option value="北">' in page


def test_what_nobody_finished_is_forgotten_after_days(web: TestClient) -> None:
    sign_in(web, Role.SUBMITTER)
    old, new = (_begin(web, _claim(web), name, 10) for name in ("a.xml", "b.xml"))
    for transfer in (old, new):
        _piece(web, transfer, 0, b"12345")
    services = _services(web)
    with services.database.write() as session:
        session.execute(
            update(Transfer)
            .where(Transfer.id == old)
            .values(updated_at=now() - dt.timedelta(days=3, minutes=1))
        )
    assert Transfers(services).sweep() == 1
    assert [each["id"] for each in web.get("/api/transfers").json()] == [new]
    kept = {part.name for part in (services.settings.root / "transfers").iterdir()}
    assert kept == {f"{new}.part"}


def test_scripts_in_names_and_notes_stay_text(web: TestClient) -> None:
    sign_in(web, Role.SUBMITTER)
    content = xml("xss")
    evil = "<img src=x onerror=alert(1)>.xml"
    transfer = _begin(web, _claim(web, note="<script>alert(2)</script>"), evil, len(content))
    href = _piece(web, transfer, 0, content).json()["outcomes"][0]["href"]
    for page in (web.get("/claims").text, web.get(href).text):
        assert "<img src=x" not in page
        assert "<script>alert(2)" not in page
    assert "&lt;script&gt;alert(2)" in web.get(href).text
