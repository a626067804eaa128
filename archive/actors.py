"""Who acts, and what they may do: roles are granted for one campus or for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person may be to the finance office. One person may be several."""

    SUBMITTER = "submitter"
    REVIEWER = "reviewer"
    ARCHIVIST = "archivist"
    AUDITOR = "auditor"
    ADMIN = "admin"


#: The campus of a grant that holds everywhere.
EVERYWHERE = ""


@dataclass(frozen=True, slots=True)
class Actor:
    """A signed-in person, or a token that acts for one.

    `id` is what the audit trail and other records keep; `name` is only for screens.
    """

    id: str
    login: str
    name: str
    grants: frozenset[tuple[Role, str]]

    def may(self, role: Role, campus: str | None = None) -> bool:
        """Whether the role is held: for that campus, or anywhere at all when none is named."""
        return any(
            held is role and (campus is None or at in (EVERYWHERE, campus))
            for held, at in self.grants
        )

    def campuses(self, role: Role) -> frozenset[str] | None:
        """Where the role is held; None for everywhere, empty for nowhere."""
        held = {at for granted, at in self.grants if granted is role}
        return None if EVERYWHERE in held else frozenset(held)


#: What the system does by itself: the clock, workers, the command line of the machine's keeper.
SYSTEM = Actor("system", "system", "system", frozenset())
