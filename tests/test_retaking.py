"""What cannot be read is asked for again: of whom, what is shown, and how the better picture takes
its place."""

from __future__ import annotations

import datetime as dt
import json
import re

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from archive.actors import Role
from archive.records import AuditRow, Document, State
from archive.reviewing import ReviewCase
from extractors.model import Source
from tests.helpers import (
    CONFIRMED,
    FixedReader,
    actions,
    hand_in,
    invoice,
    load,
    sign_in,
    visit,
    whole_road,
    xml,
)
from tests.retaking import draw, hand_in_page, judge, photo, seen, unreadable
from tests.reviewing import DIFFERS
from worker.notices import Notices
from worker.pipeline import Pipeline
from worker.services import Services
from worker.states import move

#: A picture as small as one gets.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


def _png(text: str) -> bytes:
    return PNG + text.encode()


def _wanted(services: Services, document_id: str) -> bool:
    with services.database.read() as session:
        case = session.get(ReviewCase, document_id)
        return case is not None and case.picture_wanted_at is not None


def _better(web: TestClient, document_id: str, content: bytes, name: str = "better.png"):  # type: ignore[no-untyped-def]
    return web.post(
        f"/claims/{document_id}/picture", files={"file": (name, content)}, follow_redirects=False
    )


def test_the_submitter_is_asked_told_and_shown_the_place(web: TestClient, joined: Services) -> None:
    chen = sign_in(web, Role.SUBMITTER)
    follower = Notices(joined.database)
    follower.round()
    document_id = unreadable(joined, chen, photo(5))
    assert load(joined, document_id).state == State.IN_REVIEW
    assert "picture_wanted" in actions(joined, document_id)
    follower.round()
    assert "看不清，请重拍" in web.get("/notices").text
    page = web.get(f"/claims/{document_id}").text
    assert "看不清：发票号码" in page
    assert "正在绘制" in page or "hx-get" in page  # its pages are drawn yet
    draw(joined, document_id)
    page = web.get(f"/claims/{document_id}").text
    view = re.search(r'<svg viewBox="(\d+) (\d+) (\d+) (\d+)" role="img"', page)
    assert view
    left, _, width, height = map(int, view.groups())
    whole = re.search(r'<image href="([^"]+)" width="(\d+)" height="(\d+)"', page)
    assert whole
    assert left > int(whole[2]) / 2
    assert width * height < int(whole[2]) * int(whole[3]) / 10
    picture = web.get(whole[1])
    assert picture.headers["content-type"].startswith("image/")
    listed = web.get("/claims?show=todo").text
    assert document_id in listed
    assert "请重拍" in listed
    assert document_id not in web.get("/claims?show=moving").text
    sign_in(web, Role.SUBMITTER)
    assert web.get(whole[1]).status_code == 404
    sign_in(web, Role.REVIEWER)
    assert document_id in web.get("/review?view=picture").text


def test_the_better_picture_goes_on_within_the_claim(web: TestClient, joined: Services) -> None:
    chen = sign_in(web, Role.SUBMITTER)
    old = unreadable(joined, chen, _png("1"))
    moved = _better(web, old, _png("2"))
    new = moved.headers["location"].rpartition("/")[2]
    assert moved.status_code == 303
    assert load(joined, old).reason == "replaced"
    assert load(joined, new).voucher_no == "JZ-1"
    page = web.get(f"/claims/{new}").text
    assert f'href="/claims/{old}"' in page
    assert "差旅费" in page  # the claim's note
    assert f'href="/claims/{new}"' in web.get(f"/claims/{old}").text
    assert web.get(f"/documents/{old}/original").content == _png("1")  # nothing is lost
    # A third one after a second that is no better, all in one line.
    judge(joined, new, seen())
    third = _better(web, new, _png("3")).headers["location"].rpartition("/")[2]
    page = web.get(f"/claims/{third}").text
    assert page.index(old) < page.index(new) < page.index("已收到重拍件")
    pipeline = Pipeline(joined)
    pipeline.read(third, FixedReader(invoice()))
    pipeline.verify(third, visit(CONFIRMED))
    pipeline.seal("JZ-1")
    assert load(joined, third).state == State.ARCHIVED
    closed = web.get("/claims?show=closed").text
    assert old in closed
    assert new in closed
    assert "已重拍" in closed
    assert old not in web.get("/claims?show=todo").text


def test_a_second_click_and_a_killed_server_end_the_same(web: TestClient, joined: Services) -> None:
    chen = sign_in(web, Role.SUBMITTER)
    old = unreadable(joined, chen, _png("1"))
    # Taken in, and killed before it was linked: the same picture once more links it.
    orphan = hand_in_page(joined, chen, _png("2"), "better.png")
    done = _better(web, old, _png("2"))
    assert done.headers["location"] == f"/claims/{orphan}"
    again = _better(web, old, _png("2"))
    assert again.headers["location"] == f"/claims/{orphan}"
    assert _better(web, old, _png("3")).status_code == 409
    assert load(joined, orphan).state == State.RECEIVED


