"""The desk's pages over the real application: the queue, a case, deeds by form, and who may."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from archive import page_pictures
from archive.actors import Role
from archive.page_pictures import PageRow
from archive.records import Batch, State
from extractors.model import Finding, Severity
from tests.helpers import (
    CONFIRMED,
    FixedReader,
    actions,
    invoice,
    load,
    make_person,
    sign_in,
    sign_in_as,
    visit,
    xml,
)
from tests.reviewing import DIFFERS, in_review
from web.app import create_app
from web.review import query_of, wanted_of
from worker import broker
from worker.pipeline import Pipeline
from worker.review.queue import Order, View, Wanted
from worker.services import Services
from worker.settings import Settings


@pytest.fixture
def web(settings: Settings) -> Iterator[TestClient]:
    with (
        broker.bundled(settings),
        TestClient(create_app(settings), base_url="http://localhost") as client,
    ):
        sign_in(client, Role.REVIEWER)
        yield client


def number(n: int) -> str:
    return f"2631200000000000000{n}"


def form(page: str, **more: str) -> dict[str, str]:
    """The hidden fields of a case's forms, with what is chosen."""
    hidden = dict(
        re.findall(r'<input type="hidden" name="(token|seen|query)" value="([^"]*)">', page)
    )
    return {**hidden, **more}


def test_the_queue_is_sorted_filtered_and_paged(web: TestClient, joined: Services) -> None:
    small = in_review(joined, read=invoice(number(1)), text="1")
    large = in_review(joined, read=invoice(number(2), total="9000.00"), text="2")
    page = web.get("/review").text
    assert page.index(small) < page.index(large)
    page = web.get("/review?order=amount").text
    assert page.index(large) < page.index(small)
    assert small in web.get("/review?reason=mismatch").text
    assert small not in web.get("/review?reason=duplicate").text
    assert small not in web.get("/review?mine=1").text
    page = web.get(f"/review/{small}").text
    assert f"/review/{large}?" in page  # the next one


def test_a_case_shows_both_sides_and_the_difference(web: TestClient, joined: Services) -> None:
    document_id = in_review(joined)
    page = web.get(f"/review/{document_id}").text
    for expected in ("杭州某某有限公司", "杭州另一有限公司", "不同", "税务机关信息不同", "¥113.00"):
        assert expected in page
    assert actions(joined, document_id)[-1] == "document_viewed"
    for choice in (
        "不符合报销规定",
        "抬头或税号不是本单位",
        "图片模糊，请重新拍摄",
        "名称写法不同",
    ):
        assert f"</kbd>{choice}" in page
    assert "ui_" not in web.get(f"/review/{document_id}?language=en").text
    assert "ui_" not in web.get("/review?language=en").text


def test_deciding_goes_on_to_the_next_case_and_can_be_taken_back(
    web: TestClient, joined: Services
) -> None:
    first = in_review(joined, read=invoice(number(1)), text="1")
    second = in_review(joined, read=invoice(number(2)), text="2")
    page = web.get(f"/review/{first}").text
    reply = web.post(f"/review/{first}/accept", data=form(page, reason="accept_name_variant"))
    assert reply.url.path == f"/review/{second}"
    assert "已办理：接受差异" in reply.text
    assert load(joined, first).state == State.PASSED
    undone = re.search(
        rf'{first}/undo".*?name="token" value="([^"]+)".*?name="seen" value="([^"]+)"',
        reply.text,
        re.DOTALL,
    )
    assert undone
    web.post(f"/review/{first}/undo", data={"token": undone[1], "seen": undone[2]})
    assert load(joined, first).state == State.IN_REVIEW


def test_a_refusal_says_why_and_who_was_first(web: TestClient, joined: Services) -> None:
    document_id = in_review(joined)
    page = web.get(f"/review/{document_id}").text
    reply = web.post(f"/review/{document_id}/accept", data=form(page, reason="accept_other"))
    assert (reply.status_code, "请选择理由" in reply.text) == (422, True)
    other = make_person(joined, Role.REVIEWER)
    sign_in_as(web, other)
    web.post(f"/review/{document_id}/reject", data=form(page, reason="reject_differs", token="t2"))
    late = web.post(f"/review/{document_id}/accept", data=form(page, reason="accept_name_variant"))
    assert late.status_code == 409
    assert "某人 已先办理：退回" in late.text


def test_a_correction_by_form(web: TestClient, joined: Services) -> None:
    document_id = in_review(joined)
    page = web.get(f"/review/{document_id}").text
    bad = web.post(f"/review/{document_id}/confirm", data=form(page, value_issue_date="gestern"))
    assert (bad.status_code, "gestern" in bad.text) == (422, True)
    good = form(page, value_seller_name="杭州另一有限公司", token="again")
    assert web.post(f"/review/{document_id}/confirm", data=good).status_code == 200
    assert load(joined, document_id).state == State.PASSED
    assert "杭州某某有限公司 → 杭州另一有限公司" in web.get(f"/review/{document_id}").text


