"""Each file built to do harm ends with the code that `tests/hostile/expected.toml` promises, within
its seconds and memory, and without having asked for a connection, a program or another file."""

from __future__ import annotations

import io
import unicodedata
from pathlib import Path

import pytest

from benchmarks.fuzz import Bounds, Child, Ending
from extractors.errors import DocumentError
from tests.helpers import load
from tests.hostile.corpus import BUILDERS, cases, expected
from tests.hostile.packages import PACKAGES
from tests.hostile.pictures import ADDRESSES
from tests.hostile.texts import NAMES
from verifiers.portal.settings import PortalSettings
from verifiers.shenzhen import ShenzhenVerifier
from worker.intake import clean_name
from worker.services import Services
from worker.unpacking import Limits, is_bundle, unpack

MIB = 1024 * 1024
BOUNDS = Bounds(seconds=15, resident=900 * MIB)
EXPECTED = expected()
#: Those of a second or more to make and read.
HEAVY = ("operators", "bomb", "frames", "box", "jbig2", "object stream", "entries", "many el")
LIGHT = [
    name
    for name in BUILDERS
    if not any(word in name for word in HEAVY) and name.split()[0] != "code"
]


def test_there_are_at_least_three_hundred_and_each_has_its_promise() -> None:
    assert set(EXPECTED) == set(BUILDERS)
    assert len(BUILDERS) >= 300
    assert len(BUILDERS) + len(NAMES) >= 400


def _read(names: list[str]) -> list[Ending]:
    with Child(BOUNDS, blind=True) as child:
        return [child.read(case) for case in cases(names)]


def _broken_promises(names: list[str]) -> list[str]:
    return [
        f"{each.case.name}: {each.detail} {each.said} {each.reached_out}"
        for each in _read(names)
        if each.detail != EXPECTED[each.case.name] or each.reached_out
    ]


@pytest.mark.parametrize("kind", ["text", "xml", "ofd", "zip"])
def test_each_ends_as_promised(kind: str) -> None:
    assert _broken_promises([name for name in LIGHT if name.split()[0] == kind]) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pdf", "picture"])
def test_each_page_and_picture_ends_as_promised(kind: str) -> None:
    assert _broken_promises([name for name in LIGHT if name.split()[0] == kind]) == []


@pytest.mark.slow
def test_each_heavy_one_ends_as_promised() -> None:
    assert _broken_promises([name for name in BUILDERS if name not in LIGHT]) == []


def test_a_promise_that_is_not_kept_is_seen() -> None:
    """The child that reads an honest page says so, and one that reaches out is caught."""
    (ending,) = _read(["text html"])
    assert (ending.outcome, ending.detail) == ("error", "unsupported_file")
    from benchmarks.fuzzing import child

    child._reached_out.clear()
    child._watch("socket.connect", (None, ("127.0.0.1", 1)))
    child._watch("open", ("/x", "w", 0))
    child._watch("open", ("/usr/share/fonts/x.ttf", "rb", 0))
    assert child._reached_out == {"socket.connect", "open /x"}
    child._reached_out.clear()


@pytest.mark.parametrize("name", sorted(name for name in PACKAGES if name.startswith("zip")))
def test_a_bundle_gives_files_out_as_bytes_and_nothing_else(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing lands on the disk, whatever the entries are called, and what comes out is bounded."""
    monkeypatch.chdir(tmp_path)
    bundle = io.BytesIO(PACKAGES[name]())
    total = 0
    if is_bundle(bundle):
        try:
            for file in unpack(bundle, Limits(files=200, file_size=50 * MIB, total=100 * MIB)):
                total += len(file.content)
                assert isinstance(file.content, bytes)
        except DocumentError:
            pass
    assert total <= 100 * MIB
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["zip flat bomb", "zip many bombs", "zip overlapping"])
def test_a_bundle_that_swells_gives_nothing_out(name: str) -> None:
    bundle = io.BytesIO(PACKAGES[name]())
    with pytest.raises(DocumentError):
        list(unpack(bundle, Limits(files=20_000, file_size=50 * MIB, total=100 * MIB)))


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_file_name_is_a_label(name: str) -> None:
    label = clean_name(NAMES[name])
    assert 0 < len(label) <= 255
    assert "/" not in label
    assert "\\" not in label
    assert not any(unicodedata.category(letter) in {"Cc", "Cf", "Zl", "Zp"} for letter in label)
    assert label.encode()  # no half of a letter that no file and no answer can hold


def test_files_of_any_name_are_kept_under_their_digest(services: Services, tmp_path: Path) -> None:
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    batch = services.intake.open_batch("test", voucher_no="JZ-1")
    for number, (name, given) in enumerate(NAMES.items()):
        content = f"<x>{number}</x>".encode()
        receipt = services.intake.accept(batch, given, io.BytesIO(content))
        document = load(services, receipt.document_id)
        assert document.name == clean_name(given), name
        assert services.store.get(document.sha256) == content
    kept = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    files = [path for path in kept if path.is_relative_to(services.settings.files)]
    assert len(files) == len(NAMES)
    assert all(set(path.name) <= set("0123456789abcdef") for path in files)
    rest = kept - set(files)
    assert all(path.name.startswith("yanpiao.db") for path in rest)


@pytest.mark.parametrize("name", sorted(ADDRESSES))
def test_no_address_out_of_a_code_leads_anywhere_but_to_the_bureau(name: str) -> None:
    address = ADDRESSES[name]
    road = ShenzhenVerifier(PortalSettings(url="https://127.0.0.1/"))
    allowed = road._allowed(address)
    road.close()
    if name == "bureau path":
        assert allowed is not None
        assert allowed.startswith("https://bcfp.shenzhen.chinatax.gov.cn/")
    else:
        assert allowed is None
