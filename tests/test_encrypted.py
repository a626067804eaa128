"""Sealed files and bags, in a folder and in a bucket: nothing plain lies there, nothing else knows
of it, keys are changed under way, and a changed byte is found."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pyrage
import pytest
from pydantic import SecretStr
from sqlalchemy import select
from typer.testing import CliRunner

from archive import backup, bags
from archive.blobs import Blobs
from archive.database import Database
from archive.encrypted import private_room
from archive.keyring import BadStorageKey, Keyring, new_key
from archive.records import AuditRow, BagRow, Document, State
from archive.rekeying import rekey
from archive.storage import Storage, open_storage
from archive.store import StorageKeyMissing, StoredFileDamaged, StoredFileMissing
from tests.helpers import hand_in, load, whole_road, xml
from tests.test_storage import _seal
from worker import broker, cli
from worker.services import Services
from worker.settings import Settings

OLD, NEW = new_key(), new_key()
#: Bytes that age seals at a time.
_PIECE = 64 * 1024
PLAIN = b"<xml>\xe5\xbc\xa0\xe4\xb8\x89</xml>"


def _ring(*keys: str) -> Keyring:
    ring = Keyring.parse("\n".join(keys))
    assert ring is not None
    return ring


@pytest.fixture
def opened(storage_url: str, tmp_path: Path) -> Storage:
    return open_storage(storage_url, tmp_path / "root", _ring(OLD))


def _again(storage_url: str, tmp_path: Path, *keys: str) -> Storage:
    return open_storage(storage_url, tmp_path / "root", _ring(*keys) if keys else None)


def _everything(blobs: Blobs) -> dict[str, bytes]:
    names = [name for folder in ("files", "bags") for name in blobs.names(folder)]
    return {name: blobs.read(name) for name in names}


# -- keys ----------------------------------------------------------------------------------


def test_no_changed_byte_and_no_other_length_opens() -> None:
    """Every byte of a small file, then the borders of the pieces of a large one."""
    ring = _ring(OLD)
    sealed = ring.seal(PLAIN)
    assert ring.open(sealed) == PLAIN
    bad = [sealed[:at] + bytes([each ^ 1]) + sealed[at + 1 :] for at, each in enumerate(sealed)]
    bad += [sealed[:at] for at in range(len(sealed))] + [sealed + b"x", sealed + sealed]
    large = ring.seal(bytes(3 * _PIECE))
    body = len(large) - 3 * (_PIECE + 16)
    pieces = [large[body + n * (_PIECE + 16) :][: _PIECE + 16] for n in range(3)]
    head = large[:body]
    bad += [head + pieces[0], head + pieces[0] + pieces[1], head + b"".join(reversed(pieces))]
    bad += [head + pieces[0] + pieces[2], large + pieces[2]]
    assert ring.open(head + b"".join(pieces)) == bytes(3 * _PIECE)
    for each in bad:
        with pytest.raises((StoredFileDamaged, StorageKeyMissing)):
            ring.open(each)


def test_keys_come_by_lines_blanks_or_a_file(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"# new\n{NEW}  # since 2026\n\n{OLD}\n")
    for ring in (_ring(f"{NEW}, {OLD}"), Keyring.load(path)):
        assert ring.open(_ring(OLD).seal(b"x")) == b"x"
        assert _ring(NEW).open(ring.seal(b"x")) == b"x", "the first key seals"
        assert OLD not in repr(ring)
        assert NEW not in repr(ring)
    assert Keyring.parse(" \n# nothing\n") is None


@pytest.mark.parametrize(
    "bad", ["AGE-SECRET-KEY-1XYZ", "secret", OLD.lower() + "x"], ids=["short", "word", "too long"]
)
def test_what_is_no_key_is_refused_and_not_repeated(bad: str, tmp_path: Path) -> None:
    with pytest.raises(BadStorageKey) as caught:
        Keyring.parse(bad)
    assert bad not in str(caught.value)
    (tmp_path / "keys").write_text(bad)
    with pytest.raises(BadStorageKey):
        Services.open(Settings(data=tmp_path / "d", storage_key_file=tmp_path / "keys"))
    with pytest.raises(BadStorageKey):
        Keyring.load(tmp_path / "none")


def test_the_stock_tool_opens_what_was_sealed(tmp_path: Path) -> None:
    """The format is age's own: the archive can be opened without Yanpiao."""
    age = shutil.which("age")
    if age is None:
        opened = pyrage.decrypt(_ring(OLD).seal(PLAIN), [pyrage.x25519.Identity.from_str(OLD)])
        assert opened == PLAIN
        pytest.skip("THE age TOOL IS NOT INSTALLED: only its library was asked")
    (tmp_path / "key").write_text(OLD)
    sealed = _ring(OLD).seal(PLAIN)
    run = subprocess.run(
        [age, "-d", "-i", str(tmp_path / "key")], input=sealed, capture_output=True, check=True
    )
    assert run.stdout == PLAIN


