"""Tables and pictures set on A4 pages, from top to bottom: enough for covers and reports."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from archive.drawing.fonts import fitted, font, width

_WIDE, _HIGH = A4
_MARGIN = 42.0
_BOTTOM = 48.0
_CELL_SIZE, _ROW, _LEADING = 8.5, 15.0, 10.5


class _Jpeg(ImageReader):
    """A JPEG that is embedded as it is: reportlab would decode it only to name it."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content))
        self._content = content
        self._dataA = None  # a JPEG has no transparency, which reportlab would note on decoding

    def getRGBData(self) -> bytes:  # noqa: N802 - reportlab's name
        return self._content


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its heading, its share of the width, and whether it holds amounts."""

    heading: str
    share: float
    right: bool = False


def _broken(text: str, size: float, most: float) -> list[str]:
    """The text in lines of at most `most` points, at least one; nothing of it is lost."""
    lines = [""]
    for letter in text:
        if lines[-1] and width(lines[-1] + letter, size) > most:
            lines.append("")
        lines[-1] += letter
    return lines


def _height(cells: Sequence[Sequence[str]]) -> float:
    """Of a row whose cells have these lines, in points."""
    return _ROW + (max(len(lines) for lines in cells) - 1) * _LEADING


class Sheet:
    """A document that grows downwards; a new page begins where one is full."""

    def __init__(self, footer: str) -> None:
        self._out = io.BytesIO()
        self._canvas = Canvas(self._out, pagesize=A4, invariant=1, pageCompression=1)
        self._footer = footer
        self._page = 1
        self._y = _HIGH - _MARGIN

    @property
    def inner(self) -> float:
        """Width between the margins, in points."""
        return float(_WIDE - 2 * _MARGIN)

    def title(self, text: str) -> None:
        self._canvas.setFont(font(), 18)
        self._canvas.drawCentredString(_WIDE / 2, self._y - 18, text)
        self._y -= 34

    def heading(self, text: str) -> None:
        self._room(40)
        self._canvas.setFont(font(), 11)
        self._canvas.drawString(_MARGIN, self._y - 14, text)
        self._y -= 21

    def text(self, text: str, size: float = _CELL_SIZE) -> None:
        """A paragraph, broken wherever the line is full, as Chinese is."""
        for line in _broken(text, size, self.inner):
            self._line(line, size)

    def _line(self, text: str, size: float) -> None:
        self._room(size * 1.5)
        self._canvas.setFont(font(), size)
        self._canvas.drawString(_MARGIN, self._y - size, text)
        self._y -= size * 1.5

    def pairs(self, pairs: Sequence[tuple[str, str]], columns: int = 3) -> None:
        """Labels with their values, several beside each other."""
        each = self.inner / columns
        for start in range(0, len(pairs), columns):
            self._room(_ROW)
            for index, (label, value) in enumerate(pairs[start : start + columns]):
                x = _MARGIN + index * each
                shown = fitted(f"{label}：{value}", 9, each - 6)
                self._canvas.setFont(font(), 9)
                self._canvas.drawString(x, self._y - 11, shown)
            self._y -= _ROW
        self._y -= 4

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
        """A ruled table, its headings repeated on each page that it runs over."""
        self._headings(columns)
        for row in rows:
            lines = self._lines(columns, row)
            if self._y - _height(lines) < _BOTTOM:
                self.new_page()
                self._headings(columns)
            self._row(columns, lines)
        self._y -= 6

    def _headings(self, columns: Sequence[Column]) -> None:
        lines = self._lines(columns, [column.heading for column in columns])
        self._row(columns, lines, grey=True)

    def _widths(self, columns: Sequence[Column]) -> list[float]:
        whole = sum(column.share for column in columns)
        return [self.inner * column.share / whole for column in columns]

    def _lines(self, columns: Sequence[Column], cells: Sequence[str]) -> list[list[str]]:
        """Each cell's lines: whatever an archive shows is shown whole."""
        wides = self._widths(columns)
        return [
            _broken(cell, _CELL_SIZE, wide - 6) for cell, wide in zip(cells, wides, strict=True)
        ]

    def _row(
        self, columns: Sequence[Column], cells: Sequence[Sequence[str]], *, grey: bool = False
    ) -> None:
        """One row; each cell in its lines."""
        high = _height(cells)
        self._room(high)
        canvas, x = self._canvas, _MARGIN
        canvas.setLineWidth(0.4)
        canvas.setFont(font(), _CELL_SIZE)
        for column, lines, wide in zip(columns, cells, self._widths(columns), strict=True):
            canvas.setFillGray(0.92 if grey else 0)
            canvas.rect(x, self._y - high, wide, high, fill=int(grey))
            canvas.setFillGray(0)
            for number, line in enumerate(lines):
                y = self._y - 11 - number * _LEADING
                if column.right and not grey:
                    canvas.drawRightString(x + wide - 3, y, line)
                else:
                    canvas.drawString(x + 3, y, line)
            x += wide
        self._y -= high

    def pictures(self, pictures: Sequence[tuple[str, bytes | None, str]], columns: int = 3) -> None:
        """Captioned JPEGs in rows; `(caption, picture, words in its place)`."""
        each = self.inner / columns
        high = each * 0.72
        for start in range(0, len(pictures), columns):
            self._room(high + 16)
            for index, (caption, picture, instead) in enumerate(pictures[start : start + columns]):
                x = _MARGIN + index * each
                self._picture(x, each - 8, high, picture, instead)
                self._canvas.setFont(font(), 7.5)
                self._canvas.drawString(x, self._y - high - 9, fitted(caption, 7.5, each - 8))
            self._y -= high + 16

    def _picture(
        self, x: float, wide: float, high: float, picture: bytes | None, instead: str
    ) -> None:
        canvas = self._canvas
        canvas.setLineWidth(0.4)
        canvas.rect(x, self._y - high, wide, high)
        if picture is None:
            canvas.setFont(font(), 8)
            canvas.drawCentredString(x + wide / 2, self._y - high / 2, instead)
            return
        image = _Jpeg(picture)
        picture_wide, picture_high = image.getSize()
        scale = min((wide - 4) / picture_wide, (high - 4) / picture_high)
        shown_wide, shown_high = picture_wide * scale, picture_high * scale
        canvas.drawImage(
            image,
            x + (wide - shown_wide) / 2,
            self._y - high + (high - shown_high) / 2,
            shown_wide,
            shown_high,
        )

    def _room(self, needed: float) -> None:
        if self._y - needed < _BOTTOM:
            self.new_page()

    def new_page(self) -> None:
        self._foot()
        self._canvas.showPage()
        self._page += 1
        self._y = _HIGH - _MARGIN

    def _foot(self) -> None:
        self._canvas.setFont(font(), 7.5)
        self._canvas.setFillGray(0.35)
        self._canvas.drawString(_MARGIN, 28, fitted(self._footer, 7.5, self.inner - 60))
        self._canvas.drawRightString(_WIDE - _MARGIN, 28, f"{self._page}")
        self._canvas.setFillGray(0)

    def done(self) -> bytes:
        """The PDF, not yet PDF/A."""
        self._foot()
        self._canvas.save()
        return self._out.getvalue()
