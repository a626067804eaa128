"""Words that forms print, found in what a recogniser weighed."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from extractors.faces import printed_words
from extractors.models import model_folders
from extractors.recognition.doubt import PRINTED
from extractors.recognition.lexicon import Lexicon
from extractors.recognition.modules import load_modules, overheard
from extractors.recognition.printed import PrintedWords, Spot, Weights
from extractors.recognition.read import LineReader, Reading, set_right
from fixtures.maker.fonts import drawn

_BLANK = ""
_ALPHABET = [_BLANK, *"单价里信金额税率销售方名称（）(:：0123456789贰元"]


def weights(*columns: dict[str, float]) -> Weights:
    """One column each: the shares of characters; what is left is spread over the others."""
    rows = []
    for column in columns:
        left = (1 - sum(column.values())) / (len(_ALPHABET) - len(column))
        rows.append([column.get(each, left) for each in _ALPHABET])
    return np.asarray(rows, dtype=np.float32)


def spelled(text: str, share: float = 0.97) -> list[dict[str, float]]:
    """Columns that say a text, each character behind a blank."""
    return [column for each in text for column in ({_BLANK: share}, {each: share})]


#: 里信 was answered; 单价 was the second guess.
_PRICE = [{_BLANK: 0.9}, {"里": 0.5, "单": 0.3}, {_BLANK: 0.9}, {"信": 0.4, "价": 0.35}]


def found(words: list[str], *columns: dict[str, float]) -> list[Spot]:
    return PrintedWords(words, _ALPHABET).spots(weights(*columns))


def test_a_word_that_was_the_second_guess_is_found() -> None:
    assert found(["单价", "金额"], *_PRICE) == [Spot("单价", 0, 2)]


def test_words_behind_one_another_are_found_one_by_one_and_what_follows_stays() -> None:
    columns = [*_PRICE, *spelled("金额12")]
    assert found(["单价", "金额"], *columns) == [Spot("单价", 0, 2), Spot("金额", 2, 4)]


@pytest.mark.parametrize("words", [["金额"], ["税率", "金额"], []])
def test_another_word_is_not_found_in_print_that_says_something_else(words: list[str]) -> None:
    assert found(words, *_PRICE) == []
    assert found(words, *spelled("12贰元")) == []


def test_of_two_words_as_likely_none_is_found() -> None:
    columns = [
        {"里": 0.4, "单": 0.2, "金": 0.19},
        {_BLANK: 0.9},
        {"信": 0.4, "价": 0.2, "额": 0.19},
    ]
    assert found(["单价"], *columns) == [Spot("单价", 0, 2)]
    assert found(["单价", "金额"], *columns) == []


def test_of_two_that_begin_alike_the_longer_is_taken_where_it_stands() -> None:
    words = ["销售方", "销售方名称"]
    assert found(words, *spelled("销售方名称")) == [Spot("销售方名称", 0, 5)]
    assert found(words, *spelled("销售方12元")) == [Spot("销售方", 0, 3)]


def test_brackets_of_either_width_are_those_of_a_word() -> None:
    assert found(["(金额)"], *spelled("（金额）")) == [Spot("(金额)", 0, 4)]


def test_a_word_is_found_where_nothing_was_answered() -> None:
    faint = [{_BLANK: 0.6, "单": 0.3}, {_BLANK: 0.9}, {_BLANK: 0.6, "价": 0.3}]
    assert found(["单价"], *faint) == [Spot("单价", 0, 1)]
    assert set_right(Reading("", 0.0), found(["单价"], *faint)).text == "单价"


def test_equal_characters_need_a_blank_between_them() -> None:
    assert found(["额额"], {"额": 0.9}, {"额": 0.9}) == []
    assert found(["额额"], *spelled("额额")) == [Spot("额额", 0, 2)]


def test_words_beyond_the_alphabet_are_left_out() -> None:
    assert found(["单價", "单价"], *_PRICE) == [Spot("单价", 0, 2)]


def test_nothing_is_found_in_no_columns_that_say_anything() -> None:
    assert found(["单价"], *[{_BLANK: 0.99}] * 5) == []


def test_a_reading_keeps_what_stands_behind_the_word() -> None:
    read = Reading("里信：12.50", 0.45)
    assert set_right(read, [Spot("单价", 0, 2)]) == Reading("单价：12.50", 0.5)
    assert set_right(read, []) is read


def test_a_reading_that_says_the_word_already_stays_as_it_is() -> None:
    read = Reading("（小写）12.50", 0.95, tuple(place / 9 for place in range(9)))
    assert set_right(read, [Spot("(小写)", 0, 4)]) is read


def test_signs_around_a_word_stay_where_they_were() -> None:
    read = Reading("（里信：12.50", 0.9)
    assert set_right(read, [Spot("单价", 0, 4)]).text == "（单价：12.50"


def test_forms_print_labels_of_every_family() -> None:
    words = PRINTED | printed_words()
    assert {"单价", "规格型号", "航班号", "付款人户名", "住院号", "发动机号码", "合计金额"} <= words


@pytest.mark.slow
def test_the_engine_lets_itself_be_overheard() -> None:
    module = load_modules(model_folders(), 1, twice=True).dear
    reader = LineReader(module)
    picture = Image.new("RGB", (190, 48), "white")
    ImageDraw.Draw(picture).text((8, 6), "规格型号", font=drawn("song", 36), fill="black")
    line = np.asarray(picture, dtype=np.uint8)
    heard: list[Weights] = []
    with overheard(module, heard.append):
        read = reader.read([line, line])
    alphabet = reader.alphabet()
    assert [weights.shape[1] for weights in heard] == [len(alphabet)] * 2
    said = "".join(alphabet[place] for place in heard[0].argmax(axis=1) if place)
    assert (read[0].text, said) == ("规格型号", "规格型号")
    printed = PrintedWords(["规格型号"], alphabet)
    assert printed.spots(heard[0]) == [Spot("规格型号", 0, 4)]
    form = reader.read_form([line], printed, Lexicon({}))
    assert [(each.text, each.score) for each in form] == [
        (each.text, each.score) for each in reader.read([line])
    ]
    assert len(heard) == 2
