"""What the reading process gives up is really gone, each layer by itself and all together."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path

import pytest

from extractors.errors import DocumentError
from extractors.model import Kind
from fixtures.maker import Form, make, make_truth
from worker import confinement, doctor
from worker.confinement import LAYERS, Trial, tried
from worker.reader_process import ReaderProcess
from worker.settings import Settings

EVERYTHING = {"network", "writing", "reading", "processes"}

#: What each layer must close without any help from the others.
CLOSES = {
    "limits": {"writing"},
    "namespaces": {"network"},
    "landlock": {"writing", "reading", "network", "processes"},
    "seccomp": {"network", "writing", "processes"},
}


def test_nothing_is_open_to_a_confined_process() -> None:
    trial = tried()
    assert trial.open == ()
    assert set(trial.missing) <= {"namespaces", "landlock"}, "the rest needs no kernel's leave"


def test_the_trial_itself_succeeds_where_nothing_is_given_up() -> None:
    """Otherwise the test above could not fail."""
    run = subprocess.run(
        [sys.executable, "-c", _UNCONFINED], capture_output=True, text=True, check=True, timeout=60
    )
    assert set(run.stdout.split()) == EVERYTHING


_UNCONFINED = """
import os, socket, tempfile
server = socket.create_server(("127.0.0.1", 0))
folder = tempfile.mkdtemp()
open(folder + "/secret", "w").write("x")
os.environ["YANPIAO_TRIAL_PORT"] = str(server.getsockname()[1])
os.environ["YANPIAO_TRIAL_FOLDER"] = folder
from worker.confinement import _TRIALS
for name, attempt in _TRIALS.items():
    attempt()
    print(name)
import shutil
shutil.rmtree(folder)
"""


@pytest.mark.parametrize("layer", LAYERS)
def test_each_layer_closes_its_part_alone(layer: str) -> None:
    trial = tried([layer])
    if layer in trial.missing:
        pytest.skip(f"THIS MACHINE HAS NO {layer.upper()}: its protection is not tested here")
    assert set(trial.open) <= EVERYTHING - CLOSES[layer]


def test_doctor_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confinement, "tried", lambda: Trial(("landlock",), ("reading",)))
    check = doctor.reading_isolated()
    assert not check.sound
    assert "reading" in check.detail
    assert "landlock" in check.detail
    monkeypatch.setattr(confinement, "tried", lambda: Trial(("namespaces",), ()))
    check = doctor.reading_isolated()
    assert check.sound
    assert "WITHOUT namespaces" in check.detail


def test_every_refused_call_has_a_name_that_the_kernel_knows() -> None:
    """A misspelt one would be left open in silence; the others are of other processors."""
    pyseccomp = pytest.importorskip("pyseccomp")
    unknown = {
        name
        for name in (*confinement._REFUSED, *confinement._OPENING, *confinement._UNSEEN)
        if pyseccomp.resolve_syscall(pyseccomp.system_arch(), name) == -1
    }
    assert unknown == set()


@pytest.mark.slow
def test_the_reading_process_is_confined_and_reads_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YANPIAO_SECRET_KEY", "marked-secret")
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:marked-secret@host/db")
    truth = make_truth(Kind.DIGITAL_NORMAL, 5, today=dt.date(2026, 11, 22))
    with ReaderProcess(Settings(data=tmp_path / "data")) as reader:
        for form in (Form.XML, Form.OFD, Form.PDF):
            path = tmp_path / f"invoice.{form}"
            path.write_bytes(make(truth, form, 5).content)
            number = reader.read(path)[0].invoice_number
            assert number is not None
            assert number.value == truth.invoice_number
        with pytest.raises(DocumentError):
            reader.read(tmp_path / "gone.pdf")
        process = Path(f"/proc/{reader.pid}")
        status = dict(
            line.split(":\t", 1) for line in (process / "status").read_text().splitlines()
        )
        assert status["NoNewPrivs"] == "1"
        assert status["Seccomp"] == "2"
        assert b"marked-secret" not in (process / "environ").read_bytes()
        limits = (process / "limits").read_text()
        assert "Max open files            256" in limits
        if not tried(["namespaces"]).missing:
            assert (process / "ns/net").readlink() != Path("/proc/self/ns/net").readlink()


@pytest.mark.slow
def test_a_reading_process_holds_one_socket_and_no_document(
    tmp_path: Path,
) -> None:
    """The trial above asks by a socket; this one asks the kernel which sockets there are."""
    truth = make_truth(Kind.DIGITAL_NORMAL, 5, today=dt.date(2026, 11, 22))
    path = tmp_path / "invoice.pdf"
    path.write_bytes(make(truth, Form.PDF, 5).content)
    with ReaderProcess(Settings(data=tmp_path / "data")) as reader:
        reader.read(path)
        handles = [str(each.readlink()) for each in Path(f"/proc/{reader.pid}/fd").iterdir()]
    assert sum(handle.startswith("socket:") for handle in handles) == 1, "its parent's, no other"
    assert not any(str(tmp_path) in handle for handle in handles), "the document is closed again"
