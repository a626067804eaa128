"""XML that swells, reaches out, nests, lies about its encoding, or gives no number for a number."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

_MIB = 1024 * 1024


def _xml(body: bytes, head: bytes = b'<?xml version="1.0" encoding="utf-8"?>') -> bytes:
    return head + body


def _invoice_xml(number: bytes) -> bytes:
    return _xml(
        b"<EInvoice><Header><EIid>1</EIid></Header><EInvoiceData><BasicInformation>"
        b"<TotalAmWithoutTax>"
        + number
        + b"</TotalAmWithoutTax><TotalTaxAm>"
        + number
        + b"</TotalTaxAm><TotalTax-includedAmount>"
        + number
        + b"</TotalTax-includedAmount>"
        b"</BasicInformation><IssuItemInformation><ItemName>x</ItemName><Amount>"
        + number
        + b"</Amount><Quantity>"
        + number
        + b"</Quantity><TaxRate>"
        + number
        + b"</TaxRate></IssuItemInformation></EInvoiceData><TaxSupervisionInfo><InvoiceNumber>"
        + number
        + b"</InvoiceNumber><IssueTime>"
        + number
        + b"</IssueTime></TaxSupervisionInfo></EInvoice>"
    )


def laughs(encoding: str) -> bytes:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    head = f'<?xml version="1.0" encoding="{encoding}"?>'
    body = f'<!DOCTYPE x [<!ENTITY l0 "lol">{levels}]><EInvoice>&l9;</EInvoice>'
    return (head + body).encode(encoding)


_ATTRIBUTES = b" ".join(b'a%d="1"' % number for number in range(200_000))
_SPACES = b" ".join(b'xmlns:n%d="urn:%d"' % (number, number) for number in range(50_000))
XML: dict[str, Callable[[], bytes]] = {
    **{
        f"laughs {name}": partial(laughs, name)
        for name in ("utf-8", "utf-16", "utf-16-be", "gb18030", "utf-32", "cp037")
    },
    "quadratic entity": lambda: _xml(
        b'<!DOCTYPE x [<!ENTITY a "'
        + b"a" * 100_000
        + b'">]><EInvoice>'
        + b"&a;" * 100_000
        + b"</EInvoice>"
    ),
    "external entity": lambda: _xml(
        b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]><EInvoice>&f;</EInvoice>'
    ),
    "parameter entity": lambda: _xml(
        b'<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;]><EInvoice/>'
    ),
    "include": lambda: _xml(
        b'<EInvoice xmlns:i="http://www.w3.org/2001/XInclude">'
        b'<i:include href="/etc/hostname" parse="text"/></EInvoice>'
    ),
    "deep": lambda: _xml(b"<a>" * 300_000 + b"</a>" * 300_000),
    "deep 99": lambda: _xml(b"<EInvoice>" + b"<a>" * 90 + b"1" + b"</a>" * 90 + b"</EInvoice>"),
    "attributes": lambda: _xml(b"<EInvoice " + _ATTRIBUTES + b"/>"),
    "namespaces": lambda: _xml(b"<EInvoice " + _SPACES + b"/>"),
    "wide": lambda: _xml(b"<EInvoice>" + b"<b/>" * 399_000 + b"</EInvoice>"),
    "lines": lambda: _xml(
        b"<EInvoice><EInvoiceData>"
        + b"<IssuItemInformation><ItemName>x</ItemName><Amount>1.00</Amount></IssuItemInformation>"
        * 60_000
        + b"</EInvoiceData><TaxSupervisionInfo><InvoiceNumber>24442000000012345678</InvoiceNumber>"
        + b"</TaxSupervisionInfo></EInvoice>"
    ),
    "long text": lambda: _xml(
        b"<EInvoice><InvoiceNumber>" + b"1" * 9_000_000 + b"</InvoiceNumber></EInvoice>"
    ),
    "long number": lambda: _invoice_xml(b"9" * 1_000_000),
    "long name": lambda: _xml(b"<" + b"a" * 1_000_000 + b"/>"),
    "twenty megabytes": lambda: _xml(b"<EInvoice>" + b" " * (20 * _MIB - 200) + b"</EInvoice>"),
    "comment": lambda: _xml(b"<EInvoice><!--" + b"-" * 1_000_000),
    "nul": lambda: _xml(b"<EInvoice>\x00</EInvoice>"),
    "open": lambda: b"<EInvoice",
    **{
        f"number {text.decode()[:20]}": partial(_invoice_xml, text)
        for text in (
            b"NaN",
            b"sNaN",
            b"Infinity",
            b"-Infinity",
            b"1e999999999",
            b"1E+999999",
            b"-1e-999999999",
            b"9" * 5000,
            b"0." + b"0" * 5000 + b"1",
            b"-0",
            b"1_0",
            "１２．３".encode(),
            "٣".encode(),
            b"2026-02-30",
            b"0000-00-00",
            b"%",
        )
    },
}
