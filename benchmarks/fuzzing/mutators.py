"""Damage to files, in ways that their formats invite; each mutator takes chance and content."""

from __future__ import annotations

import base64
import binascii
import io
import random
import re
import zipfile
import zlib
from collections.abc import Callable

Mutator = Callable[[random.Random, bytes], bytes]

#: What stands where a number, a date or a name should.
TOKENS = tuple(
    text.encode()
    for text in (
        "NaN", "-NaN", "Infinity", "-Infinity", "1e999999999", "-1E+400", "1e-999999999", "-0",
        "-1", "9" * 400, "0" * 5000, "99999999999999999999.99", "0.00000000000000000001",
        "0x7fffffff", "2147483648", "4294967295", "18446744073709551616", "-2147483649",
        "1,2,3.4.5", "1_000", "１２３．４５", "٣٤٥", "१२", "①②③", "壹佰", "", " ", "\t\n", "null",
        "None", "%s%n", "{0}", "2026-02-30", "0000-00-00", "9999-12-31", "10000-01-01",
        "20261345", "2026年00月00日", "&amp;", "&#0;", "&#xFFFF;", "<", "]]>", "\u200b\u202e",
        "\ufeff", "𠀀" * 50, "é" * 3000, "../../../../etc/passwd", "/", "\\", "*" * 500,
        "(" * 500, "01,10,,,,,,", ",", "A" * 20000,
    )
)  # fmt: skip


# Damage to bytes, whatever they mean.


def untouched(_: random.Random, data: bytes) -> bytes:
    return data


