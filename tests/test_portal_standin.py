"""The stand-in portal over real HTTP: every answer it can give, and the limits it keeps."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import io
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from PIL import Image

from fixtures.operator import NotTheStandIn, Operator
from fixtures.portal import Clock, create_app, serving

TODAY = dt.date(2026, 11, 22)
NORMAL: dict[str, Any] = {
    "kind": "增值税电子普通发票",
    "invoice_code": "011002000111",
    "invoice_number": "12345678",
    "issue_date": "2026-11-02",
    "check_code": "01234567890123654321",
    "buyer_name": "某某大学",
    "buyer_tax_id": "12100000400000000X",
    "seller_name": "北京测试文具有限公司",
    "seller_tax_id": "91110000600037341L",
    "total_without_tax": "100.00",
    "total_tax": "13.00",
    "total_with_tax": "113.00",
    "amount_in_words": "壹佰壹拾叁圆整",
    "lines": [{"name": "*文具*笔", "amount": "100.00", "rate": "13%", "tax": "13.00"}],
    "status": "normal",
}


class Visitor:
    """Sends what the page's script would send."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url)
        self.http.get("/")

    def captcha(self, code: str = "") -> dict[str, Any]:
        reply = self.http.post("/NWebQuery/yzmQuery", data={"fpdm": code})
        return dict(reply.raise_for_status().json())

    def solved(self) -> dict[str, str]:
        captcha = self.captcha()
        png = base64.b64decode(captcha["key1"])
        digest = hashlib.sha256(png).hexdigest()
        answer = self.http.get("/fixture/captcha-answer", params={"sha256": digest}).json()
        return {"index": captcha["key3"], "yzm": answer["answer"]}

    def check(self, **changes: str) -> dict[str, Any]:
        form = {
            "fpdm": "011002000111",
            "fphm": "12345678",
            "kprq": "20261102",
            "fpje": "654321",
            **changes,
        }
        if "index" not in form:
            form |= self.solved()
        return dict(self.http.post("/NWebQuery/vatQuery", data=form).raise_for_status().json())


@pytest.fixture
def clock() -> Clock:
    return Clock(TODAY)


@pytest.fixture
def visitor(clock: Clock) -> Iterator[Visitor]:
    with serving(create_app([NORMAL], clock, captcha_interval=0, closed_regions=["5400"])) as url:
        yield Visitor(url)


def test_every_page_says_that_it_is_a_stand_in(visitor: Visitor) -> None:
    for page in ("/", "/cyjgedge10.html", "/cyjgno.html"):
        assert "不是税务机关的网站" in visitor.http.get(page).text


def test_pages_ask_no_other_host(visitor: Visitor) -> None:
    for page in ("/", "/portal.js", "/portal.css", "/result.js", "/cyjgedge10.html"):
        text = visitor.http.get(page).text
        assert "http://" not in text
        assert "https://" not in text


def test_captcha_is_a_small_png_with_an_answer(visitor: Visitor) -> None:
    captcha = visitor.captcha()
    image = Image.open(io.BytesIO(base64.b64decode(captcha["key1"])))
    assert (image.format, image.size) == ("PNG", (120, 50))
    assert captcha["key4"] in {"00", "01", "02", "03", "04"}
    assert visitor.http.get("/fixture/captcha-answer", params={"sha256": "0"}).status_code == 404


def test_consistent_invoice_is_shown_whole(visitor: Visitor) -> None:
    answer = visitor.check()
    assert answer["key1"] == "001"
    assert answer["fplx"] == "10"
    fields = answer["result"]["fields"]
    assert fields["gfmc_dzfp"] == "某某大学"
    assert fields["jshjxx_dzfp"] == "￥113.00"
    assert answer["result"]["cycs"] == "查验次数：第1次"


def test_other_keys_are_inconsistent_and_unknown_numbers_not_found(visitor: Visitor) -> None:
    assert visitor.check(fpje="111111")["key1"] == "006"
    assert visitor.check(kprq="20261103")["key1"] == "006"
    assert visitor.check(fphm="87654321")["key1"] == "009"


