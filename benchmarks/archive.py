"""The archive's whole benchmark: search, sealing and inspecting, tampering, in one report.

    python -m benchmarks.archive [--sizes 100000 1000000 10000000] [--engines sqlite postgresql]
                                 [--vouchers 100] [--rounds 1000] [--seed 6]
                                 [--only search sealing tampering]

Each part runs in a process of its own (sealing binds itself to one core, search fills memory), one
after the other, and prints what it finds as it does alone. Ten million invoices take some twenty
minutes and 3 to 5 GB of disk an engine; a thousand changes some five minutes an engine.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

from benchmarks.machine import machine

PARTS = ("search", "sealing", "tampering")
_MODULES = {
    "search": "benchmarks.archive_search",
    "sealing": "benchmarks.sealing",
    "tampering": "benchmarks.tampering",
}


def commands(options: argparse.Namespace) -> Iterator[tuple[str, list[str]]]:
    """Each part's heading, and its module with arguments."""
    for part in options.only:
        for name, arguments in _runs(part, options):
            yield name, [_MODULES[part], *arguments]


def _runs(part: str, options: argparse.Namespace) -> Iterator[tuple[str, list[str]]]:
    if part == "search":
        sizes = ["--sizes", *map(str, options.sizes)]
        yield "search", [*sizes, "--engines", *options.engines, "--queries", str(options.queries)]
    elif part == "sealing":
        yield "sealing and inspecting", ["--vouchers", str(options.vouchers)]
    else:
        for engine in options.engines:
            drawn = ["--rounds", str(options.rounds), "--seed", str(options.seed)]
            where = ["--postgresql"] if engine == "postgresql" else []
            yield f"tampering, {engine}", [*drawn, *where]


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000])
    parser.add_argument("--engines", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--vouchers", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts; 1 where one of them did not come to its end."""
    print(f"# the archive: {machine()}")
    failed = 0
    for name, command in commands(parsed(arguments)):
        load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
        print(f"\n## {name} (load before {load})\n", flush=True)
        began = time.monotonic()
        done = subprocess.run([sys.executable, "-m", *command], check=False)
        print(f"\n{time.monotonic() - began:.0f} s, exit status {done.returncode}", flush=True)
        failed += done.returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
