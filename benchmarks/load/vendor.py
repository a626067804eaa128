"""The stand-in of a vendor's interface as a process: `-m benchmarks.load.vendor KNOWN PORT`."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import uvicorn

from fixtures.portal.known import load_known
from fixtures.services import ROOT, free_port
from fixtures.vendor import KEY, create_app

_PATTERN = ROOT / "fixtures" / "vendor" / "vendor.toml"
_START_SECONDS = 60


@contextlib.contextmanager
def vendor(data: Path, known: Path) -> Iterator[dict[str, str]]:
    """Run the stand-in; the settings that make it the road of this data folder."""
    port = free_port()
    data.mkdir(parents=True, exist_ok=True)
    description = data / "vendor.toml"
    text = _PATTERN.read_text("utf-8").replace("127.0.0.1:8099", f"127.0.0.1:{port}")
    description.write_text(text, encoding="utf-8")
    policy = '[roads]\nusual = ["vendor"]\n'
    (data / "policy.toml").write_text(f"version = 1\n{policy}", encoding="utf-8")
    command = [sys.executable, "-m", "benchmarks.load.vendor", str(known), str(port)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        _wait(f"http://127.0.0.1:{port}/openapi.json")
        yield {"YANPIAO_VENDOR": str(description), "YANPIAO_VENDOR_KEY": KEY}
    finally:
        process.terminate()
        process.wait()


def _wait(url: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url).is_success:
                return
        time.sleep(0.2)
    raise RuntimeError("the stand-in of the vendor did not start")


def main() -> None:
    app = create_app(load_known(Path(sys.argv[1])))
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="error")


if __name__ == "__main__":
    main()