def flips(draw: random.Random, data: bytes) -> bytes:
    """Single bits, few or many."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 4, 20, 200)) if changed else 0):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def cut_short(draw: random.Random, data: bytes) -> bytes:
    return data[: draw.randrange(len(data) + 1)]


def chunk_gone(draw: random.Random, data: bytes) -> bytes:
    start, length = _chunk(draw, data)
    return data[:start] + data[start + length :]


def chunk_again(draw: random.Random, data: bytes) -> bytes:
    """A piece repeated, once or very often."""
    start, length = _chunk(draw, data)
    length = min(length, 2000)
    piece = data[start : start + length]
    return data[:start] + piece * draw.choice((2, 2, 10, 1000)) + data[start + length :]


def chunks_swapped(draw: random.Random, data: bytes) -> bytes:
    one, first = _chunk(draw, data)
    start = one + first
    two, second = _chunk(draw, data[start:])
    two += start
    return (
        data[:one]
        + data[two : two + second]
        + data[start:two]
        + data[one:start]
        + data[two + second :]
    )


def chunk_noise(draw: random.Random, data: bytes) -> bytes:
    start, length = _chunk(draw, data)
    length = min(length, 4000)
    return data[:start] + draw.randbytes(length) + data[start + length :]


def token_in(draw: random.Random, data: bytes) -> bytes:
    place = draw.randrange(len(data) + 1)
    return data[:place] + draw.choice(TOKENS) + data[place:]


def numbers(draw: random.Random, data: bytes) -> bytes:
    """Runs of digits become something else: sizes, counts, references, amounts."""
    found = list(re.finditer(rb"\d+", data))
    for match in sorted(
        draw.sample(found, min(len(found), draw.choice((1, 3, 10)))),
        reverse=True,
        key=re.Match.start,
    ):
        data = data[: match.start()] + draw.choice(TOKENS) + data[match.end() :]
    return data


def _chunk(draw: random.Random, data: bytes) -> tuple[int, int]:
    """Where a piece starts and how long it is."""
    start = draw.randrange(len(data) + 1)
    return start, min(draw.choice((1, 4, 30, 500, 20_000)), len(data) - start)


BYTES: tuple[Mutator, ...] = (
    flips, cut_short, chunk_gone, chunk_again, chunks_swapped, chunk_noise, token_in, numbers,
)  # fmt: skip


# XML.


def texts(draw: random.Random, data: bytes) -> bytes:
    """What elements and attributes say."""
    found = list(re.finditer(rb">([^<>]+)<|=\"([^\"]*)\"", data))
    chosen = draw.sample(found, min(len(found), draw.choice((1, 2, 6, 30))))
    for match in sorted(chosen, reverse=True, key=re.Match.start):
        start, end = match.span(1 if match.group(1) is not None else 2)
        data = data[:start] + draw.choice(TOKENS) + data[end:]
    return data


def elements(draw: random.Random, data: bytes) -> bytes:
    """An element gone, repeated, nested in itself, or renamed."""
    found = list(re.finditer(rb"<([\w:.-]+)[^<>]*>[^<>]*</\1>", data))
    if not found:
        return flips(draw, data)
    match = draw.choice(found)
    whole, name = match.group(0), match.group(1)
    depth, times = draw.choice((2, 50, 120, 3000)), draw.choice((2, 100, 5000))
    changed = draw.choice(
        (
            b"",
            whole * times,
            b"<" + name + b">" + whole * 2 + b"</" + name + b">",
            (b"<" + name + b">") * depth + whole + (b"</" + name + b">") * depth,
            whole.replace(name, draw.choice((b"x", b"a:b", b"EInvoice", b"InvoiceNumber"))),
            b"<![CDATA[" + whole + b"]]>",
            b"<?x " + whole + b"?>",
        )
    )
    return data[: match.start()] + changed + data[match.end() :]


def encodings(draw: random.Random, data: bytes) -> bytes:
    """Written otherwise than declared, or declared otherwise than written."""
    text = data.decode("utf-8", "replace")
    declared = draw.choice(("utf-8", "UTF-16", "gbk", "gb18030", "utf-32", "latin-1", "UTF-7", "x"))
    text = re.sub(r'encoding=["\'][^"\']*["\']', f'encoding="{declared}"', text, count=1)
    return text.encode(
        draw.choice(("utf-8", "utf-16", "utf-16-be", "gb18030", "utf-32")), "replace"
    )


XML: tuple[Mutator, ...] = (texts, texts, texts, elements, elements, encodings, *BYTES)


# ZIP, and so OFD.


def part_changed(draw: random.Random, data: bytes) -> bytes:
    """One part damaged inside a package that is whole."""
    parts = _unpacked(data)
    if not parts:
        return flips(draw, data)
    name = draw.choice([name for name in parts if name.endswith(".xml")] or list(parts))
    if draw.random() < 0.1:
        name = draw.choice(list(parts))
    parts[name] = draw.choice(XML)(draw, parts[name])
    return _packed(draw, parts)


def parts_games(draw: random.Random, data: bytes) -> bytes:
    """Parts missing, exchanged, renamed, or in great number."""
    parts = _unpacked(data)
    if len(parts) < 2:
        return flips(draw, data)
    one, two = draw.sample(list(parts), 2)
    game = draw.randrange(6)
    if game == 0:
        del parts[one]
    elif game == 1:
        parts[one], parts[two] = parts[two], parts[one]
    elif game == 2:
        parts[draw.choice(("../" + one, "/" + one, one.upper(), one + "/", "a" * 60_000))] = (
            parts.pop(one)
        )
    elif game == 3:
        parts |= {
            f"Doc_0/Attachs/{number}.xml": parts[one] for number in range(draw.choice((5, 300)))
        }
    elif game == 4:
        parts[one] = b""
    else:
        parts = {
            name: draw.randbytes(len(content)) if name == one else content
            for name, content in parts.items()
        }
    return _packed(draw, parts)


def _unpacked(data: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            return {name: package.read(name) for name in package.namelist()}
    except Exception:  # noqa: BLE001 - an earlier mutator broke it; bytes are damaged instead
        return {}


def _packed(draw: random.Random, parts: dict[str, bytes]) -> bytes:
    method = draw.choice((zipfile.ZIP_DEFLATED,) * 8 + (zipfile.ZIP_STORED, zipfile.ZIP_BZIP2))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as package:
        for name, content in parts.items():
            # A fixed time of change: the same seed gives the same bytes.
            package.writestr(zipfile.ZipInfo(name), content, method)
    return stream.getvalue()


OFD: tuple[Mutator, ...] = (part_changed,) * 8 + (parts_games,) * 4 + BYTES


# PDF.

_STREAM = re.compile(
    rb"<<(?:[^<>]|<<[^<>]*>>|<[^<>]*>)*>>\s*stream\r?\n(.*?)\r?\nendstream", re.DOTALL
)
_TEXT_OBJECT = re.compile(rb"<<.*?>>", re.DOTALL)


def content(draw: random.Random, data: bytes) -> bytes:
    """What a packed stream says: page content, fonts' maps, attachments. Offsets go wrong too."""
    found = [match for match in _STREAM.finditer(data) if len(match.group(1)) < 200_000]
    if not found:
        return numbers(draw, data)
    match = draw.choice(found)
    plain, pack = _plain(match.group(0), match.group(1))
    changed = pack(draw.choice((*XML, pdf_tokens))(draw, plain))
    start, end = match.span(1)
    return data[:start] + changed + data[end:]


