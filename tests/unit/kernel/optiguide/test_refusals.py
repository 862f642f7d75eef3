"""Every construct that the language refuses: code, place, what is wrong, and the rewrite."""

from __future__ import annotations

import pytest

from dyocense_cli.errors import Findings, InputError, Ref
from dyocense_cli.kernel.optiguide.compile import passes
from tests.compiling import context, inputs, scenarios
from tests.compiling import goal as any_goal
from tests.golden import held

MODEL = """\
dsl: model/v1
dimensions:
  item: {from: items.item}
  day: {values: ["1", "2", "3"], ordered: true}
  town: {values: [A, B]}
  scenario: {scenarios: true}
parameters:
  price: {dims: [item], from: items.price, unit: EUR/each}
  weight: {dims: [item], from: items.weight, unit: kg/each}
  colour: {dims: [item], from: items.colour, dtype: text}
  lag: {dims: [item], from: items.lag, dtype: int}
  need: {dims: [item, scenario], from: needs.need, unit: each}
variables:
  buy: {dims: [item], bounds: {lower: 0}, unit: each}
  ship: {dims: [item, day, town], bounds: {lower: 0}, unit: each}
  short: {dims: [item, scenario], bounds: {lower: 0}, stage: 2, unit: each}
limits:
  budget: {settings: {max: {unit: EUR}, over: {choices: [all, day], default: all}}}
expressions:
  spend: price * buy
constraints:
  met: {dims: [item, scenario], expression: buy + short >= need}
  budget: {limit: budget, expression: sum(spend) <= max}
objective:
  sense: minimize
  terms: {cost: sum(spend), lost: "sum(short, over=item)", load: sum(weight * buy)}
"""
WORLD = context({"items": {"item": ["a", "b"], "price": [1, 2], "weight": [1, 1], "colour": ["red", "blue"], "lag": [0, 1]},
                 "needs": {"item": ["a", "b"], "need": [3, 4]}})

RULES = {
    "variable times variable": "sum(buy * buy) <= 1",
    "division by a variable": "sum(price / buy) <= 1",
    "a power": "sum(buy ** 2) <= 1",
    "an unknown name": "sum(prise * buy) <= 1",
    "an unknown function": "som(buy) <= 1",
    "an unknown dim": "sum(ship, over=dya) <= 1",
    "a dim that is not there": "sum(buy, over=day) <= 1",
    "a dim as a number": "sum(buy * item) <= 1",
    "labels as numbers": "sum(buy * colour) <= 1",
    "a label alone": "sum(buy) <= 'red'",
    "a label against a number": "sum(buy where price == 'red') <= 1",
    "a condition on a variable": "sum(buy where buy > 1) <= 1",
    "adding unlike units": "sum(price * buy + weight * buy) <= 1",
    "comparing unlike units": "sum(price * buy) <= sum(weight * buy)",
    "a rule that compares nothing": "sum(buy)",
    "a strict relation": "sum(buy) < 1",
    "a chain of relations": "0 <= sum(buy) <= 1",
    "an assignment": "sum(buy) = 1",
    "a rule without a variable": "sum(price) <= 1",
    "a shift along what has no order": "sum(shift(ship, along=town, offset=1)) <= 1",
    "a shift along a missing dim": "sum(shift(buy, along=day, offset=1)) <= 1",
    "an offset that is no whole number": "sum(shift(ship, along=day, offset=price, edge=0)) <= 1",
    "an edge that is a variable": "sum(shift(ship, along=day, offset=1, edge=buy)) <= 1",
    "a reduction of what is sure": "mean(sum(buy)) <= 1",
    "a reduction pushed up": "quantile(sum(short), 0.9) >= 1",
    "the ceiling of a variable": "sum(ceil(buy)) <= 1",
    "a name that is taken": None,
}


def goal(extra: str = "") -> str:
    return any_goal(extra + ("" if "objective" in extra else "\nobjective: {cost: 1}\n"))


def refused(goal_text: str, model_text: str = MODEL) -> str:
    """The error of a goal as a person sees it, with the line it points to."""
    given = inputs(goal_text, model_text, WORLD, scenarios(probability=[0.5, 0.5]))
    with pytest.raises((Findings, InputError)) as caught:
        list(passes(given))
    found = caught.value
    findings = found.findings if isinstance(found, Findings) else ()
    lines = []
    for f in findings:
        assert f.remediation, f.message
        lines += [f"{f.id}: {f.message}", *_place(f.where, goal_text, model_text), f"    hint: {f.remediation}"]
    if not findings:
        lines += [f"{found.code}: {found.message}", *_place(found.where, goal_text, model_text), *(f"    hint: {h}" for h in found.hints)]
    return "\n".join(lines)


