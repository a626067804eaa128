"""Buyer and seller: name and tax id in their two boxes.

数电票 set the boxes side by side above the table; older faces put the buyer above it and the
seller below the totals. Tax ids are told by their shape and check character, names by the
label 名称 or, where labels are unreadable, by standing above the id in the same box.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from extractors.layout import values
from extractors.layout.id_mending import id_in, id_within, is_persons
from extractors.layout.page import Run, join, overlap
from extractors.layout.reading import MENDED, UNLABELLED, Face, beside, compact, cut, is_side_print
from extractors.layout.tax_ids import ID_SHAPE, LIKE_ID_LABEL, SHORT_ID, keep_tax_id

_NAME_LABEL = re.compile(r"(?:^|[^\u4e00-\u9fff])?(?:名称|称):|^名?称:?$|^(?:名称|称)(?!型)")
_ID_LABEL = re.compile(r"(?:纳税人?识别号|识别号|社会信用代码)[^:]{0,12}:|^.{0,6}识别号")
#: The same labels with a character or two misread or lost, as poor pages show them.
_LIKE_NAME_LABEL = re.compile(
    r"^[^\u4e00-\u9fff]{0,2}名.{0,2}:|^名.?$|^.{0,2}称:|^.?:(?=[\u4e00-\u9fff(]{4})"
)
_OTHER_LABEL = re.compile(r"地址|电话|开户|账号|帐号|银行|[<>+*/]{2}")
_ENDINGS = (
    r"(?:公司|学校|大学|学院|中心|小学|中学|幼儿园|医院|研究院|研究所|商行|经营部|工作室|超市|酒店|饭店"
    r"|合作社|事务所|委员会|出版社|分行|支行|厂|店|局|站|馆|社|会)"
)
_ORGANISATION = re.compile(
    r"(?:^|[^\u4e00-\u9fff()A-Za-z0-9])([\u4e00-\u9fff()A-Za-z0-9]{3,}" + _ENDINGS + ")$"
)
_ENDS_LIKE_ONE = re.compile(
    r"^(?:.{0,4}:)?([\u4e00-\u9fff()A-Za-z0-9]{4,}"
    rf"(?:{_ENDINGS}|[院校所部行园室处厅场队楼坊铺苑村]))$"
)
#: How names of organisations and of named persons end; one that ends otherwise may be cut.
_WHOLE = re.compile(
    rf"{_ENDINGS}$|.{{3}}(?:集团|银行|政府|市场|[院校所部行园室处厅场队楼坊铺苑村])$"
    r"|\((?:个人|普通合伙|有限合伙|特殊普通合伙|个人独资)\)$"
)
#: Marks of invoices that the buyer issues.
_BOUGHT = re.compile(r"\(?.{0,4}收购\)?")


@dataclass(frozen=True)
class Zone:
    """The rectangle of a party's box."""

    left: float
    right: float
    top: float
    bottom: float


def read_party(face: Face, zone: Zone, role: str) -> None:
    """Keep `<role>_name` and `<role>_tax_id` from the box."""
    runs = [
        run
        for run in face.sheet.within(
            face.sheet.runs, left=zone.left, right=zone.right, top=zone.top, bottom=zone.bottom
        )
        if not is_side_print(run)
    ]
    tax_id = _tax_id(runs, zone)
    if tax_id is None and face.recognised:
        tax_id = next((found for run in runs if (found := id_in(run)) is not None), None)
    name = _name(runs, zone, tax_id, _NAME_LABEL)
    by_place = name is None
    if name is None and tax_id is not None:
        name = _name_above(runs, tax_id)
    if name is None and face.recognised:
        name = _name(runs, zone, tax_id, _LIKE_NAME_LABEL) or _organisation(runs)
    if tax_id is not None:
        keep_tax_id(face, f"{role}_tax_id", tax_id)
    elif face.recognised and (longer := next(filter(None, map(id_within, runs)), None)) is not None:
        face.keep(f"{role}_tax_id", longer.text.upper(), longer, most=UNLABELLED)
    if name is not None:
        keep_name(face, f"{role}_name", name, most=UNLABELLED if by_place else 1.0)


