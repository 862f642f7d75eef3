"""Which limits and settings a goal gives, and which declarations they wake: the `when:` of a model file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from dyocense_cli.artifacts.goal import Goal, Quantity
from dyocense_cli.artifacts.goal import Setting as Given
from dyocense_cli.artifacts.model import LimitDecl, ModelSpec, SettingDecl
from dyocense_cli.kernel.optiguide.problems import Problems
from dyocense_cli.optimodel.expr.nodes import Binary, Compare, Logic, Name, Neg, Node, Not, Num, Text
from dyocense_cli.optimodel.symbols import Problem, suggest
from dyocense_cli.optimodel.units import NUMBER, UnitError, parse_unit, unit_text

__all__ = ["Switches", "read_switches"]

Word: TypeAlias = "str | float | bool"
_OPERATORS: Final = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
}


@dataclass(frozen=True, slots=True)
class Switches:
    """`on` limits that hold; `words` value of every setting by ``name`` or ``limit.setting``; `numbers` the parameters they give,
    by name (``budget_max``), with the unit they are in."""

    on: frozenset[str]
    words: Mapping[str, Word]
    numbers: Mapping[str, tuple[float, str | None]]
    #: limits that are declared, with the settings each has
    known: Mapping[str, tuple[str, ...]]

    def holds(self, node: Node, limit: str | None = None) -> bool:
        """Say whether a `when:` holds; inside a rule of `limit` its settings go by their own names.

        Raises
        ------
        KeyError
            With the name, if a name is neither a limit nor a setting.
        """
        return bool(self._value(node, limit))

    def _value(self, node: Node, limit: str | None) -> Word:
        if isinstance(node, Name):
            return self._word(node.id, limit)
        if isinstance(node, Num):
            return node.value
        if isinstance(node, Text):
            return node.value
        if isinstance(node, Neg):
            return -float(self._value(node.body, limit))
        if isinstance(node, Not):
            return not self._value(node.body, limit)
        if isinstance(node, Logic):
            first = bool(self._value(node.left, limit))
            return first and bool(self._value(node.right, limit)) if node.op == "and" else first or bool(self._value(node.right, limit))
        if isinstance(node, Compare):
            left, right = self._value(node.left, limit), self._value(node.right, limit)
            return bool(_OPERATORS[node.op](left, right)) if isinstance(left, str) == isinstance(right, str) else node.op == "!="
        raise KeyError(type(node).__name__ if isinstance(node, Binary) else "a function")

    def _word(self, name: str, limit: str | None) -> Word:
        if limit is not None and name in self.known.get(limit, ()):
            return self.words.get(f"{limit}.{name}", False)
        if name in self.words:
            return self.words[name]
        head, _, tail = name.partition(".")
        if head in self.known and (not tail or tail in self.known[head]):
            return False if tail else head in self.on
        raise KeyError(name)


def read_switches(goal: Goal, spec: ModelSpec, problems: Problems, *, currency: str, extra: tuple[tuple[str, float, str], ...]) -> Switches:
    """Return the limits and settings that a goal gives a model; what does not fit goes to `problems`."""
    return _Reader(goal, spec, problems, currency, extra).read()


class _Reader:
    """One reading of a goal's limits and settings against a model's declarations."""

    def __init__(self, goal: Goal, spec: ModelSpec, problems: Problems, currency: str, extra: tuple[tuple[str, float, str], ...]) -> None:
        self.goal, self.spec, self.problems, self.currency, self.extra = goal, spec, problems, currency, extra
        self.words: dict[str, Word] = {}
        self.numbers: dict[str, tuple[float, str | None]] = {}

    def read(self) -> Switches:
        limits = {limit.name: limit for limit in self.spec.limits}
        for name in self.goal.limits:
            if name not in limits:
                self.problems.add(
                    Problem(
                        "DY2208",
                        f"the model `{self.spec.name}` has no limit `{name}`",
                        suggest(name, limits),
                    ),
                    f"goal:/limits/{name}",
                )
        on = {name for name, limit in limits.items() if name in self.goal.limits or limit.always}
        for name in sorted(on):
            self._limit(limits[name], self.goal.limits.get(name, {}))
        self._switches()
        known = {name: tuple(s.name for s in limit.settings) for name, limit in limits.items()}
        return Switches(frozenset(on), self.words, self.numbers, known)

    def _switches(self) -> None:
        for name, value in self.spec.settings.items():
            self._switch(name, self.goal.settings.get(name, value))
        for name in self.goal.settings:
            if name not in self.spec.settings:
                hint = suggest(name, self.spec.settings)
                self.problems.add(
                    Problem("DY2208", f"the model `{self.spec.name}` has no setting `{name}`", hint), f"goal:/settings/{name}"
                )

    def _switch(self, name: str, value: Given | float) -> None:
        if isinstance(value, Quantity):
            value = value.value
        if isinstance(value, (bool, str)):
            self.words[name] = value
        elif isinstance(value, (int, float)):
            self.words[name] = float(value)
            self.numbers[name] = (float(value), None)

    def _limit(self, limit: LimitDecl, given: Mapping[str, Given]) -> None:
        declared = {s.name: s for s in limit.settings}
        for name in given:
            if name not in declared:
                self.problems.add(
                    Problem(
                        "DY2208",
                        f"the limit `{limit.name}` has no setting `{name}`",
                        suggest(name, declared),
                    ),
                    f"goal:/limits/{limit.name}/{name}",
                )
        for name, setting in declared.items():
            value = given.get(name)
            source = f"goal:/limits/{limit.name}/{name}"
            if value is None and setting.default is not None:
                value = _default(setting)
            if value is not None:
                self._setting(limit.name, setting, value, source)
            elif not setting.optional:
                self.problems.add(
                    Problem(
                        "DY2209",
                        f"the limit `{limit.name}` needs `{name}`",
                        f"write `{limit.name}: {{{name}: …}}`" + (f" in {setting.unit}" if setting.unit else ""),
                    ),
                    source,
                )

    def _setting(self, limit: str, setting: SettingDecl, value: Given, source: str) -> None:
        if isinstance(value, Quantity) and not setting.choices:
            self.numbers[f"{limit}_{setting.name}"] = (self._number(limit, setting, value, source), setting.unit)
            self.words[f"{limit}.{setting.name}"] = True
        elif isinstance(value, (str, bool)) and (not setting.choices or str(value) in setting.choices) and setting.unit is None:
            self.words[f"{limit}.{setting.name}"] = value
        else:
            want = "one of " + ", ".join(setting.choices) if setting.choices else f"a number in {setting.unit or 'no unit'}"
            self.problems.add(Problem("DY2209", f"`{setting.name}` of the limit `{limit}` is not {want}", f"write {want}"), source)

    def _number(self, limit: str, setting: SettingDecl, value: Quantity, source: str) -> float:
        try:
            have = parse_unit(value.unit, currency=self.currency, extra=self.extra) if value.unit else None
            want = parse_unit(setting.unit, currency=self.currency, extra=self.extra)
        except UnitError as error:
            self.problems.add(Problem("DY2205", f"{error}"), source)
            return value.value
        if have is None:
            return value.value
        if setting.unit is None and have.powers:
            want = have
        if not have.fits(want):
            self.problems.add(
                Problem(
                    "DY2205",
                    f"`{setting.name}` of the limit `{limit}` is in {unit_text(have)}, the model takes {unit_text(want)}",
                    _rate_hint(have.powers, want.powers),
                ),
                source,
            )
            return value.value
        return value.value * have.factor / (want.factor if setting.unit is not None else NUMBER.factor)


def _rate_hint(have: tuple[tuple[str, int], ...], want: tuple[tuple[str, int], ...]) -> str:
    if len(have) == 1 and len(want) == 1 and have[0][0].isupper() and want[0][0].isupper():
        return f"give it in {want[0][0]}, or give the context a rate from {have[0][0]} to {want[0][0]}"
    return "give it in the unit that the model declares"


def _default(setting: SettingDecl) -> Given:
    assert setting.default is not None
    number, _, unit = setting.default.strip().partition(" ")
    if setting.choices:
        return setting.default
    try:
        return Quantity(float(number), unit.strip() or None)
    except ValueError:
        return setting.default
