"""What people did at the captcha desk, in the audit trail: who answered, skipped or renewed which
captcha of which document, and whether the portal took it. Never a picture or what was typed.
"""

from __future__ import annotations

from archive import audit
from archive.database import Database


class CaptchaTrail:
    """Writes the desk's rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def answered(self, person: str, challenge_id: str, document_id: str) -> None:
        self._deed("captcha_answered", person, challenge_id, document_id)

    def skipped(self, person: str, challenge_id: str, document_id: str) -> None:
        self._deed("captcha_skipped", person, challenge_id, document_id)

    def renewed(self, person: str, challenge_id: str, document_id: str) -> None:
        self._deed("captcha_renewed", person, challenge_id, document_id)

    def judged(self, person: str, challenge_id: str, document_id: str, *, accepted: bool) -> None:
        """The portal took or refused what this person typed ("" where nobody knows who it was)."""
        action = "captcha_accepted" if accepted else "captcha_refused"
        detail = {"challenge": challenge_id, "operator": person}
        with self._database.write() as session:
            audit.record(session, action, document_id=document_id, detail=detail)

    def _deed(self, action: str, person: str, challenge_id: str, document_id: str) -> None:
        with self._database.write() as session:
            audit.record(
                session,
                action,
                actor=person or "system",
                document_id=document_id,
                detail={"challenge": challenge_id},
            )
