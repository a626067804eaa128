"""The objects of a PDF in the normal form that PDFium writes, read without drawing anything.

PDFium saves a file with a true table of places, names and strings escaped one way, no packed
objects and no password. So a small reader is enough, and it cannot see another document than
PDFium does: a hostile file that two parsers understand differently gains nothing.
"""

from __future__ import annotations

import base64
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias, Union

import pypdfium2 as pdfium
import pypdfium2.raw as c

_TOKEN = re.compile(
    rb"\s*(?:(?P<open><<|\[)|(?P<close>>>|\])|/(?P<name>[^\s/<>\[\](){}%]*)|(?P<ref>\d+)\s+\d+\s+R\b"
    rb"|(?P<string>\((?:[^()\\]|\\.)*\)|<[^<>]*>)|(?P<atom>[^\s/<>\[\]()]+))",
    re.DOTALL,
)
_ESCAPED = re.compile(rb"#([0-9A-Fa-f]{2})")
_PLACE = re.compile(rb"(\d{10}) \d{5} ([nf])")
_STREAM = re.compile(rb"\s*stream\r?\n")
_SECTION = re.compile(rb"\s*(\d+) (\d+)\s*?\r?\n")
#: Dictionaries nest no deeper than PDFium parses them.
_DEPTH = 100
#: A dictionary larger than this, in bytes, is none that a page needs.
_MOST_HEAD = 2 * 1024 * 1024
#: Bytes given to the unpacker at once where a stream is broken, so that little is lost.
_SIP = 32


@dataclass(frozen=True, slots=True)
class Ref:
    """The number of another object."""

    number: int


@dataclass(frozen=True, slots=True)
class Stream:
    """A dictionary with content, still packed."""

    head: dict[bytes, Value]
    packed: bytes


#: Names, numbers and strings all come as their bytes: nobody here needs to tell them apart.
Value: TypeAlias = Union[bytes, Ref, "dict[bytes, Value]", "list[Value]", Stream, None]


class Objects:
    """The objects of `document` by number, read when asked for.

    Raises `ValueError` when it cannot be saved or what was saved makes no sense.
    """

    def __init__(self, document: pdfium.PdfDocument) -> None:
        saved = io.BytesIO()
        try:
            document.save(saved, flags=c.FPDF_REMOVE_SECURITY)
        except pdfium.PdfiumError as error:
            raise ValueError("cannot be saved") from error
        self._data = saved.getvalue()
        start = self._data.rfind(b"startxref")
        try:
            self._table = self._data.index(b"xref", int(self._data[start + 9 :].split()[0])) + 4
        except IndexError as error:
            raise ValueError("no table") from error
        self._places = dict(self._listed())
        self._known: dict[int, Value] = {}

    def holds(self, text: bytes) -> bool:
        """Whether `text` stands anywhere in the file; names need no escapes to be found."""
        return text in self._data

    def _listed(self) -> Iterator[tuple[int, int]]:
        place = self._table
        while section := _SECTION.match(self._data, place):
            place = section.end()
            first, count = int(section[1]), int(section[2])
            for number in range(first, first + count):
                entry = _PLACE.match(self._data, place)
                if entry is None:
                    return
                if entry[2] == b"n":
                    yield number, int(entry[1])
                place = _after_blanks(self._data, entry.end())
        self._table = place

    @property
    def root(self) -> Value:
        start = self._data.find(b"trailer", self._table)
        trailer = _Parser(self._data, start + 7).value() if start >= 0 else None
        return self.get(trailer.get(b"Root")) if isinstance(trailer, dict) else None

    def get(self, value: Value) -> Value:
        """What `value` stands for: itself, or the object that it names."""
        if not isinstance(value, Ref):
            return value
        if value.number not in self._known:
            self._known[value.number] = self._read(value.number)
        return self._known[value.number]

    def dictionary(self, value: Value) -> dict[bytes, Value]:
        """The dictionary that `value` stands for, a stream's among them; else an empty one."""
        found = self.get(value)
        if isinstance(found, Stream):
            return found.head
        return found if isinstance(found, dict) else {}

    def _read(self, number: int) -> Value:
        place = self._places.get(number)
        if place is None:
            return None
        start = self._data.find(b"obj", place, place + 40)
        parser = _Parser(self._data, start + 3)
        value = parser.value()
        stream = _STREAM.match(self._data, parser.place) if isinstance(value, dict) else None
        if stream is None or not isinstance(value, dict):
            return value
        length = self.get(value.get(b"Length"))
        size = int(length) if isinstance(length, bytes) and length.isdigit() else 0
        return Stream(value, self._data[stream.end() : stream.end() + size])

    def unpacked(self, stream: Stream, most: int) -> bytes | None:
        """At most `most` bytes of a stream's content; None where its packing is not known here."""
        filters = self.get(stream.head.get(b"Filter"))
        names = filters if isinstance(filters, list) else [filters] if filters else []
        if b"Predictor" in self.dictionary(stream.head.get(b"DecodeParms")):
            return None
        content = stream.packed
        for name in names:
            unpack = _UNPACKERS.get(found) if isinstance(found := self.get(name), bytes) else None
            if unpack is None:
                return None
            content = unpack(content, most)
        return content[:most]


