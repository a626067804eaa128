"""Files that no row names are set aside, in a folder and in a bucket; what has a row stays."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from typer.testing import CliRunner

from archive.records import Document
from archive.storage import Storage, open_storage
from archive.store import StoredFileMissing, name_of
from archive.unclaimed import set_aside, unclaimed
from tests.helpers import hand_in, whole_road, xml
from worker import cli
from worker.services import Services


@pytest.fixture
def storage(storage_url: str, tmp_path: Path) -> Storage:
    return open_storage(storage_url, tmp_path / "root")


def test_only_what_no_row_names_is_set_aside(storage: Storage, services: Services) -> None:
    receipt = hand_in(services, xml(), voucher="JZ-1")
    whole_road(services, receipt.document_id)
    known = storage.files.put(xml())
    left = storage.files.put(b"a proof whose transaction failed")
    waits: list[float] = []
    names = set_aside(services.database, storage.places, 900.0, waits.append)
    assert (names, waits) == ([f"files/{name_of(left)}"], [900.0])
    assert storage.files.get(known) == xml()
    with pytest.raises(StoredFileMissing):
        storage.files.get(left)
    kept = storage.places[0].read(f"unclaimed/{name_of(left)}")
    assert kept == b"a proof whose transaction failed"
    assert list(unclaimed(services.database, storage.places)) == []


def test_a_row_that_comes_while_one_waits_keeps_its_file(
    storage: Storage, services: Services
) -> None:
    late = storage.files.put(xml())

    def recorded_meanwhile(_: float) -> None:
        hand_in(services, xml())

    assert set_aside(services.database, storage.places, 1.0, recorded_meanwhile) == []
    assert storage.files.get(late) == xml()


def test_a_row_that_comes_in_the_very_moment_brings_its_file_back(
    storage: Storage, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = storage.files.put(xml())
    blobs = storage.places[0]
    delete = type(blobs).delete

    def delete_as_the_row_comes(self: object, name: str) -> None:
        delete(blobs, name)
        if name.startswith("files/"):
            hand_in(services, xml())

    monkeypatch.setattr(type(blobs), "delete", delete_as_the_row_comes)
    assert set_aside(services.database, storage.places, 0.0) == []
    assert storage.files.get(late) == xml()
    assert list(blobs.names("unclaimed")) == []


def test_the_command_tells_what_it_moved(services: Services) -> None:
    hand_in(services, xml())
    left = services.store.put(b"left over")
    result = CliRunner().invoke(cli.app, ["storage", "unclaimed", "--patience", "0"])
    assert result.exit_code == 0, result.output
    assert left in result.output
    with services.database.read() as session:
        (document,) = session.query(Document)
        assert services.store.get(document.sha256) == xml()
    assert sha256(b"left over").hexdigest() == left
