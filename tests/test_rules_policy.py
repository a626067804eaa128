"""The organisation's policy: what it may say, and that every fault of it is named at the start."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console

from extractors.messages import codes
from extractors.model import Severity
from tests.test_verifiers_rules import TODAY, sound
from verifiers.policy import BadPolicy, Policy, load_policy
from verifiers.rule_catalogue import RULES
from verifiers.rules import CHECKS, run_rules
from worker.policy_command import rules_table
from worker.services import policy_of
from worker.settings import Settings


def written(folder: Path, text: str) -> Path:
    path = folder / "policy.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_policy_holds_and_names_nobody() -> None:
    assert load_policy() == Policy()


def test_every_rule_of_the_catalogue_has_its_function_and_its_sentences() -> None:
    assert list(CHECKS) == [entry.name for entry in RULES]
    said = [code for entry in RULES for code in entry.codes]
    assert len(said) == len(set(said))
    for language in ("zh", "en"):
        assert set(said) - codes(language) == set()


def test_strength_is_off_warn_or_block_by_the_name_of_a_rule() -> None:
    invoice = sound(total_with_tax=Decimal("114.00"), amount_in_words=None)

    def severities(strength: str) -> list[Severity]:
        policy = Policy.model_validate({"rules": {"totals": strength}})
        return [finding.severity for finding in run_rules(invoice, TODAY, policy)]

    assert severities("default") == [Severity.BLOCK]
    assert severities("warn") == [Severity.WARN]
    assert severities("off") == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[rules]\ntotal = "warn"', "total"),
        ('[rules]\ntotals = "loud"', "rules.totals"),
        ("[splitting]\ndays = -1", "splitting.days"),
        ('[[limits]]\ncategory = "餐饮"\nmost = "100"', "limits.0"),
        ('[[sellers]]\nwhy = "?"', "sellers.0"),
        ('[cross_year]\nuntil = "13-01"', "cross_year.until"),
        ('[[buyers]]\nnames = ["甲"]', "buyers.0.name"),
        ("buyers = [", "not TOML"),
    ],
)
def test_a_fault_is_named_with_its_place(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(BadPolicy) as raised:
        load_policy(written(tmp_path, text))
    assert named in raised.value.message("en")
    assert raised.value.hint("zh")


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadPolicy) as raised:
        load_policy(written(tmp_path, "[running]\ngap = 0\n[splitting]\ndays = 1000"))
    assert {"running.gap", "splitting.days"} <= set(raised.value.message().replace(":", "").split())


def test_the_data_folder_may_hold_the_policy(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    assert policy_of(settings) == Policy()
    written(tmp_path, '[rules]\nweekend = "off"')
    assert policy_of(settings).strength("weekend") == "off"
    with pytest.raises(BadPolicy):
        policy_of(Settings(data=tmp_path, policy=tmp_path / "elsewhere.toml"))


def test_the_list_of_rules_says_what_the_policy_changed() -> None:
    console = Console(record=True, width=200)
    console.print(rules_table(Policy.model_validate({"rules": {"weekend": "block"}})))
    shown = console.export_text()
    assert "block (policy)" in shown
    assert all(entry.name in shown for entry in RULES)


def test_a_day_is_a_date_of_the_fiscal_year_that_is_taken_until() -> None:
    late = sound(issue_date=dt.date(2025, 12, 30))
    found = {finding.code for finding in run_rules(late, dt.date(2026, 3, 31))}
    assert "cross_year" not in found
    found = {finding.code for finding in run_rules(late, dt.date(2026, 4, 1))}
    assert "cross_year" in found


def test_the_page_of_rules_is_true() -> None:
    page = (Path(__file__).parent.parent / "docs" / "rules.md").read_text("utf-8")
    for entry in RULES:
        [row] = [line for line in page.splitlines() if line.startswith(f"| `{entry.name}` |")]
        assert f"| {entry.severity} |" in row
        assert all(f"`{code}`" in row for code in entry.codes)
        assert row.endswith(f"| {entry.source} |")
