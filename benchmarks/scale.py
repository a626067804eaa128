"""What a large installation needs: a model of its year, simulated.

    python -m benchmarks.scale [--invoices 100000000] [--load FILE] [--seeds 1 2 3]

A year in steps of ten minutes: working days with the hours at which people hand in, month-ends
with many times the usual, chance by seed. Each stage (reading and the rest of the processors' work,
asking the tax authority, the audit trail's single line) works off what waits before it at its own
rate; what it does not manage waits. From that follow how many cores, operators or calls are needed
so that whatever came in on a day is sealed by the next morning, and which stage gives out first.

Every figure it reckons with stands in `scale_figures.toml` with the command that measured it.
docs/scale.md tells what came out.
"""

from __future__ import annotations

import argparse
import json
import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from benchmarks.machine import machine

FIGURES = Path(__file__).with_name("scale_figures.toml")
STEP_SECONDS = 600
_STEPS_A_DAY = 24 * 3600 // STEP_SECONDS
DAYS = 365
#: And so many days after the year, on which nothing comes and what waits is worked off.
_AFTER = 7
#: Handing in by hour of a working day, from 8 to 19; before and after nothing.
_HOURS = {8: 4, 9: 11, 10: 14, 11: 10, 12: 4, 13: 6, 14: 11, 15: 13, 16: 12, 17: 9, 18: 4, 19: 2}
#: The last working days of a month, and how many times the usual they bring.
_MONTH_END_DAYS, MONTH_END_TIMES = 3, 5.0
_WEEKEND = 0.03
#: An operator types so many hours of a day, from this hour on.
_SHIFT_FROM, _SHIFT_HOURS = 9, 7
#: What came by the evening is sealed within so many hours.
PATIENCE_HOURS = 14.0
#: What must be typed has until the end of the second working day after it.
_DESK_HOURS = 4 * 24.0
#: Cores are not planned to be used to the last.
_FULL = 0.7

#: Each invoice is asked about again after so many days (`[again]` of the shipped policy).
_AGAIN_DAYS = 45

Load = npt.NDArray[np.float64]
MIX = {"xml": 0.2, "ofd": 0.2, "pdf": 0.4, "scan": 0.2}


def figures(measured: Path | None = None) -> dict[str, float]:
    """The figures, with those of a load benchmark's JSON in their place where one is given."""
    stated = tomllib.loads(FIGURES.read_text("utf-8"))
    found = {name: float(each["value"]) for name, each in stated.items()}
    if measured is not None:
        found |= _measured(json.loads(measured.read_text("utf-8")))
    return found


def _measured(said: Mapping[str, Any]) -> dict[str, float]:
    costs = {cost["kind"]: cost for cost in said.get("kinds", ())}
    found: dict[str, float] = {}
    for name, kind in (("xml", "XML"), ("ofd", "OFD"), ("pdf", "PDF"), ("scan", "scan")):
        if kind in costs:
            found[f"processor_{name}"] = costs[kind]["whole"]
    if {"XML", "XML, portal's page"} <= set(costs):
        plain, page = costs["XML"], costs["XML, portal's page"]
        found["processor_page"] = page["whole"] - plain["whole"]
        stored = [each["stored"]["files"] + each["stored"]["bags"] for each in (page, plain)]
        found["files_page"] = stored[0] - stored[1]
    if "PDF" in costs:
        stored_pdf = costs["PDF"]["stored"]
        found["files_vendor"] = stored_pdf["files"] + stored_pdf["bags"]
        found["database"] = stored_pdf["database"]
        found["trail_rows"] = stored_pdf["trail"]
    trail = said.get("bare", {}).get("row of the trail, PostgreSQL")
    if trail is not None:
        found["commit"] = trail["clock"]
    return found


