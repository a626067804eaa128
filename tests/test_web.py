"""The web over the real application: hand-in, pages, captcha desk, and what must be refused."""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import HttpUrl
from starlette.testclient import TestClient

from archive.actors import Role
from extractors.messages import codes
from tests.helpers import CONFIRMED, FixedReader, FixedVerifier, invoice, load, sign_in, xml
from verifiers.model import CaptchaChallenge
from web.app import create_app
from worker import broker
from worker.pipeline import Pipeline
from worker.services import Services
from worker.settings import Settings
from worker.visit import Visit


@pytest.fixture
def web(settings: Settings) -> Iterator[TestClient]:
    with (
        broker.bundled(settings),
        TestClient(create_app(settings), base_url="http://localhost") as client,
    ):
        sign_in(client, *Role)
        yield client


@pytest.fixture
def joined(web: TestClient) -> Services:
    """The services that the application itself works on."""
    services: Services = web.app.state.services  # type: ignore[attr-defined]
    return services


def _upload(web: TestClient, *files: tuple[str, bytes], voucher: str = "") -> list[dict[str, Any]]:
    reply = web.post(
        "/api/upload",
        files=[("files", (name, content)) for name, content in files],
        data={"voucher": voucher},
    )
    assert reply.status_code == 201, reply.text
    receipts: list[dict[str, Any]] = reply.json()["files"]
    return receipts


def test_a_program_hands_files_in(web: TestClient, joined: Services) -> None:
    good, empty = _upload(web, ("发票.xml", xml()), ("empty.pdf", b""), voucher="JZ-1")
    assert (good["repeated"], good["error"]) == (False, None)
    assert empty["error"]["code"] == "empty_file"
    assert empty["error"]["hint"]
    assert load(joined, good["document"]).voucher_no == "JZ-1"


def test_a_person_hands_files_in_and_sees_the_batch(web: TestClient) -> None:
    reply = web.post("/upload", files=[("files", ("发票.xml", xml()))])
    assert reply.url.path.startswith("/batches/")
    assert "发票.xml" in reply.text
    assert "hx-get" in reply.text  # it still moves, so the page asks again
    rows = web.get(f"{reply.url.path}/rows")
    assert "发票.xml" in rows.text


def test_no_file_too_many_files_and_bad_vouchers_are_said(settings: Settings) -> None:
    strict = settings.model_copy(update={"max_files": 1})
    with TestClient(create_app(strict), base_url="http://localhost") as web:
        sign_in(web, Role.SUBMITTER)
        files = [("files", ("a.xml", xml("1"))), ("files", ("b.xml", xml("2")))]
        many = web.post("/api/upload", files=files)
        assert (many.status_code, many.json()["code"]) == (413, "upload_too_many")
        assert many.headers["content-type"] == "application/problem+json"
        bad = web.post("/api/upload", files=files[:1], data={"voucher": "../x"})
        assert (bad.status_code, bad.json()["code"]) == (422, "bad_voucher_number")
        none = web.post("/api/upload", files=[("files", ("", b""))])
        assert none.status_code == 422


def _archived(web: TestClient, joined: Services, name: str = "发票.xml") -> str:
    (receipt,) = _upload(web, (name, xml(name)), voucher="JZ-1")
    document_id: str = receipt["document"]
    pipeline = Pipeline(joined)
    pipeline.read(document_id, FixedReader(invoice()))
    pipeline.verify(document_id, Visit(FixedVerifier([CONFIRMED]), "http://portal.test/"))
    pipeline.seal("JZ-1")
    return document_id


def test_every_page_speaks_both_languages(web: TestClient, joined: Services) -> None:
    document_id = _archived(web, joined)
    _upload(web, ("x.png", b"no picture"))
    pages = ("/", "/latest", "/review", "/captcha", "/find", f"/documents/{document_id}")
    for page in pages:
        for language in ("zh", "en"):
            reply = web.get(page, params={"language": language})
            assert reply.status_code == 200, page
            assert "ui_" not in reply.text, f"{page} lacks a sentence in {language}"


def test_the_catalogues_say_the_same_in_both_languages(web: TestClient) -> None:
    assert web
    assert codes("zh") == codes("en")


def test_a_document_shows_its_values_proof_and_history(web: TestClient, joined: Services) -> None:
    page = web.get(f"/documents/{_archived(web, joined)}").text
    for expected in ("26312000000000000001", "113.00", "杭州某某有限公司", "已归档", "/evidence/"):
        assert expected in page