class _Parser:
    """One value from a place on."""

    def __init__(self, data: bytes, place: int) -> None:
        self._data = data
        self.place = place
        self._last = place + _MOST_HEAD

    def value(self) -> Value:
        return self._valued(*self._next(), 0)

    def _next(self) -> tuple[str, bytes]:
        token = _TOKEN.match(self._data, self.place)
        if token is None or token.lastgroup is None or self.place > self._last:
            raise ValueError("no object")
        self.place = token.end()
        return token.lastgroup, token[token.lastgroup]

    def _valued(self, kind: str, text: bytes, depth: int) -> Value:
        if depth > _DEPTH or kind == "close":
            raise ValueError("no object")
        if kind == "name":
            return plain_name(text)
        if kind == "ref":
            return Ref(int(text))
        if kind != "open":
            return text
        values = list(self._values(depth))
        if text == b"[":
            return values
        return {
            key: value
            for key, value in zip(values[::2], values[1::2], strict=False)
            if isinstance(key, bytes)
        }

    def _values(self, depth: int) -> Iterator[Value]:
        while True:
            kind, text = self._next()
            if kind == "close":
                return
            yield self._valued(kind, text, depth + 1)


def plain_name(name: bytes) -> bytes:
    """A name without escapes."""
    return _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), name) if b"#" in name else name


def _after_blanks(data: bytes, place: int) -> int:
    while data[place : place + 1] in (b" ", b"\r", b"\n"):
        place += 1
    return place


def _inflated(packed: bytes, most: int) -> bytes:
    """What can be unpacked: of a broken stream, what stands before the break, as PDFium does."""
    try:
        return zlib.decompressobj().decompress(packed, most)
    except zlib.error:
        unpacker, found, size = zlib.decompressobj(), [], 0
        try:
            for start in range(0, len(packed), _SIP):
                found.append(unpacker.decompress(packed[start : start + _SIP]))
                size += len(found[-1])
                if size > most:
                    break
        except zlib.error:
            pass
        return b"".join(found)


def _from_hex(packed: bytes, most: int) -> bytes:
    digits = re.sub(rb"[^0-9A-Fa-f]", b"", packed.split(b">")[0])
    return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))[:most]


def _from_base85(packed: bytes, most: int) -> bytes:
    body = packed.split(b"~")[0]
    try:
        return base64.a85decode(body)[:most]
    except ValueError:
        return body  # broken, so as long as it stands; what it draws is anybody's guess


_UNPACKERS = {
    **dict.fromkeys((b"FlateDecode", b"Fl"), _inflated),
    **dict.fromkeys((b"ASCIIHexDecode", b"AHx"), _from_hex),
    **dict.fromkeys((b"ASCII85Decode", b"A85"), _from_base85),
}