def year(invoices: int, seed: int, times: float = MONTH_END_TIMES) -> Load:
    """Invoices handed in in each step of a year."""
    draw = np.random.default_rng(seed)
    days = np.ones(DAYS)
    weekend = np.arange(DAYS) % 7 >= 5
    days[weekend] = _WEEKEND
    working = np.flatnonzero(~weekend)
    ends = np.linspace(DAYS / 12, DAYS, 12)
    for end in ends:
        days[working[working < end][-_MONTH_END_DAYS:]] = times
    days *= draw.normal(1.0, 0.1, DAYS).clip(0.5, 1.5)
    hours = np.array([float(_HOURS.get(hour, 0)) for hour in range(24)])
    steps = np.repeat(hours, _STEPS_A_DAY // 24)
    expected = np.outer(days / days.sum(), steps / steps.sum()).ravel() * invoices
    return np.append(draw.poisson(expected), np.zeros(_AFTER * _STEPS_A_DAY)).astype(np.float64)


def worked_off(coming: Load, capacity: Load | float) -> tuple[Load, Load]:
    """What leaves a stage in each step, and what waits before it afterwards."""
    most = np.broadcast_to(np.asarray(capacity, dtype=np.float64), coming.shape)
    leaves, waits = np.empty_like(coming), np.empty_like(coming)
    waiting = 0.0
    for step, (new, able) in enumerate(zip(coming, most, strict=True)):
        waiting += new
        leaves[step] = min(waiting, able)
        waiting -= leaves[step]
        waits[step] = waiting
    return leaves, waits


def longest_wait(coming: Load, leaving: Load) -> float:
    """Hours that the one who waits longest waits, first come, first served. Infinite where some
    never leave."""
    came, left = np.cumsum(coming), np.cumsum(leaving)
    if left[-1] < came[-1] - 0.5:
        return math.inf
    done = np.searchsorted(left, came - 0.5)
    return float((done - np.arange(len(came)))[coming > 0].max() * STEP_SECONDS / 3600)


def least(coming: Load, capacity: Callable[[int], Load | float], patience: float) -> int:
    """The least number of servers with which nobody waits longer than that many hours."""

    def enough(count: int) -> bool:
        return longest_wait(coming, worked_off(coming, capacity(count))[0]) <= patience

    high = 1
    while not enough(high):
        high *= 2
        if high > 1 << 24:
            raise ValueError("no number is enough: a stage never works")
    low = high // 2 + 1 if high > 1 else 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return high


def processor_each(known: Mapping[str, float], *, page: bool) -> float:
    """Seconds of processor a document, by the mix of kinds."""
    spent = sum(share * known[f"processor_{kind}"] for kind, share in MIX.items())
    return (spent + (known["processor_page"] if page else 0.0)) / 1000


def asked_about(coming: Load) -> Load:
    """Visits that are due in each step: the first, and that of the policy's later day. Those that
    fall due after the year stand for those of the year before."""
    later = np.roll(coming[: DAYS * _STEPS_A_DAY], _AGAIN_DAYS * _STEPS_A_DAY)
    visits: Load = coming + np.append(later, np.zeros(coming.size - later.size))
    return visits


def shifts(a_minute: float) -> Load:
    """So many a minute in each step of a year, while people sit at the desk."""
    hours = np.zeros(24)
    hours[_SHIFT_FROM : _SHIFT_FROM + _SHIFT_HOURS] = 1.0
    day = np.repeat(hours, _STEPS_A_DAY // 24) * a_minute * STEP_SECONDS / 60
    working = (np.arange(DAYS + _AFTER) % 7 < 5).astype(np.float64)
    return np.outer(working, day).ravel().astype(np.float64)


@dataclass(frozen=True, slots=True)
class Need:
    """What a year asks for, and when which stage would give out."""

    invoices: int
    peak_day: float
    peak_second: float
    cores: int
    cores_page: int
    operators: int
    lanes: int
    vendor_second: float
    trail_busy: float
    trail_hours: float
    rows_gb: float
    index_gb: float
    files_tb: float
    files_page_tb: float


def need(invoices: int, known: Mapping[str, float], seed: int) -> Need:
    """Simulate a year with each stage as large as it must be, the trail as it is."""
    coming = year(invoices, seed)
    days = coming.reshape(-1, _STEPS_A_DAY).sum(axis=1)

    def cores(page: bool) -> Callable[[int], float]:
        each = processor_each(known, page=page)
        return lambda count: count * _FULL * STEP_SECONDS / each

    line = known["trail_rows"] * known["commit"] / 1000  # seconds of the trail a document
    written, _ = worked_off(coming, STEP_SECONDS / line)
    visits = asked_about(coming)
    a_lane = min(known["lane_minute"], known["lane_day"] / (60 * _SHIFT_HOURS))
    calls = least(visits, lambda count: count * STEP_SECONDS / 10, PATIENCE_HOURS)
    gb = 1000**3
    return Need(
        invoices=invoices,
        peak_day=float(days.max()),
        peak_second=float(coming.max()) / STEP_SECONDS,
        cores=least(coming, cores(page=False), PATIENCE_HOURS),
        cores_page=least(coming, cores(page=True), PATIENCE_HOURS),
        # Over a weekend nobody sits at the desk.
        operators=least(visits, lambda count: shifts(count * known["operator"]), _DESK_HOURS),
        lanes=least(visits, lambda count: shifts(count * a_lane), _DESK_HOURS),
        vendor_second=calls / 10,
        trail_busy=float(coming.max()) * line / STEP_SECONDS,
        trail_hours=longest_wait(coming, written),
        rows_gb=invoices * known["database"] / gb,
        index_gb=invoices * known["index"] / gb,
        files_tb=invoices * known["files_vendor"] / gb / 1000,
        files_page_tb=invoices * (known["files_vendor"] + known["files_page"]) / gb / 1000,
    )


#: Sizes of houses, in invoices a year.
HOUSES = {"small school": 5_000, "university, hospital": 200_000, "group of companies": 5_000_000}


def sizing_table(known: Mapping[str, float], seed: int) -> Table:
    """What houses of usual sizes need; memory is that of the processes, files as PDF."""
    table = Table("house", "invoices a year", "usual day", "busiest day", "cores", "memory GiB",
                  "disk GB a year", "operators", "lanes", "or vendor calls/s",
                  title="Sizes")  # fmt: skip
    for name, invoices in HOUSES.items():
        found = need(invoices, known, seed)
        readers = max(1, found.cores_page)
        browsers = max(1, found.operators)
        mib = (
            readers * known["reader_memory"]
            + (readers + 4) * known["other_memory"]
            + browsers * known["browser_memory"]
        )
        disk = found.rows_gb + found.index_gb + 1000 * found.files_page_tb
        table.add_row(
            name, f"{invoices:,}", f"{invoices / 250:,.0f}", f"{found.peak_day:,.0f}",
            str(max(2, found.cores_page)), f"{math.ceil(mib / 1024) + 1}", f"{disk:,.0f}",
            str(found.operators), str(found.lanes), f"{found.vendor_second:.1f}",
        )  # fmt: skip
    return table


def need_table(needs: Sequence[Need]) -> Table:
    """A column for each year that was simulated."""
    years = [f"year {number}" for number in range(1, len(needs) + 1)]
    table = Table("what", *years, title=f"{needs[0].invoices:,} invoices a year")
    for rows in zip(*(_rows(found) for found in needs), strict=True):
        table.add_row(rows[0][0], *(value for _, value in rows))
    return table


def _rows(found: Need) -> tuple[tuple[str, str], ...]:
    return (
        ("busiest day", f"{found.peak_day:,.0f} invoices"),
        ("busiest ten minutes", f"{found.peak_second:.0f} a second"),
        ("cores, a vendor asked", f"{found.cores}"),
        ("cores, the portal's page in Chromium", f"{found.cores_page}"),
        ("operators at the captcha desk", f"{found.operators:,}"),
        ("lanes by their captchas a day", f"{found.lanes:,}"),
        ("or a vendor's calls a second", f"{found.vendor_second:.0f}"),
        ("the trail's single line, busiest ten minutes", f"{found.trail_busy:.0%} busy"),
        ("longest wait for the trail", f"{found.trail_hours:.1f} h"),
        ("database a year", f"{found.rows_gb:,.0f} GB of rows, {found.index_gb:,.0f} GB of index"),
        ("files and bags a year", f"{found.files_tb:,.1f} TB"),
        ("the same with the portal's proofs", f"{found.files_page_tb:,.1f} TB"),
    )


def gives_out(known: Mapping[str, float]) -> Table:
    """Up to how many invoices a year each thing reaches that does not grow by adding machines."""
    busiest = float(year(1_000_000, 1).reshape(-1, _STEPS_A_DAY).sum(axis=1).max()) / 1_000_000
    hours = sum(_HOURS.values())
    hour = busiest * max(_HOURS.values()) / hours  # share of a year in its busiest hour
    line = known["trail_rows"] * known["commit"] / 1000
    table = Table("stage", "ends at invoices a year", "because", title="What gives out, in order")
    ends = [
        (known["lane_day"] / busiest, "one lane of the portal's page",
         f"{known['lane_day']:,.0f} captchas a day on the busiest day"),
        (known["operator"] * 60 * _SHIFT_HOURS / busiest, "one operator",
         f"{known['operator']} a minute, {_SHIFT_HOURS} hours on the busiest day"),
        (known["vendor_second"] * 3600 / hour, "one vendor's interface",
         f"{known['vendor_second']:.0f} calls a second in the busiest hour"),
        (3600 / line / hour, "the audit trail's single line",
         f"{known['trail_rows']:.0f} transactions of {known['commit']:.1f} ms, the busiest hour"),
    ]  # fmt: skip
    for most, stage, because in sorted(ends):
        table.add_row(stage, f"{most:,.0f}", because)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.scale", description=__doc__)
    parser.add_argument("--invoices", type=int, default=100_000_000)
    parser.add_argument("--load", type=Path, help="JSON of benchmarks.load")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="a year each")
    asked = parser.parse_args()
    console = Console(width=120)
    console.print(f"{machine()}, seeds {asked.seeds}")
    known = figures(asked.load)
    stated = tomllib.loads(FIGURES.read_text("utf-8"))
    inputs = Table("figure", "value", "unit", "from", title="What is reckoned with")
    for name, value in known.items():
        inputs.add_row(name, f"{value:,.1f}", stated[name]["unit"], stated[name]["source"])
    console.print(inputs)
    console.print(need_table([need(asked.invoices, known, seed) for seed in asked.seeds]))
    console.print(gives_out(known))
    console.print(sizing_table(known, asked.seeds[0]))


if __name__ == "__main__":
    main()