def test_originals_are_downloads_and_evidence_pictures(web: TestClient, joined: Services) -> None:
    document_id = _archived(web, joined)
    original = web.get(f"/documents/{document_id}/original")
    assert original.content == xml("发票.xml")
    assert original.headers["content-type"] == "application/octet-stream"
    assert original.headers["content-disposition"].startswith("attachment")
    with joined.database.read() as session:
        from archive.records import EvidenceRow

        rows = {row.name: row.id for row in session.query(EvidenceRow)}
    assert web.get(f"/evidence/{rows['result.png']}").headers["content-type"] == "image/png"
    assert (
        "attachment" in web.get(f"/evidence/{rows['portal.json']}").headers["content-disposition"]
    )


def test_search_finds_by_last_digits(web: TestClient, joined: Services) -> None:
    _archived(web, joined)
    assert "26312000000000000001" in web.get("/find", params={"q": "000001"}).text
    assert "777" in web.get("/find", params={"q": "777"}).text


def test_script_in_a_file_name_stays_text(web: TestClient) -> None:
    _upload(web, ("<img src=x onerror=alert(1)>.xml", xml("xss")))
    page = web.get("/").text
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;.xml" in page


def test_what_is_not_there_is_404_with_a_way_out(web: TestClient) -> None:
    for page in ("/documents/nothing", "/batches/nothing", "/evidence/nothing"):
        reply = web.get(page, params={"language": "en"})
        assert reply.status_code == 404
        assert "There is no document" in reply.text


# -- captcha desk --------------------------------------------------------------------------


def test_the_desk_hands_the_answer_over(web: TestClient, joined: Services) -> None:
    challenge = CaptchaChallenge(
        document_id="d1",
        image_png=b"png",
        instruction="红色",
        colour="red",
        expires_at=dt.datetime.now(dt.UTC) + dt.timedelta(seconds=30),
    )
    answers: list[str | None] = []
    asking = threading.Thread(target=lambda: answers.append(joined.desk.ask(challenge)))
    assert web.get("/api/captcha/next", params={"operator": "a"}).status_code == 204
    asking.start()
    while (reply := web.get("/api/captcha/next", params={"operator": "a"})).status_code == 204:
        pass
    posed = reply.json()
    assert posed["colour_text"] == "请输入红色字符"
    assert posed["image"].startswith("data:image/png;base64,")
    address = f"/api/captcha/{posed['id']}"
    assert web.post(address, json={"answer": "  "}).status_code == 422
    assert web.post(address, json={"answer": "ab3"}).status_code == 200
    asking.join()
    assert answers == ["ab3"]
    assert web.post(address, json={"answer": "ab3"}).status_code == 410


# -- safety --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_other_sites_cannot_change_anything(web: TestClient, headers: dict[str, str]) -> None:
    reply = web.post("/api/upload", files=[("files", ("a.xml", xml()))], headers=headers)
    assert reply.status_code == 403
    assert "a.xml" not in web.get("/").text


def test_our_own_pages_can(web: TestClient) -> None:
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://localhost"}):
        reply = web.post("/api/upload", files=[("files", ("a.xml", xml()))], headers=headers)
        assert reply.status_code == 201


def test_an_upload_is_measured_before_it_is_taken(settings: Settings) -> None:
    strict = settings.model_copy(update={"max_upload_size": 1000})
    with TestClient(create_app(strict), base_url="http://localhost") as web:
        sign_in(web, Role.SUBMITTER)
        large = web.post("/api/upload", files=[("files", ("a.xml", bytes(2000)))])
        assert large.status_code == 413
        endless = web.post("/api/upload", content=iter([b"x", b"y"]))
        assert endless.status_code == 411


def test_an_unknown_host_is_refused(web: TestClient) -> None:
    assert web.get("/", headers={"Host": "evil.example"}).status_code == 400


def test_every_answer_carries_the_safety_headers(web: TestClient) -> None:
    for page in ("/", "/health", "/documents/nothing", "/static/yanpiao.css"):
        headers = web.get(page).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_style_and_scripts_are_kept_by_the_browser_until_they_change(web: TestClient) -> None:
    named = re.findall(r'(?:href|src)="(/static/[^"]+)"', web.get("/sign-in").text)
    assert {each.split("?")[0] for each in named} >= {"/static/yanpiao.css", "/static/htmx.min.js"}
    for address in named:
        kept = web.get(address)
        assert kept.status_code == 200
        assert "immutable" in kept.headers["cache-control"]
        assert web.get(address[:-1]).headers["cache-control"] == "no-cache"  # of another time
    small = web.get("/static/yanpiao.css")
    assert small.headers["cache-control"] == "no-cache"
    assert small.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in web.get("/sign-in").headers
    assert web.get("/static/../app.py").status_code == 404


def test_a_stand_in_portal_is_said_on_every_page(settings: Settings) -> None:
    real = settings
    standin = Settings(data=settings.data, portal_url=HttpUrl("http://127.0.0.1:9/"))
    for chosen, said in ((real, False), (standin, True)):
        with TestClient(create_app(chosen), base_url="http://localhost") as web:
            assert ('class="standin"' in web.get("/").text) is said
