"""What a first look at a page tells about it."""

from __future__ import annotations

import pytest

from extractors.recognition.engine import is_poor

_SURE = [1.0] * 40


@pytest.mark.parametrize(
    ("glances", "poor"),
    [
        (_SURE, False),
        # A seal over a few lines, and the small print of a margin.
        ([*_SURE, 0.4, 0.7, 0.89, 0.93, 0.95], False),
        # Blur: many lines a little in doubt, some very much.
        ([*[1.0] * 30, *[0.96] * 12, 0.8, 0.7, 0.5], True),
        # A little in doubt everywhere, none very much: small print of a clean scan.
        ([0.97] * 40, False),
        ([0.6] * 30, True),
        ([0.5, 0.6], False),
        ([0.99], False),
    ],
)
def test_a_page_is_poor_by_its_least_sure_lines(glances: list[float], *, poor: bool) -> None:
    assert is_poor(glances) is poor


def test_an_empty_page_is_not_poor() -> None:
    assert not is_poor([])