def test_issued_today_is_for_tomorrow(visitor: Visitor) -> None:
    assert visitor.check(kprq="20261122")["key1"] == "rqerr"


def test_sixth_check_of_a_day_is_refused_until_the_next(visitor: Visitor, clock: Clock) -> None:
    assert [visitor.check()["key1"] for _ in range(6)] == ["001"] * 5 + ["002"]
    clock.advance(dt.timedelta(days=1))
    answer = visitor.check()
    assert answer["key1"] == "001"
    assert answer["result"]["cycs"] == "查验次数：第1次"


def test_captcha_wrong_used_or_expired(visitor: Visitor, clock: Clock) -> None:
    solved = visitor.solved()
    assert visitor.check(**{**solved, "yzm": "!"})["key1"] == "008"
    assert visitor.check(**solved)["key1"] == "007"
    late = visitor.solved()
    clock.advance(dt.timedelta(seconds=121))
    assert visitor.check(**late)["key1"] == "007"


def test_captchas_asked_in_haste_are_refused(clock: Clock) -> None:
    with serving(create_app([], clock, captcha_interval=3600)) as url:
        hasty = Visitor(url)
        assert len(hasty.captcha()["key1"]) > 3
        assert hasty.captcha()["key1"] == "003"


def test_closed_province(visitor: Visitor) -> None:
    assert visitor.captcha("054002000111")["key1"] == "1"
    assert visitor.check(fpdm="054002000111")["key1"] == "1"


def test_ordered_answers_come_once_each_in_order(visitor: Visitor) -> None:
    codes = ["003", "004", "005", "010", "016", "020", "024"]
    visitor.http.post("/fixture/faults", json={"next": codes, "captcha_next": ["016", "024"]})
    assert [visitor.captcha()["key1"] for _ in range(2)] == ["016", "024"]
    assert [visitor.check()["key1"] for _ in codes] == codes
    assert visitor.check()["key1"] == "001"


def test_ordered_failures_last_until_cleared(visitor: Visitor) -> None:
    visitor.http.post("/fixture/faults", json={"status": 500, "target": "page"})
    assert visitor.http.get("/").status_code == 500
    assert visitor.check()["key1"] == "001"
    visitor.http.delete("/fixture/faults")
    assert visitor.http.get("/").status_code == 200


def test_renamed_ids_change_the_page(visitor: Visitor) -> None:
    visitor.http.post("/fixture/faults", json={"rename": {"kjje": "amount_v9"}})
    page = visitor.http.get("/").text
    assert 'id="amount_v9"' in page
    assert 'id="kjje"' not in page
    assert 'id="kjjejy"' in page


@pytest.mark.parametrize(("status", "mark"), [("void", "作废"), ("red", "已全额红冲")])
def test_status_is_shown(visitor: Visitor, status: str, mark: str) -> None:
    visitor.http.post("/fixture/known", json=[{**NORMAL, "status": status}])
    assert visitor.check()["result"]["status"] == mark


def test_operator_works_only_against_the_stand_in(visitor: Visitor) -> None:
    with serving(create_app([])) as url:
        Operator(visitor.http, httpx.Client(base_url=url))
    with pytest.raises(NotTheStandIn):
        Operator(visitor.http, httpx.Client(base_url=url))


def test_operator_types_what_the_stand_in_says(visitor: Visitor) -> None:
    captcha = visitor.captcha()
    posted: list[httpx.Request] = []

    def desk(request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and posted:
            return httpx.Response(204)
        if request.method == "GET":
            image = "data:image/png;base64," + captcha["key1"]
            return httpx.Response(200, json={"id": "7", "image": image})
        posted.append(request)
        return httpx.Response(200)

    client = httpx.Client(base_url="http://desk.invalid", transport=httpx.MockTransport(desk))
    operator = Operator(client, visitor.http)
    assert operator.answer_next()
    assert not operator.answer_next()
    assert posted[0].url.path == "/api/captcha/7"
    assert b'"answer"' in posted[0].content