def keep_name(face: Face, name: str, run: Run, *, most: float) -> None:
    """Record a name. A recognised one with half a pair of brackets, or that does not end as names
    of organisations do, may be cut and is doubtful."""
    value = values.clean_name(run.raw)
    if value is None or not face.recognised:
        face.keep(name, value, run, most=most)
        return
    value = _house_brackets(value)
    plain = value.replace("（", "(").replace("）", ")")
    if not _balanced(plain) or _has_hole(run):
        most = min(most, UNLABELLED)
    face.keep(name, value, run, most=most if _WHOLE.search(plain) else min(most, MENDED))


def _has_hole(run: Run) -> bool:
    """Is there room for a character that was not recognised, between pieces that were joined?"""
    height = min(glyph.y1 - glyph.y0 for glyph in run.glyphs)
    return any(glyph.char == " " and glyph.x1 - glyph.x0 > 0.9 * height for glyph in run.glyphs)


def _balanced(name: str) -> bool:
    """Is every bracket closed, and does each close one that was opened?"""
    depth = 0
    for char in name:
        depth += (char == "(") - (char == ")")
        if depth < 0:
            return False
    return depth == 0


def sides_swapped(face: Face, left: Zone, right: Zone) -> bool:
    """Does the print down the sides say that the seller's box stands left of the buyer's, as where
    the buyer issues the invoice (收购)?"""
    # The right box's side print stands left of its labels, where the box was split.
    middle = left.right / 2
    first = _side_print(face, replace(left, right=middle))
    second = _side_print(face, replace(right, left=middle))
    if first == ("seller",) and second == ("buyer",):
        return True
    # Where the side print is lost the mark in the head and a farmer's identity number say it.
    lost = face.recognised and "buyer" not in first and "seller" not in second
    head = face.sheet.within(face.sheet.phrases, bottom=left.top)
    bought = any(_BOUGHT.fullmatch(compact(run).text) for run in head)
    return lost and bought and _is_persons_box(face, left) and not _is_persons_box(face, right)


def _is_persons_box(face: Face, zone: Zone) -> bool:
    runs = face.sheet.within(
        face.sheet.runs, left=zone.left, right=zone.right, top=zone.top, bottom=zone.bottom
    )
    return any(
        is_persons(compact(part).text.upper()) for run in runs if (part := id_in(run)) is not None
    )


def _side_print(face: Face, zone: Zone) -> tuple[str, ...]:
    """The parties that single characters or upright print in a box name."""
    bounds = {"left": zone.left, "right": zone.right, "top": zone.top, "bottom": zone.bottom}
    upright = face.sheet.within(face.sheet.upright, **bounds)
    single = [run for run in face.sheet.within(face.sheet.runs, **bounds) if len(run.raw) == 1]
    text = "".join(run.text for run in (*upright, *single))
    marks = (("buyer", "购买"), ("seller", "销售"))
    return tuple(role for role, chars in marks if any(char in text for char in chars))


def name_labels(face: Face, top: float, bottom: float) -> list[Run]:
    """The labels 名称 between two heights, as runs (a label may share its run with the value)."""
    runs = [
        run
        for run in face.sheet.within(face.sheet.runs, top=top, bottom=bottom)
        if not re.search("项目|规格|^.{0,4}服务", compact(run).text)
    ]
    found = [run for run in runs if _labels_name(run, _NAME_LABEL)]
    if len(found) < 2 and face.recognised:
        found = [run for run in runs if run in found or _labels_name(run, _LIKE_NAME_LABEL)]
    return found


def _labels_name(run: Run, label: re.Pattern[str]) -> bool:
    match = label.search(compact(run).text)
    return match is not None and match.end() <= _LONGEST_LABEL and not _is_label(run)


#: Characters of 名称 and what may stand before it in its run.
_LONGEST_LABEL = 8


def _tax_id(runs: list[Run], zone: Zone) -> Run | None:
    for run in runs:
        bare = compact(run)
        match = _ID_LABEL.search(bare.text)
        if match is None:
            continue
        rest = bare.part(match.end(), len(bare.raw))
        value = rest if rest is not None else beside(run, runs, right=zone.right)
        if value is None:
            return None
        # An id may be cut anywhere; its check character proves the pieces to be one.
        shaped = [
            part
            for piece in map(compact, (value, _to_its_end(value, runs, zone)))
            if (match := ID_SHAPE.search(piece.text) or SHORT_ID.fullmatch(piece.text))
            and (part := cut(piece, match)) is not None
        ]
        proven = (part for part in shaped if values.check_character_holds(part.text.upper()))
        if shaped:
            return next(proven, shaped[0])
    certain = [
        part
        for run in runs
        for match in ID_SHAPE.finditer(run.text)
        if values.check_character_holds(match[1].upper()) and (part := cut(run, match)) is not None
    ]
    return certain[0] if len(certain) == 1 else None


