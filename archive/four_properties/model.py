"""What a four-property test says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from enum import StrEnum

from pydantic import Field as Attribute

from archive.records import now
from extractors.model import Frozen


class Property(StrEnum):
    AUTHENTICITY = "authenticity"
    COMPLETENESS = "completeness"
    USABILITY = "usability"
    SAFETY = "safety"


class Outcome(StrEnum):
    PASS = "pass"  # noqa: S105 - an outcome
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"


class Result(Frozen):
    """One item. The catalogues hold its name (`four_<code>`, with what to do as its hint) and the
    sentence of `evidence`, which `params` fill; `details` name files and causes."""

    code: str
    property: Property
    outcome: Outcome
    evidence: str
    params: dict[str, str] = Attribute(default_factory=dict)
    details: tuple[str, ...] = ()


class Report(Frozen):
    """All items of one bag. `size` is that of the payload in bytes."""

    bag: str
    voucher_no: str | None
    version: int | None
    digest: str | None
    files: int
    size: int
    results: tuple[Result, ...]
    at: dt.datetime = Attribute(default_factory=now)

    @property
    def failed(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.outcome is Outcome.FAIL)

    @property
    def sound(self) -> bool:
        return not self.failed

    def of(self, of_property: Property) -> tuple[Result, ...]:
        """The items of one property, in order."""
        return tuple(result for result in self.results if result.property is of_property)


_MOST_DETAILS = 50


class Judge:
    """Makes the results of one property's items."""

    def __init__(self, of_property: Property) -> None:
        self._property = of_property

    def faults(self, code: str, faults: Iterable[str], evidence: str, **params: object) -> Result:
        """Fails with these faults, passes where there is none."""
        found = tuple(faults)
        outcome = Outcome.FAIL if found else Outcome.PASS
        return self._result(code, outcome, evidence, params, found[:_MOST_DETAILS])

    def not_applicable(self, code: str, evidence: str, **params: object) -> Result:
        return self._result(code, Outcome.NOT_APPLICABLE, evidence, params, ())

    def _result(
        self,
        code: str,
        outcome: Outcome,
        evidence: str,
        params: dict[str, object],
        details: tuple[str, ...],
    ) -> Result:
        return Result(
            code=code,
            property=self._property,
            outcome=outcome,
            evidence=evidence,
            params={name: str(value) for name, value in params.items()},
            details=details,
        )
