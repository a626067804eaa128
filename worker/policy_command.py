"""`yanpiao policy`: the rules in force, with their strength and source; or whether a file can be
used."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from verifiers.policy import Policy, Strength, load_policy
from verifiers.rule_catalogue import RULES
from worker.services import policy_of
from worker.settings import Settings


def policy(
    file: Annotated[
        Path | None, typer.Argument(help="Check this file instead of the one in force.")
    ] = None,
) -> None:
    """The offline rules, how strictly each is taken, and where it comes from."""
    chosen = load_policy(file) if file is not None else policy_of(Settings())
    console = Console()
    console.print(rules_table(chosen))
    if not chosen.buyers:
        console.print(
            "No buyers are named: invoices are not checked for being made out to this organisation."
        )


def rules_table(chosen: Policy) -> Table:
    """One row a rule: its name, its strength here, the codes of its findings, its source."""
    table = Table("rule", "strength", "findings", "source")
    for entry in RULES:
        strength = chosen.strength(entry.name)
        shown = f"{entry.severity}" if strength is Strength.DEFAULT else f"{strength} (policy)"
        table.add_row(entry.name, shown, ", ".join(entry.codes), entry.source)
    return table
