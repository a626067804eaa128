"""What an organisation decides for itself: who it is, how strictly each rule is taken, its lists
and limits. One TOML file, checked as a whole when a process starts.

The mechanism (`verifiers.rules`) knows no names and no amounts; all of them stand here as data.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from extractors.errors import YanpiaoError
from extractors.model import Frozen, Kind, Severity
from verifiers.described import load_described
from verifiers.folding import fold_id, fold_name
from verifiers.rule_catalogue import RULES

DEFAULT_POLICY = Path(__file__).parent / "policy.toml"


class Strength(StrEnum):
    """How a rule's findings are taken. DEFAULT: as each rule itself weighs them."""

    DEFAULT = "default"
    OFF = "off"
    WARN = "warn"
    BLOCK = "block"

    @property
    def severity(self) -> Severity | None:
        """The severity that it forces on a finding, if it forces any."""
        return {Strength.WARN: Severity.WARN, Strength.BLOCK: Severity.BLOCK}.get(self)


class BadPolicy(YanpiaoError):
    """The policy file cannot be used; `faults` in the message names every place and cause."""

    code = "bad_policy"


class Buyer(Frozen):
    """One of our own names, with the tax ids it goes by and the names it once had."""

    name: str = Field(min_length=2)
    tax_ids: tuple[str, ...] = ()
    former_names: tuple[str, ...] = ()


class ListedWord(Frozen):
    """A word that must not, or only with a reason, stand on an invoice."""

    word: str = Field(min_length=1)
    why: str = ""


class ListedSeller(Frozen):
    """A seller that finance looks at, by name or tax id."""

    name: str = ""
    tax_id: str = ""
    why: str = ""

    @model_validator(mode="after")
    def _is_somebody(self) -> Self:
        if not self.name and not self.tax_id:
            raise ValueError("a listed seller needs a name or a tax_id")
        return self


class Limit(Frozen):
    """The most that one invoice of a category may amount to, in yuan with tax. An invoice is of
    the category if it is of one of `kinds`, or one of `words` stands in its lines."""

    category: str = Field(min_length=1)
    most: Decimal = Field(gt=0)
    words: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()

    @model_validator(mode="after")
    def _catches_something(self) -> Self:
        if not self.words and not self.kinds:
            raise ValueError("a limit needs words or kinds that tell its category")
        return self


class Splitting(Frozen):
    """Bills of one seller within `days`, each at most `limit` yuan and together more, look like
    one purchase taken apart."""

    limit: Decimal | None = Field(default=None, gt=0)
    days: int = Field(default=7, ge=0, le=366)


class Running(Frozen):
    """Numbers of one seller that differ by at most `gap` within `days` are consecutive (连号)."""

    gap: int = Field(default=2, ge=1, le=100)
    days: int = Field(default=60, ge=0, le=366)


class CrossYear(Frozen):
    """Until which day (MM-DD) invoices of the year before are still taken."""

    until: str = Field(default="03-31", pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")


class Again(Frozen):
    """On which days after it passed an archived invoice is verified again; each costs a captcha."""

    after_days: tuple[int, ...] = (45,)

    @field_validator("after_days")
    @classmethod
    def _in_order(cls, days: tuple[int, ...]) -> tuple[int, ...]:
        if list(days) != sorted(set(days)) or any(day < 1 for day in days):
            raise ValueError("days must be at least 1, and each later than the one before")
        return days


class Vouchers(Frozen):
    """How a voucher and its invoices must agree, and how often sealed bags are looked at."""

    #: Yuan by which the invoices' sum may differ from the voucher's amount.
    tolerance: Decimal = Field(default=Decimal("0.01"), ge=0)
    #: Days after which a sealed bag has its four-property test again; 0 switches it off.
    inspect_after_days: int = Field(default=30, ge=0, le=3650)


#: What no person may accept unless an organisation says otherwise: altered signatures, an invoice
#: that stands in the books already, and one that is void.
_NEVER_ACCEPTED = (
    "altered_after_signing",
    "signature_covers_part",
    "signature_wrong",
    "seal_wrong",
    "duplicate",
    "possible_duplicate",
    "number_used_otherwise",
    "voided",
    "red_offset",
)


class Review(Frozen):
    """How far a reviewer's word goes."""

    #: Yuan with tax above which one reviewer's decision needs another's word; None: never.
    second_person_above: Decimal | None = Field(default=Decimal("10000.00"), ge=0)
    #: Seconds in which a decision can be taken back for certain: nothing of it is sealed before.
    undo_seconds: int = Field(default=600, ge=0, le=86_400)
    #: Codes of findings and answers that nobody may accept as they are.
    never_accept: tuple[str, ...] = _NEVER_ACCEPTED


class Road(StrEnum):
    """A way to the tax authority's truth."""

    PORTAL = "portal"
    VENDOR = "vendor"
    SHENZHEN = "shenzhen"


def _own_roads() -> dict[Kind, tuple[Road, ...]]:
    return {Kind.BLOCKCHAIN: (Road.SHENZHEN,)}


class Roads(Frozen):
    """In which order roads are tried; `by_kind` goes before `usual`. The next is tried only where
    one is out of order or does not cover the kind."""

    usual: tuple[Road, ...] = Field(default=(Road.PORTAL,), min_length=1)
    by_kind: dict[Kind, tuple[Road, ...]] = Field(default_factory=_own_roads)

    def of(self, kind: Kind) -> tuple[Road, ...]:
        """The order for documents of a kind."""
        return self.by_kind.get(kind, self.usual)

    @property
    def named(self) -> frozenset[Road]:
        """Every road that some order names."""
        return frozenset(self.usual).union(*self.by_kind.values())


class Policy(Frozen):
    """The whole file. `rules` gives a strength by the name of a rule."""

    version: int = Field(default=1, ge=1, le=1)
    buyers: tuple[Buyer, ...] = ()
    rules: dict[str, Strength] = Field(default_factory=dict)
    words: tuple[ListedWord, ...] = ()
    sellers: tuple[ListedSeller, ...] = ()
    limits: tuple[Limit, ...] = ()
    splitting: Splitting = Splitting()
    running: Running = Running()
    cross_year: CrossYear = CrossYear()
    again: Again = Again()
    roads: Roads = Roads()
    vouchers: Vouchers = Vouchers()
    review: Review = Review()

    @model_validator(mode="after")
    def _names_known_rules(self) -> Self:
        unknown = sorted(set(self.rules) - {rule.name for rule in RULES})
        if unknown:
            known = ", ".join(rule.name for rule in RULES)
            raise ValueError(f"unknown rules: {', '.join(unknown)}; known are {known}")
        return self

    def strength(self, rule: str) -> Strength:
        """How strictly a rule is taken here."""
        return self.rules.get(rule, Strength.DEFAULT)

    def buyer_named(self, name: str) -> Buyer | None:
        """Which of our names, present or former, this is."""
        wanted = fold_name(name)
        for buyer in self.buyers:
            if wanted in map(fold_name, (buyer.name, *buyer.former_names)):
                return buyer
        return None

    def buyer_with_id(self, tax_id: str) -> Buyer | None:
        """Whose tax id this is."""
        wanted = fold_id(tax_id)
        return next((b for b in self.buyers if wanted in map(fold_id, b.tax_ids)), None)


def load_policy(path: Path | None = None) -> Policy:
    """The policy in a TOML file; the one that Yanpiao ships with without a path.

    Raises `BadPolicy`, which names every place that is wrong and why.
    """
    return load_described(path or DEFAULT_POLICY, Policy, BadPolicy)
