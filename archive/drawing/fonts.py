"""The Chinese font that PDF/A files are set in, and embed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from extractors.errors import YanpiaoError

NAME = "archive-hei"
#: TrueType outlines only; their licences allow embedding. `yanpiao doctor --fix` installs them.
_FILES = ("wqy-zenhei.ttc", "wqy-microhei.ttc", "uming.ttc", "ukai.ttc")
_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts")


class ArchiveFontMissing(YanpiaoError):
    """No Chinese font to draw the cover sheet with; PDF/A demands that it be embedded."""

    code = "archive_font_missing"
    retryable = True


@cache
def font_path() -> Path:
    """The first of the known fonts that is installed. Raises `ArchiveFontMissing`."""
    roots = [Path(folder).expanduser() for folder in _FOLDERS]
    for name in _FILES:
        for root in roots:
            found = next(iter(sorted(root.rglob(name))), None) if root.is_dir() else None
            if found is not None:
                return found
    raise ArchiveFontMissing(files=", ".join(_FILES))


@cache
def font() -> str:
    """The name under which reportlab knows the font; loaded once a process, half a second.
    Raises `ArchiveFontMissing`."""
    made = TTFont(NAME, str(font_path()), subfontIndex=0)
    # Each subset would else copy the font's largest tables, megabytes of outlines, anew.
    setattr(made.face, "get_table", cache(made.face.get_table))  # noqa: B010 - typed as fixed
    pdfmetrics.registerFont(made)
    return NAME


def width(text: str, size: float) -> float:
    """Set width of a text in points."""
    return float(pdfmetrics.stringWidth(text, font(), size))


def fitted(text: str, size: float, most: float) -> str:
    """The text, cut with an ellipsis where it is wider than `most` points."""
    if width(text, size) <= most:
        return text
    while text and width(text + "…", size) > most:
        text = text[:-1]
    return text + "…"