def test_what_cannot_take_the_place_is_said_on_the_page(web: TestClient, joined: Services) -> None:
    other = sign_in(web, Role.SUBMITTER)
    theirs = hand_in_page(joined, other, _png("theirs"), "x.png")
    chen = sign_in(web, Role.SUBMITTER)
    sealed = hand_in_page(joined, chen, xml("sealed"), "s.xml")
    whole_road(joined, sealed)
    old = unreadable(joined, chen, _png("1"))
    for content, words in (
        (_png("1"), "完全相同"),
        (_png("theirs"), "以前提交过"),
        (xml("sealed"), "以前提交过"),
    ):
        refused = _better(web, old, content)
        assert refused.status_code == 422
        assert words in refused.text
        assert "看不清：发票号码" in refused.text
    assert web.post(f"/claims/{old}/picture", files={"file": ("", b"")}).status_code == 422
    assert _wanted(joined, old)
    assert theirs not in web.get(f"/claims/{old}").text


def test_who_has_no_better_one_hands_it_over_to_finance(web: TestClient, joined: Services) -> None:
    chen = sign_in(web, Role.SUBMITTER)
    old = unreadable(joined, chen, _png("1"))
    for _ in range(2):
        assert web.post(f"/claims/{old}/no-better").status_code == 200
    assert actions(joined, old).count("picture_not_to_be_had") == 1
    assert "财务正在核对" in web.get(f"/claims/{old}").text
    sign_in(web, Role.SUBMITTER)
    assert web.post(f"/claims/{old}/no-better").status_code == 404
    sign_in(web, Role.REVIEWER)
    assert old in web.get("/review").text


@pytest.mark.parametrize("how", ["electronic", "by a program", "from a folder"])
def test_nobody_is_asked_where_it_would_not_help(
    web: TestClient, joined: Services, how: str
) -> None:
    """Of an electronic file there is no better picture, and programs and folders take none."""
    chen = sign_in(web, Role.SUBMITTER)
    read = seen()
    if how == "electronic":
        document_id = hand_in_page(joined, chen, xml("1"), "a.xml")
        read = seen(sources=(Source.XML,))
    elif how == "by a program":
        files = [("files", ("a.png", _png("1")))]
        document_id = web.post("/api/upload", files=files).json()["files"][0]["document"]
    else:
        document_id = hand_in(joined, _png("1"), "a.png").document_id
    judge(joined, document_id, read)
    assert load(joined, document_id).reason == "keys_incomplete"
    assert not _wanted(joined, document_id)


def test_once_decided_otherwise_nothing_is_asked_any_more(
    web: TestClient, joined: Services
) -> None:
    """Finance may type the number in meanwhile: then the document goes its way."""
    chen = sign_in(web, Role.SUBMITTER)
    document_id = unreadable(joined, chen, _png("1"))
    with joined.database.write() as session:
        move(session, session.get_one(Document, document_id), State.READ)
    Pipeline(joined).verify(document_id, visit(DIFFERS))
    assert load(joined, document_id).state == State.IN_REVIEW
    assert not _wanted(joined, document_id)
    assert _better(web, document_id, _png("2")).status_code == 409


def test_a_file_that_failed_is_replaced_in_its_place(web: TestClient, joined: Services) -> None:
    chen = sign_in(web, Role.SUBMITTER)
    old = hand_in_page(joined, chen, b"", "empty.pdf")
    assert load(joined, old).state == State.FAILED
    page = web.get(f"/claims/{old}").text
    assert 'name="file"' in page
    assert "空" in page
    broken = _better(web, old, b"nothing that is known", "note.txt")
    second = broken.headers["location"].rpartition("/")[2]
    assert load(joined, second).state == State.FAILED
    third = _better(web, second, _png("3")).headers["location"].rpartition("/")[2]
    assert load(joined, third).state == State.RECEIVED
    assert old in web.get(f"/claims/{third}").text


def test_the_trail_names_fields_and_no_values(web: TestClient, joined: Services) -> None:
    document_id = unreadable(joined, sign_in(web, Role.SUBMITTER), _png("1"))
    query = select(AuditRow).where(
        AuditRow.document_id == document_id, AuditRow.action == "picture_wanted"
    )
    with joined.database.read() as session:
        (row,) = session.scalars(query)
    assert json.loads(row.detail) == {"fields": ["invoice_number"]}


def test_own_documents_by_month_and_state(web: TestClient, joined: Services) -> None:
    chen = sign_in(web, Role.SUBMITTER)
    ids = [hand_in_page(joined, chen, _png(text), f"{text}.png") for text in ("a", "b", "c")]
    moments = (
        dt.datetime(2026, 8, 31, 15, 59, tzinfo=dt.UTC),  # still August in China
        dt.datetime(2026, 8, 31, 16, 0, tzinfo=dt.UTC),  # September there
        dt.datetime(2026, 9, 30, 15, 59, tzinfo=dt.UTC),
    )
    with joined.database.write() as session:
        for document_id, moment in zip(ids, moments, strict=True):
            session.get_one(Document, document_id).received_at = moment
    page = web.get("/claims").text
    assert '<option value="2026-08"' in page
    assert '<option value="2026-09"' in page
    august, september = (web.get(f"/claims?month=2026-0{month}").text for month in (8, 9))
    assert [one in august for one in ids] == [True, False, False]
    assert [one in september for one in ids] == [False, True, True]
    assert web.get("/claims?month=2026-09&show=todo&q=b").text.count(ids[1]) == 0
    assert ids[1] in web.get("/claims?month=2026-09&show=moving&q=b").text
    assert "month=2026-09" in web.get("/claims?month=2026-09").text.split('class="chips"')[1]
    for nonsense in ("2026-13", "9999-12", "x"):
        assert web.get(f"/claims?month={nonsense}").status_code == 422
