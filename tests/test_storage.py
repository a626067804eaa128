"""Files and bags in a folder and in a bucket: the same tests on both, then the bucket's faults."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from archive import bags
from archive.bag_store import BagStore
from archive.bags import BagItem, SealedBag
from archive.bucket_address import BadStorageUrl, BucketAddress
from archive.buckets import Bucket
from archive.records import BagRow, State
from archive.storage import Storage, open_storage
from archive.store import (
    StorageFull,
    StorageRefused,
    StorageUnreachable,
    StoredFileDamaged,
    StoredFileMissing,
)
from fixtures.s3 import S3Server
from tests.helpers import FixedReader, hand_in, invoice, load, whole_road, xml
from worker import broker, cli
from worker.pipeline import Pipeline
from worker.services import Services
from worker.settings import Settings

MOMENT = dt.datetime(2026, 11, 26, 8, 0, tzinfo=dt.UTC)


@pytest.fixture
def storage(storage_url: str, tmp_path: Path) -> Storage:
    return open_storage(storage_url, tmp_path / "root")


def _seal(store: BagStore, original: bytes = b"<xml/>") -> SealedBag:
    item = BagItem("d1", "12345678", original, "xml", {"verdict": "confirmed"}, {})

    def write(root: Path) -> SealedBag:
        return bags.seal(root, "JZ-凭证-1", 1, [item], sealed_at=MOMENT, previous_digest=None)

    return store.seal(write)


def test_what_is_kept_comes_back_the_same(storage: Storage) -> None:
    digest = storage.files.put(b"original")
    assert storage.files.put(b"original") == digest == sha256(b"original").hexdigest()
    assert storage.files.get(digest) == b"original"
    with storage.files.local(digest) as path:
        assert path.read_bytes() == b"original"
    assert digest in storage.files.place(digest)
    storage.files.check()


def test_what_is_missing_is_said_to_be(storage: Storage) -> None:
    with pytest.raises(StoredFileMissing):
        storage.files.get("0" * 64)
    with pytest.raises(ValueError, match="digest"):
        storage.files.get("../../etc/passwd")


def test_a_bag_comes_back_whole(storage: Storage) -> None:
    sealed = _seal(storage.bags)
    with storage.bags.local(sealed.path) as folder:
        found = bags.inspect(folder, sealed.digest)
        assert found.sound, found.faults
    assert storage.bags.where(sealed.path).endswith("bags/JZ-凭证-1/v0001")


def test_a_bag_that_is_not_there_is_unsound(storage: Storage) -> None:
    with storage.bags.local("JZ-1/v0001") as folder:
        assert not bags.inspect(folder).sound


def test_a_bag_that_was_never_recorded_is_replaced_by_the_next_try(storage: Storage) -> None:
    _seal(storage.bags, b"<first/>")
    sealed = _seal(storage.bags, b"<second/>")
    with storage.bags.local(sealed.path) as folder:
        assert bags.inspect(folder, sealed.digest).sound


# -- the bucket's own ----------------------------------------------------------------------


def test_an_object_changed_in_the_bucket_is_found_out(s3_url: str, tmp_path: Path) -> None:
    storage = open_storage(s3_url, tmp_path)
    digest = storage.files.put(b"original")
    bucket = Bucket(BucketAddress.parse(s3_url))
    (key,) = bucket.keys("files/")
    bucket.put(key, b"0riginal")
    with pytest.raises(StoredFileDamaged):
        storage.files.get(digest)


def test_a_known_file_is_not_sent_again(s3_url: str, s3_server: S3Server, tmp_path: Path) -> None:
    storage = open_storage(s3_url, tmp_path)
    storage.files.put(b"once")
    s3_server.asked.clear()
    storage.files.put(b"once")
    assert [line.split()[0] for line in s3_server.asked] == ["HEAD"]


def test_one_broken_answer_is_tried_again(s3_url: str, s3_server: S3Server, tmp_path: Path) -> None:
    storage = open_storage(s3_url, tmp_path)
    s3_server.broken = 1
    digest = storage.files.put(b"in spite of it")
    assert storage.files.get(digest) == b"in spite of it"


def test_a_broken_server_keeps_nothing_and_says_so(
    s3_url: str, s3_server: S3Server, tmp_path: Path
) -> None:
    storage = open_storage(s3_url, tmp_path)
    s3_server.broken = 100
    with pytest.raises(StorageUnreachable) as caught:
        storage.files.put(b"nobody keeps this")
    assert caught.value.retryable
    s3_server.broken = 0
    with pytest.raises(StoredFileMissing):
        storage.files.get(sha256(b"nobody keeps this").hexdigest())


def test_a_slow_server_counts_as_one_that_does_not_answer(
    s3_server: S3Server, s3_url: str, tmp_path: Path
) -> None:
    storage = open_storage(s3_url.replace("timeout=2", "timeout=0.2"), tmp_path)
    s3_server.delay = 0.6
    with pytest.raises(StorageUnreachable):
        storage.files.check()


def test_a_server_that_is_not_there(s3_url: str, tmp_path: Path) -> None:
    storage = open_storage("s3://yanpiao/x?endpoint=http://127.0.0.1:9&region=r", tmp_path)
    with pytest.raises(StorageUnreachable):
        storage.files.put(b"x")


def test_no_such_bucket_is_for_the_keeper(s3_url: str, tmp_path: Path) -> None:
    storage = open_storage(s3_url.replace("s3://yanpiao", "s3://another"), tmp_path)
    with pytest.raises(StorageRefused):
        storage.files.check()


def test_an_interrupted_upload_is_no_bag(
    s3_url: str, s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Break each request of the upload in turn: what lies there is never a sound bag with the
    wrong content, and the next try makes it whole."""
    monkeypatch.setattr("archive.buckets._TRIES", 1)  # the pauses between tries are the library's
    storage = open_storage(s3_url, tmp_path)
    s3_server.asked.clear()
    _seal(storage.bags)
    requests = len(s3_server.asked)
    assert requests > 5
    real = S3Server.__call__
    for cut in range(1, requests):
        seen = 0

        def cut_off(self: S3Server, environ: object, start: object, at: int = cut) -> object:
            nonlocal seen
            seen += 1
            self.broken = 1 if seen > at else 0
            return real(self, environ, start)  # type: ignore[arg-type]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(S3Server, "__call__", cut_off)
            with pytest.raises(StorageUnreachable):
                _seal(storage.bags, f"<cut at='{cut}'/>".encode())
        s3_server.broken = 0
        with storage.bags.local("JZ-凭证-1/v0001") as folder:
            assert not bags.inspect(folder).sound
    sealed = _seal(storage.bags)
    with storage.bags.local(sealed.path) as folder:
        assert bags.inspect(folder, sealed.digest).sound
    assert not list((tmp_path / "sealing").iterdir())


