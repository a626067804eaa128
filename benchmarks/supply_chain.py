"""What Yanpiao is made of, and whether any of it is known to be vulnerable.

    python -m benchmarks.supply_chain sbom FILE    a CycloneDX list of every pinned package
    python -m benchmarks.supply_chain audit        ask the vulnerability service (needs the network)

`audit` ends with 0 only where the service knew every package and nothing against any; with 1
where something is vulnerable; with 2, loudly, where it could not be asked.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PINNED = ("requirements.txt", "requirements-models.txt")
_PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[\w,-]+\])?==([^\s;\\]+)", re.MULTILINE)
_SECONDS = 600


def pins() -> dict[str, str]:
    """Name (as PyPI writes it) and version of every package that an installation holds."""
    text = "\n".join((ROOT / name).read_text("utf-8") for name in PINNED)
    return {normal(name): version for name, version in _PIN.findall(text)}


def normal(name: str) -> str:
    """The one spelling of a package's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def sbom() -> dict[str, Any]:
    """The bill of materials. Raises `CalledProcessError` where it cannot be made."""
    with tempfile.TemporaryDirectory() as folder:
        joined, out = Path(folder, "all.txt"), Path(folder, "sbom.json")
        joined.write_text("\n".join((ROOT / name).read_text("utf-8") for name in PINNED))
        command = ["cyclonedx_py", "requirements", str(joined), "--pyproject"]
        options = ["--output-reproducible", "--of", "JSON", "-o", str(out)]
        subprocess.run(
            [sys.executable, "-m", *command, str(ROOT / "pyproject.toml"), *options],
            check=True, capture_output=True, timeout=_SECONDS,
        )  # fmt: skip
        made: dict[str, Any] = json.loads(out.read_text("utf-8"))
        return made


def judged(report: dict[str, Any], expected: dict[str, str]) -> tuple[int, list[str]]:
    """Exit status and what to say of pip-audit's answer. Silence about a package is no praise."""
    entries = {normal(each["name"]): each for each in report.get("dependencies", [])}
    unknown = sorted(
        name for name in expected if name not in entries or "skip_reason" in entries[name]
    )
    bad = [
        f"{name} {entry['version']}: {fault['id']} (mended in {', '.join(fault['fix_versions'])})"
        for name, entry in sorted(entries.items())
        for fault in entry.get("vulns", [])
    ]
    if bad:
        return 1, ["VULNERABLE:", *bad]
    if unknown:
        return 2, [f"NOT AUDITED: {len(unknown)} of {len(expected)} packages, {unknown[0]} first"]
    return 0, [f"{len(expected)} packages, nothing known against any"]


def audit() -> tuple[int, list[str]]:
    """Ask about every pinned package; exit status and what to say."""
    options = ["--disable-pip", "--require-hashes", "--format", "json", "--progress-spinner", "off"]
    files = [argument for name in PINNED for argument in ("-r", str(ROOT / name))]
    run = subprocess.run(
        [sys.executable, "-m", "pip_audit", *options, *files],
        capture_output=True, text=True, timeout=_SECONDS, check=False,
    )  # fmt: skip
    try:
        report = json.loads(run.stdout)
    except ValueError:
        last = (run.stderr.strip().splitlines() or ["no answer"])[-1]
        return 2, [f"NOT AUDITED: the vulnerability service cannot be asked ({last[:200]})"]
    return judged(report, pins())


def main() -> int:
    if sys.argv[1:2] == ["sbom"] and len(sys.argv) == 3:
        made = sbom()
        Path(sys.argv[2]).write_text(json.dumps(made, indent=1, sort_keys=True), "utf-8")
        print(f"{len(made['components'])} packages in {sys.argv[2]}")
        return 0
    if sys.argv[1:] == ["audit"]:
        status, said = audit()
        print("\n".join(said))
        return status
    print(__doc__)
    return 64


if __name__ == "__main__":
    sys.exit(main())