def dictionaries(draw: random.Random, data: bytes) -> bytes:
    """Values of dictionaries: sizes, references, filters, names."""
    found = list(re.finditer(rb"/(\w+)\s+(\d+ 0 R|\[[^\]]*\]|/\w+|-?[\d.]+)", data))
    chosen = draw.sample(found, min(len(found), draw.choice((1, 1, 3, 10))))
    for match in sorted(chosen, reverse=True, key=re.Match.start):
        data = data[: match.start(2)] + draw.choice(_PDF_VALUES) + data[match.end(2) :]
    return data


def pdf_tokens(draw: random.Random, data: bytes) -> bytes:
    place = draw.randrange(len(data) + 1)
    return data[:place] + b" " + draw.choice(_OPERATORS) + b" " + data[place:]


def _plain(whole: bytes, body: bytes) -> tuple[bytes, Callable[[bytes], bytes]]:
    """A stream's content unpacked, and what packs it again."""
    armoured = b"ASCII85Decode" in whole
    try:
        inner = base64.a85decode(body.strip().removesuffix(b"~>")) if armoured else body
        plain = zlib.decompressobj().decompress(inner, 2_000_000)
    except (ValueError, zlib.error, binascii.Error):
        return body, lambda changed: changed
    if armoured:
        return plain, lambda changed: base64.a85encode(zlib.compress(changed)) + b"~>"
    return plain, zlib.compress


_PDF_VALUES = (
    b"0", b"-1", b"1e30", b"99999999999", b"2147483647", b"-2147483648", b"0.0000001", b"nan",
    b"null", b"1 0 R", b"2 0 R", b"3 0 R", b"9999 0 R", b"[]", b"[0 0 0 0]", b"[0 0 1e9 1e9]",
    b"[1 0 R 1 0 R]", b"[-1e9 -1e9 1e9 1e9]", b"[[[[[[[[]]]]]]]]", b"[0 0 14400 14400]",
    b"[0 0 0.001 5000]", b"[600 800 0 0]", b"/FlateDecode", b"/LZWDecode", b"/JBIG2Decode",
    b"/JPXDecode", b"/DCTDecode", b"/CCITTFaxDecode", b"[/FlateDecode /FlateDecode]",
    b"/Identity-H", b"/Type3", b"/Pages", b"/Page", b"/XObject", b"/None", b"45", b"90", b"270",
    b"-90", b"(" + b"A" * 3000 + b")", b"<" + b"00" * 500 + b">",
)  # fmt: skip
_OPERATORS = (
    b"q " * 3000, b"Q " * 3000, b"BT", b"ET", b"0 Tf", b"/F1 99999 Tf", b"1e9 0 0 1e9 0 0 cm",
    b"0 0 0 0 0 0 cm", b"(\xff\xfe) Tj", b"[(a) -99999 (b)] TJ", b"3 Tr", b"0 0 0 0 re f",
    b"/Im0 Do", b"1 0 0 1 1e30 1e30 Tm", b"(" + b"9" * 20_000 + b") Tj", b"1 g",
    b"0 0 1e9 1e9 re f", b"BI /W 9999 /H 9999 ID x EI", b"0 Tz", b"-1 Tz", b"nan nan Td",
    b"(x) Tj " * 4000, b"W n", b"[1 1] 0 d", b"/P <</MCID 0>> BDC",
)  # fmt: skip
PDF: tuple[Mutator, ...] = (content,) * 6 + (dictionaries,) * 5 + BYTES
