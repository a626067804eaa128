"""A bag as one file for transfer: the same bag always makes the same bytes.

Entries are stored in the order of their names, with one fixed time and mode, uncompressed: most
of a bag is compressed already, and another zlib would make other bytes.
"""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path, PurePosixPath

from extractors.errors import YanpiaoError

#: The earliest that ZIP can say; the bag's own files say when it was sealed.
_MOMENT = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100440 << 16
_UNIX = 3
_CHUNK = 1 << 20


class BadTransferFile(YanpiaoError):
    """The ZIP is no bag that was packed for transfer."""

    code = "bad_transfer_file"


def pack(folder: Path, target: Path) -> None:
    """Write the bag's ZIP, all files below one folder named after voucher and version. Half a
    file is never seen under the target's name. Raises `OSError`."""
    root = f"{folder.parent.name}-{folder.name}"
    temporary = target.with_name(f".{target.name}.part")
    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as package:
            for path in sorted(p for p in folder.rglob("*") if p.is_file()):
                entry = zipfile.ZipInfo(f"{root}/{path.relative_to(folder).as_posix()}", _MOMENT)
                entry.create_system, entry.external_attr = _UNIX, _MODE
                entry.file_size = path.stat().st_size
                with path.open("rb") as source, package.open(entry, "w") as sink:
                    shutil.copyfileobj(source, sink, _CHUNK)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def unpack(source: Path, into: Path) -> Path:
    """Unpack a transfer ZIP below `into`; the bag's folder.

    Raises `BadTransferFile` for anything that would lie elsewhere, or twice.
    """
    try:
        with zipfile.ZipFile(source) as package:
            names = [entry.filename for entry in package.infolist()]
            roots = {PurePosixPath(name).parts[0] for name in names if name}
            if len(roots) != 1 or len(names) != len(set(names)) or not all(map(_plain, names)):
                raise BadTransferFile(file=source.name)
            for entry in package.infolist():
                target = into / entry.filename
                target.parent.mkdir(parents=True, exist_ok=True)
                with package.open(entry) as inside, target.open("xb") as sink:
                    shutil.copyfileobj(inside, sink, _CHUNK)
                target.chmod(0o440)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise BadTransferFile(file=source.name) from error
    return into / roots.pop()


def _plain(name: str) -> bool:
    pure = PurePosixPath(name)
    is_inside = not pure.is_absolute() and ".." not in pure.parts and len(pure.parts) > 1
    return is_inside and "\\" not in name and not name.endswith("/")