def _place(where: object, goal_text: str, model_text: str) -> list[str]:
    assert where is not None
    if isinstance(where, Ref):
        return [f"    {where}"]
    text = goal_text if where.file == "goal.yaml" else model_text  # type: ignore[attr-defined]
    line = text.splitlines()[where.line - 1]  # type: ignore[attr-defined]
    return [f"    {where}", f"    {line}", "    " + " " * (where.column - 1) + "^"]  # type: ignore[attr-defined]


def test_every_refused_rule_has_its_place_and_rewrite() -> None:
    parts = []
    for what, rule in RULES.items():
        text = goal('constraints:\n  met: "sum(buy) <= 1"\n' if rule is None else f'constraints:\n  mine: "{rule}"\n')
        parts.append(f"# {what}: {rule or 'met'}\n{refused(text)}\n")
    held("language/rules.txt", "\n".join(parts))


GOALS = {
    "an unknown limit": "limits: {bugdet: {max: 3 EUR}}",
    "an unknown setting": "limits: {budget: {maks: 3 EUR}}",
    "a limit without its setting": "limits: {budget: {over: all}}",
    "a limit in another currency": "limits: {budget: {max: 3 USD}}",
    "a limit of another kind": "limits: {budget: {max: 3 kg}}",
    "a choice that there is not": "limits: {budget: {max: 3 EUR, over: week}}",
    "an unknown objective term": "objective: {coost: 1}",
    "unlike terms without a price": "objective: {cost: 1, load: 1}",
    "a price in a wrong unit": "objective: {cost: 1, load: 2 EUR/m3}",
    "a unit that nobody knows": "objective: {cost: 1, load: 2 EUR/stone-throw}",
    "an unknown switch": "settings: {unmet: lost}",
    "dims that do not fit": "constraints: {mine: {expression: buy <= 1, dims: [item, day]}}",
    "dims that are missing": "constraints: {mine: {expression: buy <= 1, dims: []}}",
    "a share of scenarios without bounds": "constraints: {mine: {expression: short <= 1, hold: p50}}",
    "an equation in a share of scenarios": "constraints: {mine: {expression: short == 1, hold: p50}}",
    "a label that nothing has": "constraints: {mine: \"sum(buy where colour == 'rot') <= 1\"}",
}


def test_every_refused_goal_has_its_place_and_rewrite() -> None:
    parts = [f"# {what}: {line}\n{refused(goal(line))}\n" for what, line in GOALS.items()]
    held("language/goals.txt", "\n".join(parts))


CHANGES = {
    "a circle of expressions": ("  spend: price * buy", "  spend: price * outlay\n  outlay: spend + 1"),
    "a name declared twice": ("  spend: price * buy", "  spend: price * buy\n  buy: spend"),
    "a bound over a foreign dim": ("buy: {dims: [item], bounds: {lower: 0}", "buy: {dims: [item], bounds: {lower: 0, upper: need}"),
    "a bound that is a variable": ("buy: {dims: [item], bounds: {lower: 0}", "buy: {dims: [item], bounds: {lower: 0, upper: short}"),
    "a term with a dim left": ("cost: sum(spend)", "cost: spend"),
    "a parameter computed from a variable": ("  lag: {", "  half: {dims: [item], value: buy / 2}\n  lag: {"),
    "a when of unknown names": ("  spend: price * buy", "  spend: {expression: price * buy, when: bugdet}"),
    "a limit that is not declared": ("budget: {limit: budget, expression", "budget: {limit: spend, expression"),
    "a source that the context has not": ("from: items.price", "from: items.prise"),
    "scenarios by another name": ("  scenario: {scenarios: true}", "  future: {scenarios: true}\n  scenario: {values: [x]}"),
    "a dim that the context has not": ("item: {from: items.item}", "item: {from: things.item}"),
    "numbers where the column has text": ("from: items.price", "from: items.colour"),
    "a division by a number that may be 0": ("  lag: {", "  part: {dims: [item], value: price / lag}\n  lag: {"),
    "breakpoints that do not ascend": ("constraints:\n", "piecewise: {fee: {input: buy, points: flat, values: flat, along: day, dims: [item]}}\nconstraints:\n"),
}


def test_every_refused_model_has_its_place_and_rewrite() -> None:
    parts = []
    for what, (old, new) in CHANGES.items():
        text = MODEL.replace(old, new).replace("  lag: {", "  flat: {dims: [day], value: 1}\n  lag: {", 1) if "flat" in new else MODEL.replace(old, new)
        assert text != MODEL, what
        parts.append(f"# {what}\n{refused(goal(), text)}\n")
    held("language/models.txt", "\n".join(parts))


def test_all_findings_of_a_pass_come_together() -> None:
    text = goal("limits: {bugdet: {max: 3 EUR}}\nobjective: {coost: 1}\n")
    assert refused(text).count("DY2208") == 2


def test_places_count_inside_the_expression() -> None:
    text = refused(goal('constraints:\n  mine: "sum(prise * buy) <= 1"\n'))
    assert "goal.yaml:8:14" in text  # of the quoted text, at the unknown name