# -- stores --------------------------------------------------------------------------------


def test_what_lies_there_tells_nothing_and_comes_back_the_same(opened: Storage) -> None:
    digest = opened.files.put(PLAIN)
    sealed = _seal(opened.bags, PLAIN)
    lying = _everything(opened.places[0])
    assert all(name.endswith(".age") for name in lying)
    # Long enough that no chance brings it about in sealed bytes, which three letters are not.
    told = (PLAIN, "JZ-凭证-1".encode())
    assert not [name for name, content in lying.items() if any(each in content for each in told)]
    assert opened.files.get(digest) == PLAIN
    with opened.files.local(digest) as path:
        assert path.read_bytes() == PLAIN
    with opened.bags.local(sealed.path) as folder:
        found = bags.inspect(folder, sealed.digest)
        assert found.sound, found.faults
        opened_again = [each.read_bytes() for each in folder.rglob("*") if each.is_file()]
        assert all(any(each in content for content in opened_again) for each in told)
    assert not folder.exists()


def test_the_same_bytes_again_are_kept_once(opened: Storage) -> None:
    opened.files.put(PLAIN)
    before = _everything(opened.places[0])
    opened.files.put(PLAIN)
    assert _everything(opened.places[0]) == before


def test_a_changed_file_is_found_and_mended_by_handing_it_in_again(opened: Storage) -> None:
    digest = opened.files.put(PLAIN)
    ((name, content),) = _everything(opened.places[0]).items()
    opened.places[0].write(name, content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(StoredFileDamaged):
        opened.files.get(digest)
    opened.files.put(PLAIN)
    assert opened.files.get(digest) == PLAIN


def test_another_files_seal_in_its_place_is_found(opened: Storage) -> None:
    one, other = opened.files.put(b"one"), opened.files.put(b"other")
    names = {digest: f"files/{digest[:2]}/{digest[2:4]}/{digest}.age" for digest in (one, other)}
    opened.places[0].write(names[one], opened.places[0].read(names[other]))
    with pytest.raises(StoredFileDamaged):
        opened.files.get(one)


def test_a_changed_file_in_a_bag_is_a_fault_of_the_bag(opened: Storage) -> None:
    sealed = _seal(opened.bags, PLAIN)
    blobs = opened.places[0]
    (name,) = [name for name in blobs.names("bags") if "/02-originals/" in name]
    content = blobs.read(name)
    blobs.write(name, content[:-1] + bytes([content[-1] ^ 1]))
    with opened.bags.local(sealed.path) as folder:
        assert not bags.inspect(folder, sealed.digest).sound
    blobs.delete(name)
    with opened.bags.local(sealed.path) as folder:
        assert not bags.inspect(folder, sealed.digest).sound


def test_without_its_key_it_says_so(opened: Storage, storage_url: str, tmp_path: Path) -> None:
    digest = opened.files.put(PLAIN)
    sealed = _seal(opened.bags)
    for keys in ((), (NEW,)):
        locked = _again(storage_url, tmp_path, *keys)
        with pytest.raises(StorageKeyMissing):
            locked.files.get(digest)
    with (
        pytest.raises(StorageKeyMissing),
        _again(storage_url, tmp_path, NEW).bags.local(sealed.path),
    ):
        pass
    with pytest.raises(StoredFileMissing):
        opened.files.get("0" * 64)


def test_pictures_drawn_of_files_are_sealed_too(tmp_path: Path) -> None:
    storage = _again("", tmp_path, OLD)
    digest = storage.files.put(PLAIN)
    storage.files.keep_derived(digest, "small.jpg", b"a picture")
    assert storage.files.read_derived(digest, "small.jpg") == b"a picture"
    assert storage.files.read_derived(digest, "other.jpg") is None
    lying = [path for path in (tmp_path / "root").rglob("*") if path.is_file()]
    assert not [path for path in lying if b"a picture" in path.read_bytes()]


def test_the_room_is_nobody_elses_and_goes_with_its_use() -> None:
    with private_room() as room:
        (room / "a").write_bytes(PLAIN)
        assert room.stat().st_mode & 0o077 == 0
    assert not room.exists()


# -- changing keys -------------------------------------------------------------------------


def _counts(storage: Storage, *keys: str) -> tuple[int, int, int, int]:
    done = rekey(storage.places, _ring(*keys))
    return done.sealed, done.changed, done.right, len(done.faults)


def test_from_plain_to_sealed_to_another_key(storage_url: str, tmp_path: Path) -> None:
    plain = _again(storage_url, tmp_path)
    digest, sealed = plain.files.put(PLAIN), _seal(plain.bags)
    count = len(_everything(plain.places[0]))

    def sound(*keys: str) -> bool:
        storage = _again(storage_url, tmp_path, *keys)
        with storage.bags.local(sealed.path) as folder:
            good = bags.inspect(folder, sealed.digest).sound
        return good and storage.files.get(digest) == PLAIN

    assert sound(OLD), "what was plain stays readable"
    assert _counts(plain, OLD) == (count, 0, 0, 0)
    assert all(name.endswith(".age") for name in _everything(plain.places[0]))
    assert sound(OLD)
    assert sound(NEW, OLD), "the older key still opens"
    assert _counts(plain, NEW, OLD) == (0, count, 0, 0)
    assert sound(NEW), "the older key may go"
    assert _counts(plain, NEW) == (0, 0, count, 0)
    with pytest.raises(StorageKeyMissing):
        sound(OLD)


def test_what_cannot_be_sealed_anew_is_left_and_named(storage_url: str, tmp_path: Path) -> None:
    storage = _again(storage_url, tmp_path, OLD)
    lost, hurt = storage.files.put(b"lost"), storage.files.put(b"hurt")
    plain = _again(storage_url, tmp_path)
    wrong = plain.files.put(b"wrong")
    blobs = storage.places[0]
    blobs.write(f"files/{lost[:2]}/{lost[2:4]}/{lost}.age", _ring(NEW).seal(b"lost"))
    blobs.write(f"files/{hurt[:2]}/{hurt[2:4]}/{hurt}.age", _ring(OLD).seal(b"hurt")[:-1])
    blobs.write(f"files/{wrong[:2]}/{wrong[2:4]}/{wrong}", b"gnorw")
    before = _everything(blobs)
    done = rekey(storage.places, _ring(OLD))
    assert len(done.faults) == 3
    for digest in (lost, hurt, wrong):
        assert digest in " ".join(done.faults)
    assert _everything(blobs) == before


def test_broken_off_half_way_it_goes_on(
    storage_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between writing the sealed file and deleting the plain one: both lie there."""
    plain = _again(storage_url, tmp_path)
    digest, sealed = plain.files.put(PLAIN), _seal(plain.bags)
    kept = type(plain.places[0]).delete
    monkeypatch.setattr(type(plain.places[0]), "delete", _killed)
    with pytest.raises(KeyboardInterrupt):
        rekey(plain.places, _ring(OLD))
    monkeypatch.setattr(type(plain.places[0]), "delete", kept)
    storage = _again(storage_url, tmp_path, OLD)
    assert storage.files.get(digest) == PLAIN
    assert rekey(plain.places, _ring(OLD)).faults == []
    assert all(name.endswith(".age") for name in _everything(plain.places[0]))
    with storage.bags.local(sealed.path) as folder:
        assert bags.inspect(folder, sealed.digest).sound


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


# -- the whole way -------------------------------------------------------------------------


@pytest.fixture
def sealed_services(
    settings: Settings, storage_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Services]:
    monkeypatch.setenv("STORAGE_KEY", OLD)
    monkeypatch.setenv("STORAGE_URL", storage_url)
    chosen = Settings(data=settings.data, lease_seconds=5, storage_url=storage_url)
    with broker.bundled(chosen):
        services = Services.open(chosen)
        yield services
        services.close()


def test_a_document_goes_its_way_and_the_command_inspects_it(sealed_services: Services) -> None:
    document_id = hand_in(sealed_services, xml("secret-text"), voucher="JZ-1").document_id
    whole_road(sealed_services, document_id)
    assert load(sealed_services, document_id).state == State.ARCHIVED
    with sealed_services.database.read() as session:
        row = session.scalars(select(BagRow)).one()
    with sealed_services.bags.local(row.path) as folder:
        assert bags.inspect(folder, row.digest).sound
    root = sealed_services.settings.root
    kept = [p for folder in ("files", "files-derived", "bags") for p in (root / folder).rglob("*")]
    assert not [p for p in kept if p.is_file() and b"secret-text" in p.read_bytes()]
    runner = CliRunner()
    seen = runner.invoke(cli.app, ["inspect", "JZ-1/v0001", "--json"])
    assert json.loads(seen.stdout)["sound"], seen.stdout
    done = runner.invoke(cli.app, ["storage", "rekey"])
    assert done.exit_code == 0, done.stdout
    assert json.loads(done.stdout)["faults"] == []
    with sealed_services.database.read() as session:
        actions = set(session.scalars(select(AuditRow.action)))
    assert "storage_rekeyed" in actions


def test_a_backup_of_sealed_files_is_sealed_whole(settings: Settings, tmp_path: Path) -> None:
    chosen = settings.model_copy(update={"storage_key": SecretStr(OLD)})
    with broker.bundled(chosen):
        services = Services.open(chosen)
        document_id = hand_in(services, xml("secret-text"), "secret-name.xml").document_id
        folder, ring = tmp_path / "backup", _ring(OLD)
        backup.backup(folder, chosen.root, chosen.database, ring)
        services.close()
    kept = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    secret = (chosen.root / "secret.key").read_bytes()
    assert not [each for each in kept if b"secret-" in each or secret in each]
    for there, keys in (("a", None), ("b", _ring(NEW))):
        with pytest.raises(StorageKeyMissing):
            _restored(folder, tmp_path / there, keys)
        assert not (tmp_path / there / "yanpiao.db").exists()
    new = _restored(folder, tmp_path / "c", _ring(NEW, OLD))
    assert (new / "secret.key").read_bytes() == secret
    database = Database(f"sqlite:///{new / 'yanpiao.db'}")
    with database.read() as session:
        document = session.get_one(Document, document_id)
    database.close()
    assert open_storage("", new, _ring(OLD)).files.get(document.sha256) == xml("secret-text")


def _restored(folder: Path, to: Path, ring: Keyring | None) -> Path:
    to.mkdir()
    backup.restore(folder, to, f"sqlite:///{to / 'yanpiao.db'}", None, ring)
    return to


def test_a_key_is_made_once_and_a_copy_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = CliRunner()
    path = tmp_path / "key"
    assert runner.invoke(cli.app, ["storage", "new-key", str(path)]).exit_code == 0
    assert path.stat().st_mode & 0o077 == 0
    first = path.read_text()
    assert runner.invoke(cli.app, ["storage", "new-key", str(path)]).exit_code != 0
    assert path.read_text() == first
    ring = Keyring.load(path)
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "a.txt.age").write_bytes(ring.seal(PLAIN))
    monkeypatch.setenv("STORAGE_KEY_FILE", str(path))
    run = runner.invoke(cli.app, ["storage", "open", str(tmp_path / "from"), str(tmp_path / "to")])
    assert run.exit_code == 0, run.output
    assert (tmp_path / "to" / "a.txt").read_bytes() == PLAIN
