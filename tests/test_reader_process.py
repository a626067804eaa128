"""The warm reading process under ill treatment: each costs one document one try."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from extractors.checks import CONFIDENT
from extractors.errors import EmptyFile, ReaderCrashed
from extractors.model import Kind
from fixtures.maker import Form, make, make_truth
from fixtures.signing import rsa_signer, signed_pdf
from worker.reader_process import ReaderProcess, error_from
from worker.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TRUTH = make_truth(Kind.DIGITAL_NORMAL, 5, today=dt.date(2026, 11, 22))


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A picture large enough that reading it takes a while."""
    path = tmp_path / "invoice.png"
    path.write_bytes(make(TRUTH, Form.PNG, 5).content)
    return path


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "invoice.xml"
    path.write_bytes(make(TRUTH, Form.XML, 5).content)
    return path


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[ReaderProcess]:
    settings = Settings(data=tmp_path / "data", reader_seconds=120, reader_documents=3)
    with ReaderProcess(settings) as started:
        yield started


def _number(reader: ReaderProcess, path: Path) -> str:
    field = reader.read(path)[0].invoice_number
    assert field is not None
    return field.value


def test_on_a_machine_where_nobody_has_read_yet(
    picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the engine wants to find in a person's home is not there, and it may make nothing."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with ReaderProcess(Settings(data=tmp_path / "data")) as reader:
        assert _number(reader, picture) == TRUTH.invoice_number
    assert list(home.iterdir()) == []
    assert [each.name for each in (tmp_path / "cache").iterdir()] == ["yanpiao"]


def _strike_when_busy(reader: ReaderProcess, number: signal.Signals) -> threading.Thread:
    """Send a signal to the reading process once it works hard on a document."""
    pid = reader.pid
    assert pid is not None
    process = psutil.Process(pid)
    before = sum(process.cpu_times()[:2])

    def strike() -> None:
        while sum(process.cpu_times()[:2]) < before + 0.3:
            time.sleep(0.01)
        os.kill(pid, number)

    thread = threading.Thread(target=strike)
    thread.start()
    return thread


def test_the_engine_stays_loaded_and_is_replaced_after_its_number(
    reader: ReaderProcess, document: Path
) -> None:
    pids = []
    for _ in range(7):
        assert _number(reader, document) == TRUTH.invoice_number
        pids.append(reader.pid)
    assert pids[0] == pids[1] == pids[2]
    assert len(set(pids)) == 3


@pytest.mark.parametrize("blow", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
def test_a_native_crash_costs_this_document_only(
    reader: ReaderProcess, picture: Path, document: Path, blow: signal.Signals
) -> None:
    reader.warm_up()
    thread = _strike_when_busy(reader, blow)
    with pytest.raises(ReaderCrashed, match=f"signal {blow.value}"):
        reader.read(picture)
    thread.join()
    assert _number(reader, document) == TRUTH.invoice_number


def test_a_hang_is_ended_at_its_limit(tmp_path: Path, picture: Path, document: Path) -> None:
    settings = Settings(data=tmp_path / "data", reader_seconds=5)
    with ReaderProcess(settings) as reader:
        reader.warm_up()
        hung = reader.pid
        assert hung is not None
        os.kill(hung, signal.SIGSTOP)
        with pytest.raises(ReaderCrashed, match="no answer in 5 s"):
            reader.read(picture)
        assert not psutil.pid_exists(hung)
        assert _number(reader, document) == TRUTH.invoice_number


def test_memory_has_a_limit(tmp_path: Path, picture: Path) -> None:
    """Recognition does not fit into 1 GiB of address space: said, and nothing else dies."""
    settings = Settings(data=tmp_path / "data", reader_memory=1024**3)
    with ReaderProcess(settings) as reader, pytest.raises(ReaderCrashed):
        reader.read(picture)


def test_the_process_dies_with_its_parent() -> None:
    code = (
        "import time\n"
        "from worker.log import configure\n"
        "from worker.reader_process import ReaderProcess\n"
        "from worker.settings import Settings\n"
        'configure("error")\n'
        "reader = ReaderProcess(Settings())\n"
        "reader.warm_up()\n"
        "print(reader.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    child.wait(timeout=30)


def test_errors_come_over_as_themselves(reader: ReaderProcess, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(EmptyFile):
        reader.read(empty)
    error = error_from("file_too_large", {"size": "2", "limit": "1"})
    assert (error.code, error.params) == ("file_too_large", {"size": "2", "limit": "1"})


def test_signatures_are_checked_in_there_and_a_hang_is_a_finding(
    reader: ReaderProcess, document: Path, tmp_path: Path
) -> None:
    assert [finding.code for finding in reader.signatures(document)] == ["tax_signature_unverified"]
    signed = tmp_path / "signed.pdf"
    by, _ = rsa_signer("开票平台")
    signed.write_bytes(signed_pdf(make(TRUTH, Form.PDF, 5).content, by))
    assert reader.signatures(signed)[0].code == "signature_valid"
    assert reader.pid is not None
    os.kill(reader.pid, signal.SIGSTOP)
    reader._settings.reader_seconds = 0.2  # the limit, which real hangs take too
    (told,) = reader.signatures(signed)
    assert (told.code, told.params["part"]) == ("signature_unreadable", "pdf")
    assert "no answer" in told.params["detail"]


def test_small_pictures_are_drawn_in_there(reader: ReaderProcess, tmp_path: Path) -> None:
    pdf = tmp_path / "a.pdf"
    pdf.write_bytes(make(TRUTH, Form.PDF, 5).content)
    small = reader.thumbnail(pdf, 0)
    assert small is not None
    assert small.startswith(b"\xff\xd8")
    assert reader.thumbnail(pdf, 7) is None
    pdf.write_bytes(b"%PDF-broken")
    assert reader.thumbnail(pdf, 0) is None
    assert reader.thumbnail(tmp_path / "missing", 0) is None


def test_it_knows_our_names_though_it_may_not_read_the_policy(
    tmp_path: Path, picture: Path
) -> None:
    """A picture shows our id beside a name that is nearly ours."""
    ours = f"{TRUTH.buyer_name}"[:-1] + "园"
    data = tmp_path / "data"
    data.mkdir()
    (data / "policy.toml").write_text(
        f'[[buyers]]\nname = "{ours}"\ntax_ids = ["{TRUTH.buyer_tax_id}"]\n', encoding="utf-8"
    )
    with ReaderProcess(Settings(data=data, reader_seconds=120)) as started:
        read = started.read(picture)[0]
    assert read.buyer_name is not None
    assert (read.buyer_name.value, read.buyer_name.confidence < CONFIDENT) == (ours, True)
    assert read.doubted["buyer_name"].value == TRUTH.buyer_name
