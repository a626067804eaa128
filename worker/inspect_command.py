"""`yanpiao inspect`: the four-property test of a bag, with nothing but the bag."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from archive.encrypted import open_folder, private_room
from archive.four_properties import Report, examine
from archive.four_properties.model import Property
from archive.four_properties.report import (
    advice_of,
    as_html,
    as_pdf,
    conclusion,
    evidence_of,
    item_name,
)
from archive.storage import open_storage
from archive.store import SUFFIX
from archive.transfer import unpack
from extractors.messages import say
from worker.settings import Settings

_PLACE = re.compile(r"[^/\\]+/v\d{4}")


def inspect(
    bag: Annotated[str, typer.Argument(help="Folder of a bag, its ZIP, or a bag of the store.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object, also on a terminal.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(help="Write a report to print: FILE.pdf or FILE.html.")
    ] = None,
) -> None:
    """Test a bag by itself (四性检测): authenticity, completeness, usability, safety."""
    language = Settings().language
    with _at_hand(bag) as folder:
        found = _examined(folder)
    if report is not None:
        is_pdf = report.suffix.lower() == ".pdf"
        report.write_bytes(as_pdf(found, language) if is_pdf else as_html(found, language).encode())
    if as_json or not sys.stdout.isatty():  # scripts rely on JSON; people look at a terminal
        sys.stdout.write(json.dumps(report_json(found, language), ensure_ascii=False) + "\n")
    else:
        _print(Console(), found, language)
    raise typer.Exit(0 if found.sound else 1)


def _examined(bag: Path) -> Report:
    if not bag.is_file():
        return examine(bag)
    with TemporaryDirectory(prefix="yanpiao-") as room:
        return examine(unpack(bag, Path(room))).model_copy(update={"bag": str(bag)})


@contextmanager
def _at_hand(bag: str) -> Iterator[Path]:
    """The bag as a folder. What is no folder here, and looks like `VOUCHER/v0001` or an address in
    the bucket, is fetched from the store that the settings name, and from nowhere else."""
    settings = Settings()
    store = open_storage(settings.storage_url, settings.root, settings.keyring).bags
    base = store.where("")
    place = bag.removeprefix(base) if bag.startswith(base) else bag
    if (ring := settings.keyring) is not None and any(Path(bag).glob(f"*{SUFFIX}")):
        with private_room() as room:
            open_folder(Path(bag), room, ring)
            yield room
        return
    if Path(bag).exists() or not _PLACE.fullmatch(place):
        yield Path(bag)
        return
    with store.local(place) as folder:
        yield folder


def report_json(found: Report, language: str) -> dict[str, object]:
    """The report as data; `faults` are the details of all failed items."""
    return {
        "bag": found.bag,
        "sound": found.sound,
        "voucher": found.voucher_no,
        "version": found.version,
        "digest": found.digest,
        "files": found.files,
        "size": found.size,
        "at": found.at.isoformat(),
        "faults": [detail for result in found.failed for detail in result.details],
        "items": [
            {
                "property": result.property,
                "code": result.code,
                "name": item_name(result, language),
                "outcome": result.outcome,
                "evidence": evidence_of(result, language),
                "details": list(result.details),
                "advice": advice_of(result, language),
            }
            for result in found.results
        ],
    }


def _print(console: Console, found: Report, language: str) -> None:
    columns = (say(f"four_report_{name}", language) for name in ("item", "outcome", "evidence"))
    table = Table("", *columns, title=say("four_report_title", language))
    colours = {"pass": "green", "fail": "bold red", "not_applicable": "dim"}
    for of_property in Property:
        for result in found.of(of_property):
            outcome = say(f"outcome_{result.outcome}", language)
            told = "\n".join((evidence_of(result, language), *result.details))
            table.add_row(
                say(f"property_{of_property}", language),
                item_name(result, language),
                f"[{colours[result.outcome]}]{outcome}[/]",
                told.replace("[", "\\["),
            )
    console.print(table)
    console.print(conclusion(found, language), markup=False)