def test_many_at_once_for_one_reason(web: TestClient, joined: Services) -> None:
    ids = [in_review(joined, read=invoice(number(n)), text=str(n)) for n in (1, 2, 3)]
    page = web.get("/review?reason=mismatch").text
    chosen = re.findall(r'name="chosen" value="([^"]+)"', page)
    assert len(chosen) == 3
    stale = chosen[2].split(":")[0] + ":17"
    data = {
        "token": "b",
        "query": "reason=mismatch",
        "action": "reject",
        "reason": "reject_differs",
    }
    reply = web.post("/review/bulk", data={**data, "chosen": [*chosen[:2], stale]})
    assert reply.text.count("notice good") == 2
    assert [load(joined, one).state for one in ids] == ["rejected", "rejected", "in_review"]


def test_pages_are_pictures_and_never_the_file(web: TestClient, joined: Services) -> None:
    document_id = in_review(joined)
    sha256 = joined.store.put(b"<svg/>")
    row = PageRow(
        document_id=document_id,
        page=0,
        media_type="image/svg+xml",
        width=1000,
        height=700,
        sha256=sha256,
    )
    with joined.database.write() as session:
        page_pictures.keep(session, document_id, [row])
    reply = web.get(f"/review/{document_id}/page/0")
    assert (reply.content, reply.headers["content-type"]) == (b"<svg/>", "image/svg+xml")
    assert "sandbox" in reply.headers["content-security-policy"]
    assert f"/review/{document_id}/page/0" in web.get(f"/review/{document_id}/picture").text
    assert web.get(f"/review/{document_id}/page/7").status_code == 404


def test_who_only_looks_has_no_deeds_and_other_campuses_see_nothing(
    web: TestClient, joined: Services
) -> None:
    document_id = in_review(joined)
    for role, sees in ((Role.AUDITOR, 200), ((Role.REVIEWER, "south"), 404), (Role.SUBMITTER, 403)):
        sign_in(web, role)
        page = web.get(f"/review/{document_id}")
        assert page.status_code == sees
        assert 'class="deeds"' not in page.text
        reply = web.post(f"/review/{document_id}/accept", data={"reason": "accept_name_variant"})
        assert reply.status_code in (403, 404)
    assert load(joined, document_id).state == State.IN_REVIEW


def test_hostile_names_stay_text(web: TestClient, joined: Services) -> None:
    evil = "<script>alert(1)</script>"
    seller = invoice().seller_name
    assert seller is not None
    read = invoice().model_copy(
        update={
            "seller_name": seller.model_copy(update={"value": evil}),
            "findings": (
                Finding(code="listed_word", severity=Severity.BLOCK, params={"word": evil}),
            ),
        }
    )
    document_id = in_review(joined, read=read, answer=CONFIRMED)
    web.post(f"/review/{document_id}/note", data={"token": "n", "text": evil})
    for address in (f"/review/{document_id}", "/review", f"/review?reason={evil}"):
        assert evil not in web.get(address).text


def test_own_uploads_are_not_in_the_queue(web: TestClient, joined: Services) -> None:
    actor = sign_in(web, Role.REVIEWER, Role.SUBMITTER)
    document_id = in_review(joined)
    with joined.database.write() as session:
        document = session.get_one(type(load(joined, document_id)), document_id)
        document.submitter = actor.id
        session.query(Batch).update({"submitter": actor.id})
    assert document_id not in web.get("/review").text
    page = web.get(f"/review/{document_id}").text
    assert "自己提交" in page
    assert "/accept" not in page


def test_filters_survive_the_address() -> None:
    wanted = Wanted(View.SECOND, Order.AMOUNT, "mismatch", "北", "x", mine=True)
    assert wanted_of(query_of(wanted)) == wanted
    assert wanted_of("view=nonsense&order=%00&mine=2") == Wanted()
    assert query_of(Wanted()) == ""


def test_a_submitter_hands_in_the_better_picture(web: TestClient, joined: Services) -> None:
    reviewer = sign_in(web, Role.REVIEWER)
    chen = sign_in(web, Role.SUBMITTER)
    old = web.post("/api/upload", files=[("files", ("a.xml", xml("old")))]).json()["files"][0]
    pipeline = Pipeline(joined)
    pipeline.read(old["document"], FixedReader(invoice()))
    pipeline.verify(old["document"], visit(DIFFERS))
    address = f"/claims/{old['document']}"
    assert web.post(f"{address}/picture", files={"file": ("b.xml", xml("b"))}).status_code == 409
    sign_in_as(web, reviewer)
    page = web.get(f"/review/{old['document']}").text
    web.post(f"/review/{old['document']}/picture", data=form(page, reason="picture_blurred"))
    assert old["document"] in web.get("/review?view=picture").text
    sign_in_as(web, chen)
    assert "图片模糊" in web.get(address).text
    same = web.post(f"{address}/picture", files={"file": ("a.xml", xml("old"))})
    assert same.status_code == 422
    new = web.post(f"{address}/picture", files={"file": ("b.xml", xml("b"))})
    assert new.url.path.startswith("/claims/")
    assert new.url.path != address
    assert load(joined, old["document"]).reason == "replaced"
