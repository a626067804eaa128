"""Signatures of original files: right, wrong, or not decidable here, and whose they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from extractors.model import Finding
from extractors.sniff import MediaType
from verifiers.signatures.einvoice_xml import xml_outcomes
from verifiers.signatures.outcome import Outcome, Reason

__all__ = ["check_signatures", "unreadable"]

#: Signed files are small; what is larger is told instead of checked.
_MOST_BYTES = 40 * 1024 * 1024
_MOST_LETTERS = 200


def check_signatures(
    content: bytes, media_type: str, roots: Sequence[bytes] = ()
) -> tuple[Finding, ...]:
    """What the signatures of an original file prove, as findings; nothing for an unsigned one, or
    for a form that bears no signatures. `roots` are trusted certificates (DER, see
    `roots.load_roots`); without them nobody's chain is followed. Reads no clock and no network.

    Never raises: a file made to break readers gives `signature_unreadable`. It may still take long
    or much memory; callers who open files of strangers do so in a process that is bound.
    """
    checker = _CHECKERS.get(media_type)
    if checker is None:
        return ()
    if len(content) > _MOST_BYTES:
        return (Outcome(Reason.NOT_CHECKED, {"part": f"{len(content)} bytes"}).finding(),)
    found: list[Finding] = []
    try:
        found.extend(outcome.finding() for outcome in checker(content, roots))
    except Exception as error:  # noqa: BLE001 - parsers of hostile files raise whatever they like
        found.append(unreadable(media_type, f"{type(error).__name__}: {error}"))
    return tuple(found)


def unreadable(part: str, detail: str) -> Finding:
    """What is told where a check could not be finished."""
    params = {"part": part, "detail": detail[:_MOST_LETTERS]}
    return Outcome(Reason.UNREADABLE, params).finding()


def _of_pdf(content: bytes, roots: Sequence[bytes]) -> Iterator[Outcome]:
    from verifiers.signatures.pdf import pdf_outcomes  # loads half a second of libraries

    return pdf_outcomes(content, roots)


def _of_ofd(content: bytes, roots: Sequence[bytes]) -> Iterator[Outcome]:
    from verifiers.signatures.ofd import ofd_outcomes

    return ofd_outcomes(content, roots)


def _of_xml(content: bytes, roots: Sequence[bytes]) -> Iterator[Outcome]:
    del roots  # the signature brings no certificate
    return xml_outcomes(content)


_CHECKERS: dict[str, Callable[[bytes, Sequence[bytes]], Iterator[Outcome]]] = {
    MediaType.PDF: _of_pdf,
    MediaType.OFD: _of_ofd,
    MediaType.XML: _of_xml,
}
