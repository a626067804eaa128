"""Whether every file of a bag is there, none was added, and every digest is right: SHA-256 and,
where the bag has it, SM3, each file read once.

The tag manifests of our own bags are compared byte for byte with what they must be, because no
other file vouches for them; the record's digest also shows a bag that was rewritten as a whole.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from archive.bag_reading import NotABag, read_manifest, read_tags
from archive.hashing import Digests, digests_of, digests_of_file

ALGORITHMS = ("sha256", "sm3")
_NEEDED = "sha256"


@dataclass(frozen=True, slots=True)
class Inspection:
    """What `inspect` found in a bag. Sound when `faults` is empty. `files` and `size` (bytes) are
    those of the payload; `digests` are by path in the bag, `altered` the paths that faults name.
    """

    folder: Path
    digest: str | None
    files: int
    faults: tuple[str, ...]
    size: int = 0
    digests: Mapping[str, Digests] = field(default_factory=dict)
    altered: frozenset[str] = frozenset()

    @property
    def sound(self) -> bool:
        return not self.faults


@dataclass(slots=True)
class _Found:
    faults: list[str] = field(default_factory=list)
    altered: set[str] = field(default_factory=set)

    def fault(self, path: str, words: str) -> None:
        self.faults.append(f"{path}: {words}")
        self.altered.add(path)


def inspect(folder: Path, expected_digest: str | None = None) -> Inspection:
    """Check a bag by itself. `expected_digest` (from the database) also shows one that was
    rewritten as a whole."""
    if not (folder / "bagit.txt").is_file():
        return Inspection(folder, None, 0, ("not a bag: bagit.txt is missing",))
    found = _Found()
    digests = _digests(folder, found)
    _check_declaration(folder, found)
    _check_payload(folder, digests, found)
    _check_tags(folder, digests, found)
    payload = [d for path, d in digests.items() if path.startswith("data/")]
    size = sum(each.size for each in payload)
    _check_oxum(folder, f"{size}.{len(payload)}", found)
    tag_manifest = folder / "tagmanifest-sha256.txt"
    digest = digests_of_file(tag_manifest).sha256 if tag_manifest.is_file() else None
    if digest is None:
        found.fault("tagmanifest-sha256.txt", "the tag manifest is missing")
    if expected_digest is not None and digest != expected_digest:
        found.fault("tagmanifest-sha256.txt", "the bag's digest differs from the record")
    return Inspection(
        *(folder, digest, len(payload), tuple(found.faults)),
        *(size, digests, frozenset(found.altered)),
    )


def _digests(folder: Path, found: _Found) -> dict[str, Digests]:
    """Of every file but the tag manifests, by path."""
    digests: dict[str, Digests] = {}
    for name, status in listing(folder).items():
        if stat.S_ISLNK(status.st_mode):
            found.fault(name, "is a link")
        elif stat.S_ISREG(status.st_mode) and not name.startswith("tagmanifest-"):
            try:
                digests[name] = digests_of_file(folder / name)
            except OSError as error:
                found.fault(name, f"cannot be read ({error.strerror})")
    return digests


def listing(folder: Path) -> dict[str, os.stat_result]:
    """Everything below a folder, folders too, by path and in order; of a link, the link itself.
    Empty for a folder that is not there."""
    found: dict[str, os.stat_result] = {}
    pending = [""]
    while pending:
        prefix = pending.pop()
        with contextlib.suppress(FileNotFoundError), os.scandir(folder / prefix) as entries:
            for entry in entries:
                name, status = f"{prefix}{entry.name}", entry.stat(follow_symlinks=False)
                found[name] = status
                if stat.S_ISDIR(status.st_mode):
                    pending.append(f"{name}/")
    return dict(sorted(found.items()))


def _check_declaration(folder: Path, found: _Found) -> None:
    tags = read_tags(folder / "bagit.txt")
    if tags.get("Tag-File-Character-Encoding") != "UTF-8" or not tags.get("BagIt-Version"):
        found.fault("bagit.txt", "does not declare a bag")


def _manifests(folder: Path, kind: str, found: _Found) -> Iterator[tuple[str, str, dict[str, str]]]:
    for algorithm in ALGORITHMS:
        name = f"{kind}-{algorithm}.txt"
        try:
            if (folder / name).is_file():
                yield name, algorithm, read_manifest(folder / name)
            elif algorithm == _NEEDED or (folder / f"manifest-{algorithm}.txt").is_file():
                # No other file names the last tag manifest; that it was there, its manifest tells.
                found.fault(name, "is missing")
        except NotABag as error:
            found.fault(name, error.params["detail"])


def _check_payload(folder: Path, digests: Mapping[str, Digests], found: _Found) -> None:
    present = {name for name in digests if name.startswith("data/")}
    for name, algorithm, listed in _manifests(folder, "manifest", found):
        _compare(name, algorithm, listed, digests, found)
        for path in sorted(present - set(listed)):
            found.fault(path, f"is not in {name}")


def _check_tags(folder: Path, digests: Mapping[str, Digests], found: _Found) -> None:
    present = {name for name in digests if not name.startswith("data/")}
    for name, algorithm, listed in _manifests(folder, "tagmanifest", found):
        _compare(name, algorithm, listed, digests, found)
        for path in sorted(present - set(listed)):
            found.fault(path, f"is not in {name}")
        if (folder / "manifest-sm3.txt").is_file():
            whole = {path: digests[path] for path in present}
            if digests_of(manifest_bytes(whole, algorithm)) != digests_of_file(folder / name):
                found.fault(name, "is not as it was written")


def _compare(
    manifest: str,
    algorithm: str,
    listed: Mapping[str, str],
    digests: Mapping[str, Digests],
    found: _Found,
) -> None:
    for path, digest in listed.items():
        if path not in digests:
            found.fault(path, f"is missing, {manifest} lists it")
        elif getattr(digests[path], algorithm) != digest:
            found.fault(path, f"was changed: its {algorithm} differs from {manifest}")


def _check_oxum(folder: Path, counted: str, found: _Found) -> None:
    stated = read_tags(folder / "bag-info.txt").get("Payload-Oxum")
    if stated is not None and stated != counted:
        found.fault("bag-info.txt", f"states {stated} as bytes and files, there are {counted}")


def manifest_bytes(digests: Mapping[str, Digests], algorithm: str, prefix: str = "") -> bytes:
    """A manifest as it is written: one line a file, in the order of their names."""
    lines = (f"{getattr(digests[name], algorithm)}  {prefix}{name}\n" for name in sorted(digests))
    return "".join(lines).encode()
