"""Words that settle what recognition leaves open."""

from __future__ import annotations

import pytest

from extractors.layout.mending import goods_classes
from extractors.recognition.lexicon import Lexicon, common_words
from extractors.recognition.read import Reading, best_of, reworded
from extractors.words import Choices


def seen(text: str, **others: tuple[str, float]) -> tuple[Choices, ...]:
    """A text whose characters may be others too: `_3=("遣", -2.8)` for its fourth."""
    return tuple(
        ((char, 0.0), *([others[f"_{place}"]] if f"_{place}" in others else []))
        for place, char in enumerate(text)
    )


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon(common_words(), ("统一社会信用代码/纳税人识别号", *goods_classes()))


@pytest.mark.parametrize(
    ("read", "others", "said"),
    [
        ("劳务派遭服务费", {"_3": ("遣", -2.8)}, "劳务派遣服务费"),
        ("规貉型号", {"_1": ("格", -1.0)}, "规格型号"),
        ("统一杜会信用代码", {"_2": ("社", -3.0)}, "统一社会信用代码"),
        ("信E技术", {"_1": ("息", -4.0)}, "信息技术"),
        ("*运轴服务*客诺服务费", {"_2": ("输", -2.0), "_7": ("运", -2.0)},
         "*运输服务*客运服务费"),
    ],
)  # fmt: skip
def test_the_character_that_makes_a_word_is_taken(
    lexicon: Lexicon, read: str, others: dict[str, tuple[str, float]], said: str
) -> None:
    assert lexicon.reworded(seen(read, **others)) == said


@pytest.mark.parametrize(
    ("read", "others"),
    [
        # As likely as the recogniser may hold the common character, no word asks for it.
        ("徐子涵", {"_2": ("酒", -0.1)}),
        ("上海远岫票务有限公司", {"_3": ("触", -1.0)}),
        # Far less likely than what was seen.
        ("派遭", {"_1": ("遣", -7.9)}),
        # No word of Chinese characters becomes one of other signs.
        ("云8", {"_0": ("A", -0.1)}),
        # Sums in words have their own proof.
        ("壹仟贰佰元整", {"_0": ("一", -0.1)}),
        ("", {}),
    ],
)
def test_what_words_say_nothing_about_stays(
    lexicon: Lexicon, read: str, others: dict[str, tuple[str, float]]
) -> None:
    assert lexicon.reworded(seen(read, **others)) == read


def test_without_a_list_of_words_nothing_changes() -> None:
    assert Lexicon({}).reworded(seen("规貉型号", _1=("格", -0.1))) == "规貉型号"


def test_a_reading_keeps_what_its_characters_may_be(lexicon: Lexicon) -> None:
    weighed = seen("派遭12", _1=("遣", -2.0), _3=("7", -1.0))
    reading = reworded(Reading("派遭12", 0.9), weighed, lexicon)
    assert reading.text == "派遣12"
    assert reading.weighed == (
        (("派", 0.0),), (("遣", 0.0),), (("1", 0.0),), (("2", 0.0), ("7", -1.0))
    )  # fmt: skip
    assert reading.part(2).weighed == reading.weighed[2:]


def test_what_does_not_belong_to_the_text_is_left_out_of_account(lexicon: Lexicon) -> None:
    reading = Reading("派遭", 0.9)
    assert reworded(reading, seen("派遭费"), lexicon) == reading


def test_of_several_looks_the_surest_is_taken_with_what_the_others_saw() -> None:
    first = Reading("R077", 0.95, weighed=seen("R077", _2=("T", -6.0)))
    second = Reading("R0T7", 0.90, weighed=seen("R0T7", _3=("2", -2.0)))
    shorter = Reading("R07", 0.99 - 0.1, weighed=seen("R07"))
    best = best_of([second, first, shorter])
    assert best.text == "R077"
    assert best.weighed == (
        (("R", 0.0),), (("0", 0.0),), (("7", 0.0), ("T", -1.0)), (("7", 0.0), ("2", -2.0))
    )  # fmt: skip


def test_a_look_that_shows_an_id_whole_is_better_than_a_surer_one() -> None:
    whole, cut = "12330108LQ7N48R0T2", "12330108LQ7N48R0T"
    looks = [Reading(cut, 0.97, weighed=seen(cut)), Reading(whole, 0.9, weighed=seen(whole))]
    assert best_of(looks).text == whole
    assert best_of(looks[:1]).text == cut