@pytest.mark.parametrize(
    "url", ["s3://", "s3://key:secret@bucket/x", "s3://b/?endpoint=ftp://x", "s3://b/?key=1"]
)
def test_an_address_that_is_none_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(BadStorageUrl):
        BucketAddress.parse(url)
    with pytest.raises(ValueError, match="STORAGE_URL"):
        Settings(STORAGE_URL=url)


def test_a_full_disk_is_said_to_be_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = open_storage("", tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("archive.store.os.fsync", full)
    with pytest.raises(StorageFull):
        storage.files.put(b"x")
    assert not [path for path in (tmp_path / "files").rglob("*") if path.is_file()]


# -- the whole road ------------------------------------------------------------------------


@pytest.fixture
def on_storage(settings: Settings, storage_url: str) -> Iterator[Services]:
    chosen = settings.model_copy(update={"storage_url": storage_url})
    with broker.bundled(chosen):
        services = Services.open(chosen)
        yield services
        services.close()


def test_a_document_goes_all_the_way(on_storage: Services, tmp_path: Path) -> None:
    receipt = hand_in(on_storage, xml(), voucher="JZ-1")
    assert whole_road(on_storage, receipt.document_id).state == State.ARCHIVED
    with on_storage.database.read() as session:
        row = session.scalars(select(BagRow)).one()
    with on_storage.bags.local(row.path) as folder:
        assert bags.inspect(folder, row.digest).sound
        original = folder / "data/02-originals/001-26312000000000000001.xml"
        assert original.read_bytes() == xml()


def test_inspect_takes_a_bag_of_the_store(
    on_storage: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = hand_in(on_storage, xml(), voucher="JZ-1")
    whole_road(on_storage, receipt.document_id)
    monkeypatch.setenv("STORAGE_URL", on_storage.settings.storage_url)
    for bag in ("JZ-1/v0001", on_storage.bags.where("JZ-1/v0001")):
        run = CliRunner().invoke(cli.app, ["inspect", bag])
        assert (run.exit_code, json.loads(run.stdout)["sound"]) == (0, True)
    assert CliRunner().invoke(cli.app, ["inspect", "JZ-1/v0009"]).exit_code == 1


def test_an_outage_of_the_store_is_no_try_of_a_reading(
    s3_url: str, s3_server: S3Server, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archive.buckets._TRIES", 1)
    chosen = settings.model_copy(update={"storage_url": s3_url})
    with broker.bundled(chosen):
        services = Services.open(chosen)
        document_id = hand_in(services, xml()).document_id
        s3_server.broken = 10_000
        for _ in range(chosen.max_tries + 2):
            Pipeline(services).read(document_id, FixedReader(invoice()))
        s3_server.broken = 0
        document = load(services, document_id)
        assert (document.state, document.attempts) == (State.RECEIVED, 0)
        monkeypatch.setattr("tempfile.tempdir", str(chosen.root / "gone"))
        Pipeline(services).read(document_id, FixedReader(invoice()))
        document = load(services, document_id)
        assert (document.state, document.attempts) == (State.RECEIVED, 0), "no place for a copy"
        monkeypatch.setattr("tempfile.tempdir", None)
        Pipeline(services).read(document_id, FixedReader(invoice()))
        assert load(services, document_id).state == State.READ
        services.close()
