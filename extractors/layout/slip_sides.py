"""Whose the cells of a bank's slip are where their labels name no party: 户名 and 账号 stand twice,
and the words for the parties (付款人, 收款人) beside or above them, often down the side.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from extractors.layout.cells import Cell, first
from extractors.layout.page import Run
from extractors.layout.reading import UNLABELLED, Face, compact, cut

#: An account's number, stars in it perhaps.
ACCOUNT = re.compile(r"[0-9][0-9*-]{5,34}")
#: One whose label was lost is long, or it might be anything.
_LOST = re.compile(r"(?<![0-9A-Za-z])\d{10,25}(?![0-9A-Za-z])")
#: Longer than any label or word for a party.
_NAME = re.compile(r"[\u4e00-\u9fff()（）]{6,40}")
_WHAT = ("name", "account", "bank")


def names_trust(face: Face, sided: Sequence[Cell]) -> float:
    """Names told apart by their place alone, the words for them unread, are doubtful."""
    named = any(re.match(r"[收付汇]", compact(cell.label).text) for cell in sided)
    return 1.0 if named or len(_markers(face)) == 2 else UNLABELLED


def sided(face: Face, cells: Sequence[Cell]) -> list[Cell]:
    """Cells whose label names no party, given to the party whose word stands on their side: two
    of a sort in one row are left and right, else above and below; one alone is on the side that
    others show."""
    found = []
    middle = _middle(cells)
    for what in _WHAT:
        pair = [cell for cell in cells if cell.name == f"side_{what}"]
        found += _beside_named(cells, pair, what)
        if len(pair) == 2:
            level = abs(pair[0].label.middle - pair[1].label.middle) < pair[0].label.height
            pair.sort(key=lambda cell: cell.label.x0 if level else cell.label.middle)
        elif len(pair) == 1 and middle is not None and not found and face.recognised:
            level = True
        else:
            continue
        order = _order(face, across=level)
        if order is None:
            continue
        if len(pair) == 1 and middle is not None:
            order = order[:1] if pair[0].label.centre < middle else order[1:]
        found += [
            Cell(f"{who}_{what}", cell.label, cell.value)
            for who, cell in zip(order, pair, strict=True)
        ]
    return found


def lost_accounts(face: Face, cells: Sequence[Cell]) -> list[tuple[str, Run]]:
    """Account numbers whose label was not read, by party: in the row of the other party's account
    or, if neither was read, between names and banks, each on its side of the slip."""
    middle, order = _middle(cells), _order(face, across=True)
    if middle is None or order is None:
        return []
    read = [cell for cell in cells if cell.name.endswith("_account")]
    names, banks = (
        [cell.label.middle for cell in cells if cell.name.endswith(what)]
        for what in ("_name", "_bank")
    )
    if read:
        label = read[0].label
        top, bottom = label.middle - 0.8 * label.height, label.middle + 0.8 * label.height
    elif names and banks and max(names) < min(banks):
        top, bottom = max(names), min(banks)
    else:
        return []
    found = [
        part
        for run in map(compact, face.sheet.within(face.sheet.runs, top=top, bottom=bottom))
        for match in _LOST.finditer(run.text)
        if (part := cut(run, match, 0)) is not None
    ]
    return [
        (who, own[0])
        for who in order
        if not any(cell.name == f"{who}_account" and cell.value for cell in cells)
        and len(own := [run for run in found if (run.centre < middle) is (who == order[0])]) == 1
    ]


def lost_name(face: Face, cells: Sequence[Cell], who: str) -> Run | None:
    """The name of a party whose label was read by half (户 for 户名): what is long enough in the
    row of the other party's name, on its own side."""
    middle, order = _middle(cells), _order(face, across=True)
    others = [cell for cell in cells if cell.name.endswith("_name")]
    if middle is None or order is None or len(others) != 1:
        return None
    label = others[0].label
    own = [
        run
        for run in face.sheet.runs
        if (run.centre < middle) is (who == order[0])
        and abs(run.middle - label.middle) < 0.8 * label.height
        and _NAME.fullmatch(compact(run).text)
    ]
    return own[0] if len(own) == 1 else None


def _middle(cells: Sequence[Cell]) -> float | None:
    """The line between two parties side by side: half way between two labels of a sort in one
    row; None where no two stand so."""
    for what in _WHAT:
        pair = [cell.label for cell in cells if cell.name.endswith(f"_{what}")]
        for one in pair:
            for two in pair:
                if two.x0 > one.x1 and abs(one.middle - two.middle) < one.height:
                    return two.x0 - one.height
    return None


def _beside_named(cells: Sequence[Cell], pair: Sequence[Cell], what: str) -> list[Cell]:
    """A single unnamed cell in the row of the other party's: the word down the side stood so
    close to one label that it reads as a part of it (收户名)."""
    for who, other in (("payer", "payee"), ("payee", "payer")):
        named = [cell for cell in cells if cell.name == f"{other}_{what}"]
        if len(pair) == 1 and len(named) == 1 and first(cells, f"{who}_{what}") is None:
            return [Cell(f"{who}_{what}", pair[0].label, pair[0].value)]
    return []


def _order(face: Face, *, across: bool) -> tuple[str, ...] | None:
    """Which party comes first. Unread words leave the usual order, the payer left, which holds
    only from left to right."""
    marks = _markers(face)
    if len(marks) == 2:
        payer, payee = marks["payer"], marks["payee"]
        ahead = payer.x0 < payee.x0 if across else payer.middle < payee.middle
        return ("payer", "payee") if ahead else ("payee", "payer")
    return ("payer", "payee") if across else None


def _markers(face: Face) -> dict[str, Run]:
    """付款人 and 收款人 (付方, 收方) that stand as words of their own, often down the side."""
    found: dict[str, Run] = {}
    for who, pattern in (
        ("payer", r"(?:付款|汇款|付)(?:人|方|单位)?(?:信息)?"),
        ("payee", r"收款?(?:人|方|单位)?(?:信息)?"),
    ):
        for run in (*face.sheet.upright, *_columns(face), *face.sheet.runs):
            if re.fullmatch(pattern, compact(run).text.rstrip(":")):
                found.setdefault(who, run)
    return found


def _columns(face: Face) -> list[Run]:
    """Single characters set one below the other, each column as one run."""
    singles = sorted(
        (run for run in face.sheet.runs if len(run.raw) == 1), key=lambda run: run.middle
    )
    columns: list[list[Run]] = []
    for run in singles:
        for column in columns:
            last = column[-1]
            near = abs(last.centre - run.centre) < 0.5 * run.height
            if near and 0.6 * run.height < run.middle - last.middle < 5 * run.height:
                column.append(run)
                break
        else:
            columns.append([run])
    joined = [Run(tuple(glyph for run in column for glyph in run.glyphs)) for column in columns]
    return [
        part
        for run in joined
        for match in re.finditer(r"付款[人方]|收款[人方]", run.text)
        if (part := cut(run, match, 0)) is not None
    ]
