"""Where a page is looked at again, and when what is seen there counts."""

from __future__ import annotations

from extractors.model import Box
from extractors.second_look import _whole, replaced
from extractors.words import PageWords, Word


def word(text: str, x0: float, y0: float, x1: float, y1: float, score: float = 1.0) -> Word:
    return Word(text=text, box=Box(page=0, x0=x0, y0=y0, x1=x1, y1=y1), confidence=score)


def page(*words: Word) -> PageWords:
    return PageWords(page=0, width=1000, height=700, words=words)


def test_a_value_in_two_rows_glued_to_its_neighbour_is_looked_at_with_all_of_it() -> None:
    glued = word("江苏省南京市江操场塑胶跑道翻新", 0.20, 0.40, 0.45, 0.43)
    rest = word("宁区", 0.20, 0.44, 0.24, 0.47)
    other = word("21110.86", 0.66, 0.40, 0.72, 0.43)
    site = Box(page=0, x0=0.20, y0=0.40, x1=0.32, y1=0.47)
    assert _whole(site, [glued, rest, other]) == Box(page=0, x0=0.20, y0=0.40, x1=0.45, y1=0.47)


def test_a_closer_look_that_passes_over_characters_changes_nothing() -> None:
    seen = word("330108********6763", 0.2, 0.4, 0.35, 0.43, 0.97)
    pieces = (word("330108*", 0.2, 0.4, 0.26, 0.43), word("6763", 0.31, 0.4, 0.35, 0.43))
    assert replaced(page(seen), [seen.box], pieces).words == (seen,)


def test_a_closer_look_that_sees_as_much_counts_but_is_no_surer_than_the_page() -> None:
    seen = word("临阑实验学校", 0.2, 0.4, 0.35, 0.43, 0.84)
    closer = word("临澜实验学校", 0.2, 0.4, 0.35, 0.43, 0.99)
    (now,) = replaced(page(seen), [seen.box], (closer,)).words
    assert (now.text, now.confidence) == ("临澜实验学校", 0.84)


def test_a_closer_look_at_poor_print_is_no_surer_than_the_first() -> None:
    seen = word("手国让受银行", 0.2, 0.4, 0.35, 0.43, 0.6).model_copy(update={"most": 0.84})
    sure = word("杭州", 0.5, 0.4, 0.6, 0.43, 1.0)
    closer = word("中国建设银行", 0.2, 0.4, 0.35, 0.43, 0.99)
    now = replaced(page(seen, sure), [seen.box], (closer,)).words[-1]
    assert (now.text, now.confidence, now.most) == ("中国建设银行", 0.84, 0.84)


def test_what_was_cut_from_the_neighbour_is_left_to_it() -> None:
    site = word("四川省成都市武", 0.209, 0.39, 0.312, 0.41)
    project = word("临澜实验学校食堂改造", 0.324, 0.39, 0.569, 0.41)
    closer = (site, word("武 临澜实验学校食堂改造", 0.292, 0.39, 0.569, 0.41))
    now = replaced(page(site, project), [site.box, project.box], closer).words
    assert sorted(each.text for each in now) == ["临澜实验学校食堂改造", "四川省成都市武"]
