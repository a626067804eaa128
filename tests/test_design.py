"""The frame: colours that can be read, both sheets of them, targets for a thumb, and every page
in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

import web
from archive.actors import Actor, Role
from archive.records import Upload
from tests.browsing import Site, Width, check, chromium, grave_faults, serving, visitor
from tests.helpers import hand_in, make_person, whole_road, xml
from web.navigation import PLACES, first_places_for, places_for
from worker import broker
from worker.settings import Settings

_SHEET = (Path(web.__file__).parent / "static" / "yanpiao.css").read_text(encoding="utf-8")

#: Ink on ground; 4.5 for text (WCAG 2.2, 1.4.3), 3 for the edges of controls (1.4.11).
_PAIRS = [
    *((ink, ground, 4.5) for ink in ("ink", "faint") for ground in ("ground", "card", "sunken")),
    *(("primary-ink", ground, 4.5) for ground in ("ground", "card", "sunken", "primary-ground")),
    *((kind, f"{kind}-ground", 4.5) for kind in ("good", "warn", "bad", "info")),
    *((kind, ground, 4.5) for kind in ("good", "warn", "bad") for ground in ("card", "ground")),
    ("on-primary", "primary", 4.5),
    ("on-primary", "primary-hover", 4.5),
    ("on-seal", "seal", 4.5),
    ("ground", "ink", 4.5),
    *(("edge", ground, 3.0) for ground in ("card", "ground")),
    *(("focus", ground, 3.0) for ground in ("card", "ground", "sunken")),
]


def _tokens(selector: str) -> dict[str, str]:
    """The colours that the rule of this selector sets."""
    body = _SHEET.split(f"{selector} {{", 1)[1].split("}", 1)[0]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", body))


LIGHT = _tokens("\n:root")
DARK = _tokens(":root[data-theme=dark]")


def _luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb` (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """The ratio of two colours, from 1 to 21."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_ratio_is_the_published_one() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("sheet", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground", "least"), _PAIRS, ids=lambda part: str(part))
def test_every_pair_of_colours_can_be_read(
    sheet: dict[str, str], ink: str, ground: str, least: float
) -> None:
    assert contrast(sheet[ink], sheet[ground]) >= least


def test_the_dark_colours_are_the_same_by_device_and_by_switch() -> None:
    assert _tokens(":root:not([data-theme=light])") == DARK
    assert LIGHT.keys() == DARK.keys()


def test_no_sheet_or_page_names_another_host() -> None:
    for path in Path(web.__file__).parent.rglob("*"):
        if path.suffix in (".css", ".html") or path.name == "frame.js":
            said = re.sub(r"http://www\.w3\.org/\S+", "", path.read_text(encoding="utf-8"))
            assert not re.search(r"https?://|@import|url\(", said), path.name


# -- who is shown what ---------------------------------------------------------------------


def _actor(*roles: Role) -> Actor:
    return Actor("1", "li", "李", frozenset((role, "") for role in roles))


_ALL = {place.address for place in PLACES}


def test_nobody_is_shown_nothing_and_a_submitter_not_the_office() -> None:
    assert places_for(None, _ALL) == []
    addresses = [place.address for place in places_for(_actor(Role.SUBMITTER), _ALL)]
    assert addresses == ["/new", "/claims"]


def test_an_auditor_sees_what_is_read_only() -> None:
    addresses = {place.address for place in places_for(_actor(Role.AUDITOR), _ALL)}
    assert addresses == {"/vouchers", "/find", "/dashboard", "/audit"}


def test_pages_that_are_not_there_are_not_offered() -> None:
    assert places_for(_actor(Role.SUBMITTER), {"/claims"})[0].address == "/claims"


@pytest.mark.parametrize(
    ("role", "addresses"),
    [
        (Role.SUBMITTER, ["/new", "/claims"]),
        (Role.REVIEWER, ["/review"]),
        (Role.ARCHIVIST, ["/vouchers"]),
        (Role.AUDITOR, ["/find", "/audit"]),
        (Role.ADMIN, ["/dashboard"]),
    ],
)
def test_the_home_page_leads_each_role_to_its_work(role: Role, addresses: list[str]) -> None:
    assert [place.address for place in first_places_for(_actor(role), _ALL)] == addresses


# -- in a real browser ---------------------------------------------------------------------


@pytest.fixture
def site(settings: Settings) -> Iterator[Site]:
    with broker.bundled(settings), serving(settings) as running:
        yield running


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_page_at_both_widths_and_in_both_colours(site: Site) -> None:
    document = whole_road(
        site.services, hand_in(site.services, xml("1"), "发票.xml", "JZ-1").document_id
    )
    with site.services.database.read() as session:
        batch = session.scalars(select(Upload.batch_id)).one()
    person = make_person(site.services, (Role.REVIEWER, "北校区"))
    pages = (
        *("/", "/review", "/captcha", "/find?q=0001", f"/documents/{document.id}"),
        *("/account", "/people", f"/people/{person.id}", f"/batches/{batch}", "/dashboard"),
    )
    widths: tuple[Width, ...] = ("desk", "phone")
    with chromium() as browser:
        for width in widths:
            with visitor(browser, site, width, "dark" if width == "phone" else "light") as guest:
                check(guest, guest.visit("/sign-in"))
                guest.sign_in(*Role)
                for path in pages:
                    page = guest.visit(path)
                    check(guest, page)
                    page.close()


@pytest.mark.slow
def test_the_switch_of_colours_is_remembered_and_the_skip_link_comes_first(site: Site) -> None:
    with chromium() as browser, visitor(browser, site, "desk", "dark") as guest:
        guest.sign_in(*Role)
        page = guest.visit("/")
        ground = "getComputedStyle(document.body).backgroundColor"
        dark = page.evaluate(ground)
        page.click(".tool.when-dark")
        light = page.evaluate(ground)
        assert dark != light
        page.goto(site.address + "/review")
        assert page.evaluate(ground) == light
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.slow
def test_targets_are_large_enough_for_a_thumb(site: Site) -> None:
    """Navigation, buttons and fields are 44 pixels or more (WCAG 2.2, 2.5.5)."""
    with chromium() as browser, visitor(browser, site, "phone") as guest:
        guest.sign_in(*Role)
        page = guest.visit("/")
        small = page.evaluate(
            """[...document.querySelectorAll('.bar a, .bar summary, .tool, button, input, .brand')]
               .filter(one => one.offsetParent || one.closest('.bar'))
               .map(one => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])
               .filter(([, box]) => box.height < 44).map(([html]) => html)"""
        )
        assert small == []


@pytest.mark.slow
def test_a_fault_is_found(site: Site) -> None:
    """The check of checks: a picture without words must not pass."""
    with chromium() as browser, visitor(browser, site) as guest:
        page = guest.visit("/")
        page.evaluate("document.getElementById('main').append(new Image(5, 5))")
        assert any("image-alt" in fault for fault in grave_faults(page))
