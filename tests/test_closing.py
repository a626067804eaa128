"""What finance rejected comes back to its submitter, who puts it away or hands another in for it;
and another file in a document's place goes up in pieces."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from archive.actors import Actor, Role
from archive.claiming import Transfer
from archive.records import State
from archive.reviewing import ReviewCase
from tests.helpers import FixedReader, actions, invoice, load, sign_in, visit, xml
from tests.retaking import hand_in_page, judge, seen
from tests.reviewing import DIFFERS, LI, do
from worker.pipeline import Pipeline
from worker.review.desk import ReviewDesk
from worker.review.rules import Action
from worker.services import Services
from worker.transfers import Transfers


def _rejected(services: Services, owner: Actor, text: str = "1") -> str:
    document_id = hand_in_page(services, owner, xml(text), f"{text}.xml", "差旅费")
    pipeline = Pipeline(services)
    pipeline.read(document_id, FixedReader(invoice()))
    pipeline.verify(document_id, visit(DIFFERS))
    _reject(services, document_id)
    return document_id


def _reject(services: Services, document_id: str) -> None:
    do(ReviewDesk(services), LI, document_id, Action.REJECT, reason="reject_not_ours")
    assert load(services, document_id).state == State.REJECTED


def _counts(web: TestClient) -> dict[str, int]:
    page = web.get("/claims").text
    found = re.findall(r'href="/claims(?:\?show=(\w+))?"[^>]*>[^<]*<b>(\d+)</b>', page)
    return {group or "all": int(count) for group, count in found}


def test_a_rejection_is_put_away_and_counts_no_more(web: TestClient, joined: Services) -> None:
    chen = sign_in(web, Role.SUBMITTER)
    document_id = _rejected(joined, chen)
    assert _counts(web) == {"all": 1, "todo": 1, "moving": 0, "done": 0}
    assert f'action="/claims/{document_id}/put-away"' in web.get(f"/claims/{document_id}").text
    reason = load(joined, document_id).reason
    for _ in range(2):
        page = web.post(f"/claims/{document_id}/put-away").text
        assert "已退回，已收起" in page
        assert "put-away" not in page
    assert actions(joined, document_id).count("rejection_put_away") == 1
    assert _counts(web) == {"all": 1, "todo": 0, "moving": 0, "done": 0, "closed": 1}
    assert document_id in web.get("/claims?show=closed").text
    assert load(joined, document_id).reason == reason, "why finance rejected it stays said"


def test_nobody_else_puts_it_away_and_nothing_else_is_put_away(
    web: TestClient, joined: Services
) -> None:
    chen = sign_in(web, Role.SUBMITTER)
    rejected = _rejected(joined, chen)
    moving = hand_in_page(joined, chen, xml("moving"), "m.xml")
    assert web.post(f"/claims/{moving}/put-away").status_code == 200
    assert _counts(web) == {"all": 2, "todo": 1, "moving": 1, "done": 0}
    sign_in(web, Role.SUBMITTER)
    assert web.post(f"/claims/{rejected}/put-away").status_code == 404
    assert "rejection_put_away" not in actions(joined, rejected) + actions(joined, moving)


def test_a_rejection_that_is_taken_back_and_made_again_needs_its_owner_again(
    web: TestClient, joined: Services
) -> None:
    chen = sign_in(web, Role.SUBMITTER)
    document_id = _rejected(joined, chen)
    web.post(f"/claims/{document_id}/put-away")
    do(ReviewDesk(joined), LI, document_id, Action.UNDO)
    assert load(joined, document_id).state == State.IN_REVIEW
    assert _counts(web)["moving"] == 1
    _reject(joined, document_id)
    assert _counts(web)["todo"] == 1


def test_another_takes_the_place_of_what_was_rejected(web: TestClient, joined: Services) -> None:
    chen = sign_in(web, Role.SUBMITTER)
    old = _rejected(joined, chen)
    reason = load(joined, old).reason
    sent = web.post(
        f"/claims/{old}/picture",
        files={"file": ("right.xml", xml("right"))},
        follow_redirects=False,
    )
    new = sent.headers["location"].rpartition("/")[2]
    assert load(joined, old).reason == reason
    assert load(joined, new).voucher_no == load(joined, old).voucher_no
    assert _counts(web) == {"all": 2, "todo": 0, "moving": 1, "done": 0, "closed": 1}
    page = web.get(f"/claims/{old}").text
    assert "已重新提交" in page
    assert f'href="/claims/{new}"' in page
    assert f'href="/claims/{old}"' in web.get(f"/claims/{new}").text
    assert "rejection_answered" in actions(joined, old)
    # Another stands in its place: its reviewer cannot bring it back beside it.
    reviewer = sign_in(web, Role.REVIEWER)
    assert reviewer.id
    assert 'action="/review/' + old + '/undo"' not in web.get(f"/review/{old}").text


# -- in pieces -----------------------------------------------------------------------------


def _begin(web: TestClient, **asked: object):  # type: ignore[no-untyped-def]
    return web.post("/api/transfers", json={"name": "better.png", **asked})


def _piece(web: TestClient, transfer: str, offset: int, content: bytes):  # type: ignore[no-untyped-def]
    return web.patch(
        f"/api/transfers/{transfer}", content=content, headers={"Upload-Offset": str(offset)}
    )


def _unread(services: Services, owner: Actor) -> str:
    document_id = hand_in_page(services, owner, xml("old"), "old.xml", "差旅费")
    judge(services, document_id, seen())
    return document_id


def test_a_better_picture_comes_in_pieces(web: TestClient, joined: Services) -> None:
    chen = sign_in(web, Role.SUBMITTER)
    old = _unread(joined, chen)
    content = xml("better" * 200)
    half = len(content) // 2
    transfer = _begin(web, replaces=old, size=len(content)).json()["id"]
    _piece(web, transfer, 0, content[:half])
    assert load(joined, old).state == State.IN_REVIEW
    assert web.get(f"/api/transfers/{transfer}").json()["offset"] == half
    (outcome,) = _piece(web, transfer, half, content[half:]).json()["outcomes"]
    new = outcome["href"].rpartition("/")[2]
    assert web.get(f"/documents/{new}/original").content == content
    assert load(joined, old).reason == "replaced"
    assert "差旅费" in web.get(f"/claims/{new}").text, "it came within the claim"


def test_a_crash_after_the_place_was_taken_is_made_good(web: TestClient, joined: Services) -> None:
    chen = sign_in(web, Role.SUBMITTER)
    old = _unread(joined, chen)
    content = xml("better")
    transfer = _begin(web, replaces=old, size=len(content)).json()["id"]
    first = _piece(web, transfer, 0, content).json()["outcomes"]
    with joined.database.write() as session:
        session.execute(update(Transfer).values(finished_at=None, outcome=None))
    (joined.settings.root / "transfers" / f"{transfer}.part").write_bytes(content)
    assert _piece(web, transfer, len(content), b"").json()["outcomes"] == first


def test_why_a_file_cannot_take_the_place_is_its_outcome(web: TestClient, joined: Services) -> None:
    chen = sign_in(web, Role.SUBMITTER)
    old = _unread(joined, chen)
    content = xml("old")
    transfer = _begin(web, replaces=old, size=len(content)).json()["id"]
    said = _piece(web, transfer, 0, content).json()
    assert said["finished"]
    assert "完全相同" in said["outcomes"][0]["error"]
    assert said["outcomes"][0]["href"] == ""
    assert load(joined, old).state == State.IN_REVIEW


@pytest.mark.parametrize("whose", ["moving", "another's", "nobody's"])
def test_only_what_may_be_replaced_is_sent_for(
    web: TestClient, joined: Services, whose: str
) -> None:
    chen = sign_in(web, Role.SUBMITTER)
    if whose == "moving":
        asked = hand_in_page(joined, chen, xml("moving"), "m.xml")
    elif whose == "another's":
        asked = _unread(joined, chen)
        sign_in(web, Role.SUBMITTER)
    else:
        asked = "0" * 24
    assert _begin(web, replaces=asked, size=9).status_code == (409 if whose == "moving" else 404)


def test_a_file_goes_either_into_a_claim_or_into_a_place(web: TestClient, joined: Services) -> None:
    chen = sign_in(web, Role.SUBMITTER)
    old = _unread(joined, chen)
    claim = Transfers(joined).open_claim(chen, "", "", "").id
    assert _begin(web, size=9).status_code == 422
    assert _begin(web, size=9, replaces=old, claim=claim).status_code == 422
    too_large = joined.settings.max_file_size + 1
    assert _begin(web, size=too_large, replaces=old).status_code == 413


def test_what_a_program_handed_in_is_replaced_in_a_claim_of_its_own(
    web: TestClient, joined: Services
) -> None:
    sign_in(web, Role.SUBMITTER)
    files = [("files", ("empty.pdf", b""))]
    old = web.post("/api/upload", files=files).json()["files"][0]["document"]
    assert load(joined, old).state == State.FAILED
    content = xml("better")
    transfer = _begin(web, replaces=old, size=len(content)).json()["id"]
    (outcome,) = _piece(web, transfer, 0, content).json()["outcomes"]
    new = load(joined, outcome["href"].rpartition("/")[2])
    assert new.voucher_no == load(joined, old).voucher_no
    with joined.database.read() as session:
        assert session.get_one(ReviewCase, old).replaced_by == new.id
    assert 'value="B2' not in web.get("/new").text, "a number made for a batch is nobody's"
