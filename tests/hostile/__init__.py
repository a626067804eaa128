"""Files made to do harm, by class, each from a few lines: none is kept as bytes.

`corpus.py` names them all, `expected.toml` says how each must end, `tests/test_hostile.py` reads
them; `made.py` holds the few that other tests use as well.
"""

from tests.hostile.made import (
    altered_after_signing,
    bomb_ofd,
    encrypted_pdf,
    entity_xml,
    huge_png,
    many_pages_pdf,
    with_hidden_text,
)

__all__ = [
    "altered_after_signing",
    "bomb_ofd",
    "encrypted_pdf",
    "entity_xml",
    "huge_png",
    "many_pages_pdf",
    "with_hidden_text",
]
