"""The four-property test (四性检测) of a bag, after DA/T 70-2018: authenticity, completeness,
usability, safety. Works on a bag alone; a record's digest, where there is one, adds to it.

Each item is a function of a bag under test; it passes, fails, or does not apply, and says by
which evidence.
"""

from __future__ import annotations

from pathlib import Path

from archive.four_properties import authenticity, completeness, safety, usability
from archive.four_properties.model import Outcome, Property, Report, Result
from archive.four_properties.under_test import UnderTest

__all__ = ["Outcome", "Property", "Report", "Result", "examine"]

ITEMS = (*authenticity.ITEMS, *completeness.ITEMS, *usability.ITEMS, *safety.ITEMS)


def examine(folder: Path, expected_digest: str | None = None, *, recheck: bool = True) -> Report:
    """Test every item. Never raises for what is wrong with the bag: that is what fails. Without
    `recheck`, signatures are not checked again, as right after they were."""
    under = UnderTest(folder, expected_digest, recheck=recheck)
    return Report(
        bag=str(folder),
        voucher_no=under.content.voucher_no if under.content else None,
        version=under.content.version if under.content else None,
        digest=under.fixity.digest,
        files=under.fixity.files,
        size=under.fixity.size,
        results=tuple(item(under) for item in ITEMS),
    )
