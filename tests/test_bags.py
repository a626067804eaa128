"""What a sealed bag holds: order, XML by its schema, both digests, PDF/A; and that bags of the
older layout are still read."""

from __future__ import annotations

import datetime as dt
import io
import json
import random
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import bagit
import pikepdf
import pypdfium2
import pytest
from lxml import etree
from PIL import Image

from archive import bags
from archive.bag_reading import NotABag, read_bag
from archive.bag_xml import NAMESPACE, schema
from archive.drawing.pages import thumbnail
from archive.drawing.pdfa import faults_of
from archive.drawing.searchable import is_scan, searchable
from archive.hashing import digests_of, digests_of_file
from extractors.model import Box, Field, Invoice, Kind, Source
from tests.helpers import invoice, sha256

MOMENT = dt.datetime(2026, 11, 22, 3, 4, 5, tzinfo=dt.UTC)
FACTS = {
    "fiscal_year": 2026, "account_set": "001", "agency_code": "101", "agency_name": "某某学校",
    "campus": "东校区", "period": 11, "word": "记", "number": 12, "voucher_date": "2026-11-05",
    "posting_date": None, "summary": "办公用品", "invoice_amount": None, "debit_total": "226.00",
    "credit_total": "226.00", "attachments": 2, "preparer": "王", "reviewer": "李",
    "poster": "", "red": False, "origin": "csv",
    "entries": [
        {"line": 1, "summary": "办公用品", "account_code": "5001", "account_name": "费用",
         "debit": "226.00", "credit": "0.00"},
        {"line": 2, "summary": "办公用品", "account_code": "1002", "account_name": "银行",
         "debit": "0.00", "credit": "226.00"},
    ],
}  # fmt: skip
DECISION = {
    "code": "voucher_attachments_differ", "params": {}, "reason": "纸质 <附件>",
    "actor": "u1", "at": MOMENT.isoformat(),
}  # fmt: skip


def item(number: str, content: bytes | None = None, suffix: str = "xml") -> bags.BagItem:
    """One confirmed invoice with its evidence."""
    return bags.BagItem(
        document_id=f"d{number[-2:]}",
        invoice_number=number,
        original=content or f"<EInvoice>{number}</EInvoice>".encode(),
        suffix=suffix,
        metadata={
            "verdict": "confirmed",
            "invoice": invoice(number).model_dump(mode="json"),
            "verifications": [
                {"verdict": "confirmed", "portal_time": "2026-11-22 10:00:00"},
            ],
        },
        evidence={"1-result.png": b"picture " + number.encode()},
    )


def sealed(root: Path, *items: bags.BagItem, version: int = 1, **options: object) -> Path:
    """A bag with facts and a decision."""
    chosen = items or (item("26312000000000000001"), item("26312000000000000002"))
    given: dict[str, object] = {
        "sealed_at": MOMENT, "previous_digest": None, "facts": FACTS, "decisions": [DECISION],
        **options,
    }  # fmt: skip
    return root / bags.seal(root, "JZ-1", version, chosen, **given).path  # type: ignore[arg-type]


def test_the_payload_is_in_order(tmp_path: Path) -> None:
    folder = sealed(tmp_path)
    names = sorted(p.relative_to(folder / "data").as_posix() for p in folder.rglob("data/**/*.*"))
    assert names == [
        "01-voucher/000-JZ-1.pdf",
        "02-originals/001-26312000000000000001.xml",
        "02-originals/002-26312000000000000002.xml",
        "04-evidence/001-26312000000000000001/1-result.png",
        "04-evidence/002-26312000000000000002/1-result.png",
        "metadata/001-26312000000000000001.json",
        "metadata/002-26312000000000000002.json",
        "voucher-bag-1.xsd",
        "voucher.json",
        "voucher.xml",
    ]


