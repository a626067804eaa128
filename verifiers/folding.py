"""Names and identifiers without what printing changes, so that equal ones compare equal."""

from __future__ import annotations

import re
import unicodedata

#: Bracket pairs that printers and readers mix up; NFKC already folds the wide round ones.
_BRACKETS = str.maketrans("〔〕【】[]{}〈〉", "()()()()()")


def fold_name(text: object) -> str:
    """A name without what printing changes: width, bracket shape, spaces, case."""
    plain = unicodedata.normalize("NFKC", str(text)).translate(_BRACKETS)
    return re.sub(r"\s", "", plain).casefold()


def fold_id(text: object) -> str:
    """An identifier without spaces, in capitals."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", str(text))).upper()