def _name(runs: list[Run], zone: Zone, tax_id: Run | None, label: re.Pattern[str]) -> Run | None:
    for run in runs:
        bare = compact(run)
        match = label.search(bare.text)
        if match is None or match.end() > _LONGEST_LABEL or "规格" in bare.text:
            continue
        value = _after_label(run, match.end())
        if value is None:
            value = beside(run, runs, right=zone.right)
        if value is not None and not _is_label(value):
            return _with_next_row(_to_its_end(value, runs, zone), runs, tax_id)
    return None


def _to_its_end(value: Run, runs: list[Run], zone: Zone) -> Run:
    """The value with what stands close to its right: recognition cuts long names anywhere, most
    often before a bracket."""
    pieces = [value]
    for run in sorted(runs, key=lambda run: run.x0):
        last = pieces[-1]
        gap = run.x0 - last.x1
        if (
            run.x0 > last.x0
            and run.centre < zone.right
            and -0.9 * last.height < gap < 1.6 * last.height
            and run.centre > last.x1
            and overlap(last, run) >= 0.5
            and not _is_label(run)
        ):
            pieces.append(run)
    return join(pieces) if len(pieces) > 1 else value


def _after_label(run: Run, characters: int) -> Run | None:
    """What follows the first `characters` of the run, spaces not counted, spaces kept."""
    seen = 0
    for index, glyph in enumerate(run.glyphs):
        if seen == characters:
            return run.part(index, len(run.raw))
        seen += not glyph.char.isspace()
    return None


def _is_label(run: Run) -> bool:
    text = compact(run).text
    return bool(_ID_LABEL.search(text) or LIKE_ID_LABEL.search(text) or _OTHER_LABEL.search(text))


def _labels(label: Run, run: Run) -> bool:
    """Is it the label to the left of a run in its row?"""
    return label.centre < run.x0 and overlap(label, run) >= 0.5 and _is_label(label)


def _with_next_row(value: Run, runs: list[Run], tax_id: Run | None) -> Run:
    """Long names wrap: a row right below the name, starting where it starts, belongs to it."""
    floor = tax_id.middle if tax_id is not None else value.middle + 2.2 * value.height
    for run in runs:
        below = run.middle - value.middle
        if (
            0.7 * value.height < below < 1.6 * value.height
            and run.middle < floor - 0.7 * run.height
            and abs(run.x0 - value.x0) < value.height
            and not _is_label(run)
            and ":" not in run.text
            and not any(_labels(other, run) for other in runs)
        ):
            return Run((*value.glyphs, *run.glyphs))
    return value


def _name_above(runs: list[Run], tax_id: Run) -> Run | None:
    """Without a readable label: the organisation's name in the row above the id. Only a name
    that ends like one is taken, for an unreadable label may look like Chinese too."""
    above = [
        run
        for run in runs
        if tax_id.y0 - 6 * tax_id.height < run.middle < tax_id.middle - 0.8 * tax_id.height
    ]
    if not above:
        return None
    lowest = max(run.middle for run in above)
    found = []
    for run in above:
        bare = compact(run)
        match = _ORGANISATION.search(bare.text)
        if match and lowest - run.middle < 0.6 * run.height:
            found.append(cut(bare, match))
    return found[0] if len(found) == 1 else None


def _organisation(runs: list[Run]) -> Run | None:
    """The highest run of the box that ends as names of organisations do, without what stands before
    its colon."""
    for run in runs:
        match = _ENDS_LIKE_ONE.search(compact(run).text)
        if match is not None and not _is_label(run):
            return cut(compact(run), match)
    return None


def _house_brackets(name: str) -> str:
    """Recognition does not tell half from full width; Chinese names carry full width ones."""
    if re.search(r"[\u4e00-\u9fff]", name):
        return name.replace("(", "（").replace(")", "）")
    return name