def test_the_stock_tool_validates_it(tmp_path: Path) -> None:
    folder = sealed(tmp_path)
    bagit.Bag(str(folder)).validate()
    run = subprocess.run(
        [sys.executable, "-m", "bagit", "--validate", str(folder)], capture_output=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_the_same_voucher_makes_the_same_bytes(tmp_path: Path) -> None:
    assert bags.bag_digest(sealed(tmp_path / "a")) == bags.bag_digest(sealed(tmp_path / "b"))


def test_the_xml_keeps_to_its_schema(tmp_path: Path) -> None:
    folder = sealed(tmp_path, version=2, previous_digest="a" * 64)
    root = etree.parse(str(folder / "data/voucher.xml"))
    schema().assertValid(root)
    own = etree.XMLSchema(etree.parse(str(folder / "data/voucher-bag-1.xsd")))
    own.assertValid(root)
    space = {"b": NAMESPACE}

    def text(path: str) -> str | None:
        return root.findtext(path, namespaces=space)

    assert text("b:Voucher/b:FISCAL_YEAR") == "2026"
    assert text("b:Voucher/b:VOU_CNT") == "2"
    assert text("b:Voucher/b:RED_FLAG") == "N"
    assert text("b:Voucher/b:关联档案号") == f"sha256:{'a' * 64}"
    assert text("b:Voucher/b:Decision") == "纸质 <附件>"
    assert text("b:Invoices/b:Invoice/b:查验结果") == "confirmed"
    assert text("b:Invoices/b:Invoice/b:合计金额") == "113.00"
    assert len(root.findall("b:Files/b:File", namespaces=space)) == 9


def test_a_bag_without_facts_has_sound_xml_too(tmp_path: Path) -> None:
    folder = sealed(tmp_path, facts=None, decisions=())
    schema().assertValid(etree.parse(str(folder / "data/voucher.xml")))


def test_every_file_has_both_digests(tmp_path: Path) -> None:
    folder = sealed(tmp_path)
    for name in ("manifest", "tagmanifest"):
        by_sha = (folder / f"{name}-sha256.txt").read_text().splitlines()
        by_sm3 = (folder / f"{name}-sm3.txt").read_text().splitlines()
        assert [line[64:] for line in by_sha] == [line[64:] for line in by_sm3]
    # The standard's own example (GB/T 32905-2016, annex A.1).
    expected = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert digests_of(b"abc").sm3 == expected


def test_large_files_are_digested_as_small_ones_are(tmp_path: Path) -> None:
    content = random.Random(1).randbytes(9 * 1024 * 1024 + 1)  # noqa: S311 - repeatable noise
    (tmp_path / "large").write_bytes(content)
    assert digests_of_file(tmp_path / "large") == digests_of(content)


def test_the_other_sm3_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib

    before = digests_of(b"abc")
    monkeypatch.setattr(hashlib, "algorithms_available", {"sha256"})
    assert digests_of(b"abc") == before


def test_random_changes_are_all_found_and_named(tmp_path: Path) -> None:
    folder = sealed(tmp_path)
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    chance = random.Random(7)  # noqa: S311 - repeatable choices
    for _ in range(150):
        path = chance.choice(files)
        before = path.read_bytes()
        changed = bytearray(before)
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        path.chmod(0o600)
        path.write_bytes(changed)
        found = bags.inspect(folder)
        path.write_bytes(before)
        name = path.relative_to(folder).as_posix()
        assert not found.sound, name
        if name.startswith("data/"):
            assert found.altered == {name}
    assert bags.inspect(folder).sound


@pytest.mark.parametrize("name", ["tagmanifest-sm3.txt", "tagmanifest-sha256.txt"])
def test_a_deleted_tag_manifest_is_named(tmp_path: Path, name: str) -> None:
    """No other file names it: that it was there, the manifest beside it tells."""
    folder = sealed(tmp_path, item("1"))
    (folder / name).unlink()
    assert f"{name}: is missing" in bags.inspect(folder).faults


def test_swapped_files_and_links_are_found(tmp_path: Path) -> None:
    folder = sealed(tmp_path)
    first, second = sorted((folder / "data/02-originals").iterdir())
    spare = folder / "spare"
    first.rename(spare), second.rename(first), spare.rename(second)
    assert len(bags.inspect(folder).altered) == 2
    second.rename(spare), first.rename(second), spare.rename(first)
    assert bags.inspect(folder).sound
    target = first.rename(tmp_path / "elsewhere")
    first.symlink_to(target)
    assert not bags.inspect(folder).sound


def test_what_may_not_be_sealed_leaves_nothing(tmp_path: Path) -> None:
    def refuse(_folder: Path) -> None:
        raise NotABag(detail="no")

    with pytest.raises(NotABag):
        sealed(tmp_path, approve=refuse)
    assert list((tmp_path / "JZ-1").iterdir()) == []


def test_a_system_without_syncfs_flushes_file_by_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[int] = []
    monkeypatch.setattr("archive.store._libc", lambda: None)
    monkeypatch.setattr("archive.store.os.fsync", flushed.append)
    folder = sealed(tmp_path)
    files = sum(1 for path in folder.rglob("*"))
    assert len(flushed) >= files + 1  # every file and folder, and the one that the bag lies in


# -- reading back --------------------------------------------------------------------------


def test_a_bag_is_read_back(tmp_path: Path) -> None:
    content = read_bag(sealed(tmp_path))
    assert (content.layout, content.voucher_no, content.version) == (2, "JZ-1", 1)
    assert content.facts == FACTS
    assert [each.invoice_number[-1] for each in content.invoices] == ["1", "2"]
    first = content.invoices[0]
    assert (content.folder / first.original).is_file()
    assert first.evidence == ("data/04-evidence/001-26312000000000000001/1-result.png",)
    assert Invoice.model_validate(first.metadata["invoice"]).total_with_tax is not None
    assert content.info["External-Identifier"] == "JZ-1 v1"


def old_bag(root: Path) -> Path:
    """A bag as it was sealed before there were covers."""
    folder = root / "old"
    original, metadata = b"<EInvoice/>", {"verdict": "confirmed", "verifications": [{}]}
    said = {
        "voucher_no": "JZ-1", "version": 1, "previous_bag_digest": None,
        "sealed_at": MOMENT.isoformat(),
        "invoices": [
            {"order": 1, "document_id": "d1", "invoice_number": "1",
             "original": "originals/001-1.xml", "sha256": sha256(original)},
        ],
    }  # fmt: skip
    for name, content in {
        "originals/001-1.xml": original,
        "metadata/001-1.json": json.dumps(metadata).encode(),
        "evidence/001-1/1-result.png": b"picture",
        "voucher.json": json.dumps(said).encode(),
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    bagit.make_bag(str(folder), {"External-Identifier": "JZ-1 v1"}, checksums=["sha256"])
    return folder


def test_an_old_bag_is_sound_and_read(tmp_path: Path) -> None:
    folder = old_bag(tmp_path)
    assert bags.inspect(folder, bags.bag_digest(folder)).sound
    content = read_bag(folder)
    assert (content.layout, content.facts, content.decisions) == (1, None, ())
    assert content.invoices[0].original == "data/originals/001-1.xml"
    assert content.invoices[0].evidence == ("data/evidence/001-1/1-result.png",)
    (folder / "data/evidence/001-1/1-result.png").write_bytes(b"pictur3")
    assert bags.inspect(folder).altered == {"data/evidence/001-1/1-result.png"}


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd"])
def test_a_bag_cannot_lead_out_of_itself(tmp_path: Path, path: str) -> None:
    folder = old_bag(tmp_path)
    said = json.loads((folder / "data/voucher.json").read_text())
    said["invoices"][0]["original"] = path
    (folder / "data/voucher.json").write_text(json.dumps(said))
    with pytest.raises(NotABag):
        read_bag(folder)


# -- drawings ------------------------------------------------------------------------------


def _cover(folder: Path) -> bytes:
    return (folder / "data/01-voucher/000-JZ-1.pdf").read_bytes()


def _text(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    return "".join(page.get_textpage().get_text_range() for page in document)


def test_the_cover_is_pdfa_and_says_what_is_in_the_bag(tmp_path: Path) -> None:
    cover = _cover(sealed(tmp_path))
    assert faults_of(cover) == []
    text = _text(cover)
    for words in ("记账凭证归档封面", "2026", "某某学校", "26312000000000000002", "查验一致"):
        assert words in text


def test_a_cover_of_many_lines_runs_over_pages(tmp_path: Path) -> None:
    many = [item(f"263120000000000{n:05d}") for n in range(70)]
    cover = _cover(sealed(tmp_path, *many))
    assert faults_of(cover) == []
    assert "26312000000000000069" in _text(cover)


def _broken(change: str) -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(_scan_pdf())) as pdf:
        if change == "font":
            fonts = pdf.pages[0].obj.Resources.Font
            del fonts[next(iter(fonts.keys()))].FontDescriptor["/FontFile2"]
        elif change == "xmp":
            del pdf.Root["/Metadata"]
        elif change == "intent":
            del pdf.Root["/OutputIntents"]
        elif change == "script":
            pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")
        encryption = pikepdf.Encryption(owner="x", user="") if change == "lock" else False
        pdf.save(out, encryption=encryption)
    return out.getvalue()


@pytest.mark.parametrize("change", ["font", "xmp", "intent", "script", "lock"])
def test_what_is_no_pdfa_is_seen(change: str) -> None:
    assert faults_of(_broken(change)) != []


def _scan() -> Invoice:
    def text(value: str, y: float) -> Field[str]:
        box = Box(page=0, x0=0.1, y0=y, x1=0.6, y1=y + 0.05)
        return Field[str](value=value, raw=value, source=Source.OCR, confidence=0.9, box=box)

    return Invoice(
        kind=Kind.VAT_NORMAL,
        invoice_number=text("12345678", 0.1),
        seller_name=text("杭州某某有限公司", 0.3),
        sources=(Source.OCR,),
    )


def _picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (900, 600), "white").save(out, "PNG")
    return out.getvalue()


def _scan_pdf() -> bytes:
    made = searchable(_picture(), "image/png", _scan(), MOMENT)
    assert made is not None
    return made


def test_a_scan_becomes_searchable_where_its_words_stand() -> None:
    assert is_scan(_scan())
    assert not is_scan(invoice())
    pdf = _scan_pdf()
    assert faults_of(pdf) == []
    page = pypdfium2.PdfDocument(pdf)[0]
    wide, high = page.get_size()
    words = page.get_textpage()
    assert "12345678" in words.get_text_range()
    found = words.search("杭州某某有限公司").get_next()
    assert found is not None
    left, bottom, _, _ = words.get_charbox(found[0])
    assert left / wide == pytest.approx(0.1, abs=0.02)
    assert 1 - bottom / high == pytest.approx(0.35, abs=0.03)


def test_thumbnails_are_small_and_missing_ones_are_none() -> None:
    small = thumbnail(_picture(), "image/png")
    assert small is not None
    assert max(Image.open(io.BytesIO(small)).size) <= 420
    assert thumbnail(_scan_pdf(), "application/pdf") is not None
    for content, kind in ((b"%PDF-broken", "application/pdf"), (b"x", "image/png")):
        assert thumbnail(content, kind) is None
    assert thumbnail(b"<x/>", "application/xml") is None


def test_amounts_in_xml_are_exact(tmp_path: Path) -> None:
    root = etree.parse(str(sealed(tmp_path) / "data/voucher.xml"))
    found = root.findall(".//b:合计金额", namespaces={"b": NAMESPACE})
    assert [Decimal(each.text or "") for each in found] == [Decimal("113.00")] * 2
