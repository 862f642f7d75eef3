"""What a rule looks at: a goal with its files, places in them, and facts that several rules share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, TypeAlias

from dyocense_cli.artifacts.context import Context, ContextSpec
from dyocense_cli.artifacts.forecast import ScenarioSet
from dyocense_cli.artifacts.goal import Goal, Quantity, Setting
from dyocense_cli.artifacts.model import ModelSpec
from dyocense_cli.artifacts.rules import finding
from dyocense_cli.errors import Finding, Ref, Span, Where
from dyocense_cli.optimodel.units import Unit, UnitError, parse_unit

__all__ = ["CHECKS", "Case", "Check", "check", "number_in"]


@dataclass(frozen=True)
class Case:
    """A goal under lint; whatever is None was not read, and rules that need it stay silent.

    `scenarios` are those of a run, where one is explained; `denied` the suppliers that policy denies; `tier` None exempts from caps;
    `today` is an ISO date, empty where no rule may know it.
    """

    file: str
    text: str
    goal: Goal
    model: ModelSpec | None = None
    spec: ContextSpec | None = None
    context: Context | None = None
    scenarios: ScenarioSet | None = None
    denied: frozenset[str] = frozenset()
    tier: str | None = None
    today: str = ""
    #: answers that depend on the context and the scenarios alone, by name; goals on one context may share them
    shared: dict[str, object] = field(default_factory=dict, compare=False)

    def at(self, pointer: str) -> tuple[Where, bool]:
        """Return the place of a pointer in the goal, or of its nearest parent that is there, and whether it is exact."""
        here = pointer
        while here:
            span = self.goal.spans.get(here)
            if span is not None:
                return span, here == pointer
            here = here.rpartition("/")[0]
        return Span(self.file, 1, 1), False

    def found(self, rule: str, pointer: str, message: str, *, severity: str | None = None, **args: object) -> Finding:
        """Return a finding at a pointer of the goal."""
        where, exact = self.at(pointer)
        return finding(rule, message, where=where, pointer=pointer, exact=exact, severity=severity, args=args)

    def in_table(
        self, rule: str, table: str, row: int, column: str, message: str, *, severity: str | None = None, **args: object
    ) -> Finding:
        """Return a finding at a cell; `row` counts from 0 in the bound table."""
        return finding(rule, message, where=self.cell(table, row, column), severity=severity, args=args)

    def cell(self, table: str, row: int, column: str) -> Where:
        """Return the place of a cell: in the context file for inline rows, else file, row and column."""
        assert self.context is not None
        found = self.context.tables[table]
        number = int(found.rows[row]) if found.rows is not None else row + 1
        if self.spec is not None and table in self.spec.tables and self.spec.tables[table].rows is not None:
            pointer = f"/tables/{table}/rows/{number - 1}"
            return self.spec.spans.get(f"{pointer}/{column}") or self.spec.spans.get(pointer) or Ref(table, number, column)
        return Ref(found.file or table, number, column)

    @cached_property
    def units(self) -> tuple[tuple[str, float, str], ...]:
        """Units that the context declares, as `parse_unit` takes them."""
        if self.context is None:
            return ()
        rates = {r.source: (r.rate, r.target) for r in self.context.rates}
        rates |= {r.target: (1 / r.rate, r.source) for r in self.context.rates if r.source == self.context.currency and r.rate}
        return (*((c.source, c.rate, c.target) for c in self.context.conversions), *((n, f, b) for n, (f, b) in sorted(rates.items())))

    def unit(self, text: str) -> Unit | None:
        """Return a unit, None if `text` is none."""
        try:
            return parse_unit(text, currency=self.context.currency if self.context is not None else "", extra=self.units)
        except UnitError:
            return None

    def limit(self, name: str, setting: str) -> Setting:
        """Return a setting of one of the goal's limits, None if it is not set."""
        return self.goal.limits.get(name, {}).get(setting)

    def limit_number(self, name: str, setting: str, unit: str) -> float | None:
        """Return a setting as a number in `unit`, None if it is not set or does not convert."""
        return number_in(self, self.limit(name, setting), unit)


def number_in(case: Case, value: object, unit: str) -> float | None:
    """Return a quantity as a number in `unit`; a bare number is in it already."""
    if not isinstance(value, Quantity):
        return None
    if value.unit is None:
        return value.value
    have, want = case.unit(value.unit), case.unit(unit)
    if have is None or want is None or not have.fits(want):
        return None
    return value.value * have.factor / want.factor


Check: TypeAlias = Callable[[Case], Iterable[Finding]]

#: Every check by the rule it finds; filled by the modules that `run` imports.
CHECKS: Final[dict[str, Check]] = {}


def check(rule: str) -> Callable[[Check], Check]:
    """Register a function as the check of a rule."""

    def register(function: Check) -> Check:
        assert rule not in CHECKS, rule
        CHECKS[rule] = function
        return function

    return register
