"""One root of errors. Each class owns a stable `code`, says whether a retry can help, and
finds its message and its hint for the person who must act in the catalogues."""

from __future__ import annotations

from typing import ClassVar

from extractors.messages import say


class YanpiaoError(Exception):
    """Root. `params` fill the catalogue's sentence; `str(error)` is the English one."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False

    def __init__(self, **params: object) -> None:
        self.params = {name: str(value) for name, value in params.items()}
        super().__init__(self.message())

    def message(self, language: str = "en") -> str:
        return say(self.code, language, self.params)

    def hint(self, language: str = "en") -> str:
        return say(self.code, language, self.params, part="hint")


class DocumentError(YanpiaoError):
    """The document itself is the trouble: trying again changes nothing."""

    code = "document_unreadable"


class EmptyFile(DocumentError):
    code = "empty_file"


class FileTooLarge(DocumentError):
    code = "file_too_large"


class UnsupportedFile(DocumentError):
    code = "unsupported_file"


class DamagedFile(DocumentError):
    code = "damaged_file"


class EncryptedFile(DocumentError):
    code = "encrypted_file"


class TooManyPages(DocumentError):
    code = "too_many_pages"


class TooManyPixels(DocumentError):
    code = "too_many_pixels"


class TooMuchContent(DocumentError):
    """A PDF whose pages draw themselves, or far more than any invoice shows."""

    code = "too_much_content"


class ArchiveBomb(DocumentError):
    """An OFD or ZIP that unpacks to more, or into more entries, than is honestly needed."""

    code = "archive_bomb"


class UnsafeXml(DocumentError):
    """XML with a document type, entities or nesting that no invoice needs."""

    code = "unsafe_xml"


class NoInvoiceFound(DocumentError):
    code = "no_invoice_found"


class ReaderCrashed(YanpiaoError):
    """The reading process died or hung on this document."""

    code = "reader_crashed"
    retryable = True


class EngineMissing(YanpiaoError):
    """Recognition models or a native library are not installed."""

    code = "engine_missing"
    retryable = True
