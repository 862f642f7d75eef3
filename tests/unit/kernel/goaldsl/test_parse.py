"""Goal, context and model files: defaults, findings, near misses, overrides."""

from __future__ import annotations

import pytest

from dyocense_cli.artifacts.codec import fingerprint
from dyocense_cli.artifacts.context import Rate
from dyocense_cli.artifacts.goal import Goal, Quantity
from dyocense_cli.defaults import default
from dyocense_cli.errors import Findings, Span, UsageError
from dyocense_cli.kernel.goaldsl.parse import kind_of, parse_context, parse_goal, parse_model, read_goal

LEAST = "dsl: goal/v1\nid: g\nmodel: replenishment\ncontext: c.yaml\n"


def wrong(text: str) -> list[tuple[str, int, int, str]]:
    with pytest.raises(Findings, match="error") as caught:
        parse_goal(text, file="g.yaml")
    return [(f.id, f.where.line, f.where.column, f.pointer) for f in caught.value.findings if isinstance(f.where, Span)]


def test_defaults_are_filled_in_from_the_one_table() -> None:
    goal = parse_goal(LEAST, file="g.yaml")
    assert (goal.variant, goal.title, goal.policies) == ("base", "g", ("all",))
    assert goal.horizon.periods == default("horizon.periods")
    assert goal.forecast.num_scenarios == default("forecast.num_scenarios")
    assert goal.solver.time_limit_s == default("solver.time_limit_s")
    assert goal.aggregation == default("robust.aggregation")
    assert goal.explain.track == default("explain.track")


def test_a_method_may_name_its_engine() -> None:
    goal = parse_goal(LEAST + "forecast: {model: statsforecast:AutoETS}\nsolver: {backend: mathopt:pdlp}\n", file="g.yaml")
    assert (goal.forecast.model, goal.solver.backend) == ("statsforecast:AutoETS", "mathopt:pdlp")
    assert wrong(LEAST + "forecast: {model: 'statsforecast:'}\n") == [("DYO-S003", 5, 19, "/forecast/model")]


def test_values_carry_units_and_limits_their_settings() -> None:
    goal = parse_goal(
        LEAST + "objective: {cost: 1, co2: 0.08 EUR/kg}\n"
        "limits: {budget: {max: 8000EUR, over: horizon}, moq: true, storage: false}\n"
        "solver: {time_limit: 2 min, mip_gap: 1 %, limits: {nodes: 100}}\nrobust: {aggregation: cvar90}\n",
        file="g.yaml",
    )
    assert goal.objective == {"cost": Quantity(1.0), "co2": Quantity(0.08, "EUR/kg")}
    assert goal.limits == {"budget": {"max": Quantity(8000.0, "EUR"), "over": "horizon"}, "moq": {}}
    assert (goal.solver.time_limit_s, goal.solver.mip_gap, goal.solver.nodes) == (120.0, 0.01, 100)
    assert goal.aggregation == "cvar90"
    assert str(goal.spans["/limits/budget/max"]) == "g.yaml:6:24"


@pytest.mark.parametrize(
    ("more", "rule", "line", "column", "pointer"),
    [
        ("modle: x\n", "DYO-S002", 5, 1, "/modle"),
        ("limits: {budget: [1]}\n", "DYO-S003", 5, 18, "/limits/budget"),
        ("horizon: {periods: two}\n", "DYO-S003", 5, 20, "/horizon/periods"),
        ("horizon: {periods: 0}\n", "DYO-S012", 5, 20, "/horizon/periods"),
        ("horizon: {start: 2026-02-30}\n", "DYO-S012", 5, 18, "/horizon/start"),
        ("horizon: {every: fortnight}\n", "DYO-S012", 5, 18, "/horizon/every"),
        ("horizon: {start: 0026-02-03}\n", "DYO-S012", 5, 18, "/horizon/start"),
        ("robust: {aggregation: p100}\n", "DYO-S005", 5, 23, "/robust/aggregation"),
        ("forecast: {reduce: {to: 5, method: medoids}}\n", "DYO-S005", 5, 36, "/forecast/reduce/method"),
        ("forecast: {reduce: {method: none}}\n", "DYO-S004", 5, 21, "/forecast/reduce/to"),
        ("constraints:\n  c: {dims: [a]}\n", "DYO-S004", 6, 7, "/constraints/c/expression"),
        ("limits: {budget: {max: -5 EUR}}\n", "DYO-S006", 5, 24, "/limits/budget/max"),
        ("limits: {budget: {max: '8,000 EUR'}}\n", "DYO-S003", 5, 24, "/limits/budget/max"),
        ("limits: {budget: {max: 8.000.000}}\n", "DYO-S003", 5, 24, "/limits/budget/max"),
        ("limits: {service: {min: 95}}\n", "DYO-S007", 5, 25, "/limits/service/min"),
        ("limits: {service: {min: {A: 0.9, B: 120 %}}}\n", "DYO-S007", 5, 37, "/limits/service/min/B"),
        ("solver: {time_limit: 20 parsec}\n", "DYO-X003", 5, 22, "/solver/time_limit"),
    ],
)
def test_a_wrong_value_is_found_at_its_place(more: str, rule: str, line: int, column: int, pointer: str) -> None:
    assert (rule, line, column, pointer) in wrong(LEAST + more)


def test_all_findings_of_a_file_come_together_with_near_misses() -> None:
    with pytest.raises(Findings, match="6 errors found") as caught:
        parse_goal("dsl: goal/v1\nid: g\nmodle: x\ncontxt: c\nhorizon: {perods: 3}\nforecast: {num_scenarios: many}\n", file="g.yaml")
    remedies = [f.remediation for f in caught.value.findings]
    assert "Did you mean `model`? Remove it otherwise." in remedies
    assert "Did you mean `context`? Remove it otherwise." in remedies
    assert "Did you mean `periods`? Remove it otherwise." in remedies


@pytest.mark.parametrize("text", ["", "- a\n", "x: 1\n", "dsl: goal/v2\n", "dsl: context/v1\n", "just text"])
def test_a_file_of_another_kind_is_one_finding(text: str) -> None:
    assert len(wrong(text)) == 1


def test_warnings_alone_do_not_refuse_a_goal() -> None:
    goal, findings = read_goal(LEAST + "limits: {service: {min: 100 %}}\nforecast: {seed: 7}\nmax_churn: '0.5'\n", file="g.yaml")
    assert goal is not None
    assert [f.id for f in findings] == ["DYO-S008", "DYO-S011"]
    assert goal.max_churn == 0.5


def test_an_override_is_a_value_like_any_other() -> None:
    text = LEAST + "limits: {budget: {max: 8000 EUR}, moq: true}\n"
    set_by_hand = parse_goal(text.replace("8000 EUR", "7500EUR").replace("moq: true", "moq: {by: sku}"), file="g.yaml")
    overridden = parse_goal(text, file="g.yaml", overrides={"limits.budget.max": "7500EUR", "limits.moq.by": "sku"})
    assert fingerprint(overridden) == fingerprint(set_by_hand) != fingerprint(parse_goal(text, file="g.yaml"))
    assert str(overridden.spans["/limits/budget/max"]) == "--set limits.budget.max"


@pytest.mark.parametrize(
    ("key", "value", "code", "message"),
    [
        ("limtis.budget.max", "1", "DY1011", "`limtis`"),
        ("horizon.perods", "3", "DY1011", "no field `perods`"),
        ("solver.time_limit", "soon", "DY1011", "not a number"),
        ("solver.time_limit", "[1", "DY1011", "did not find"),
        ("id.x", "1", "DY1010", "`id` has no fields"),
        ("explain.track.9", "a", "DY1010", "no place `9`"),
        ("a..b", "1", "DY1010", "empty name"),
    ],
)
def test_a_wrong_override_is_a_wrong_flag(key: str, value: str, code: str, message: str) -> None:
    with pytest.raises(UsageError, match=f"--set {key.replace('.', '[.]')}.*{message}") as caught:
        parse_goal(LEAST + "explain: {track: [a]}\n", file="g.yaml", overrides={key: value})
    assert caught.value.code == code


def test_key_order_comments_and_line_ends_change_no_fingerprint() -> None:
    def goal(text: str) -> Goal:
        return parse_goal(text, file="g.yaml")

    a = goal(LEAST + "objective: {cost: 1, co2: 2}\nconstraints: {b: x <= 1, a: y <= 2}\n")
    lines = (LEAST + "objective: {co2: 2, cost: 1.0}\nconstraints: {a: y <= 2, b: {expression: x <= 1}}").split("\n")
    b = goal("# why\r\n" + "\r\n".join(reversed(lines)))
    assert fingerprint(a) == fingerprint(b)


def test_a_context_names_tables_rates_and_conversions() -> None:
    spec = parse_context(
        "dsl: context/v1\ncurrency: EUR\ntables:\n"
        "  stock: {rows: [{sku: MILK, on_hand: 40}, {sku: no, on_hand: 2.5}]}\n  skus: {file: skus.csv}\n"
        "rates: [{from: USD, to: EUR, rate: 0.9, date: 2026-11-30}]\n"
        "conversions: ['1 case = 12 each', {from: pallet, to: case, rate: 48}]\n"
        "parameters: {storage_capacity: 40 m3, open: true}\nprivacy: {pii: [suppliers.phone, suppliers.email]}\n",
        file="c.yaml",
    )
    assert spec.tables["stock"].rows == ({"sku": "MILK", "on_hand": 40}, {"sku": "no", "on_hand": 2.5})
    assert spec.rates == (Rate("USD", "EUR", 0.9, "2026-11-30"),)
    assert spec.conversions == (Rate("case", "each", 12.0, ""), Rate("pallet", "case", 48.0, ""))
    assert spec.parameters == {"storage_capacity": Quantity(40.0, "m3"), "open": True}
    assert spec.pii == ("suppliers.email", "suppliers.phone")


@pytest.mark.parametrize(
    ("more", "rule", "line", "column"),
    [
        ("tables: {skus: {}}\n", "DYO-S004", 3, 16),
        ("tables: {skus: {file: a, sql: b}}\n", "DYO-S002", 3, 26),
        ("tables: {skus: {rows: [{sku: [1]}]}}\n", "DYO-S003", 3, 30),
        ("tables: {skus: {rows: [5]}}\n", "DYO-S003", 3, 24),
        ("tables: {skus: {rows: [{sku: A}, {sku: A}]}}\n", "DYO-S009", 3, 40),
        ("tables: {offers: {rows: [{sku: A, price: -1}]}}\n", "DYO-S006", 3, 42),
        ("parameters: {storage_capacity: '40,5 m3'}\n", "DYO-S003", 3, 32),
        ("conversions: ['12 each']\n", "DYO-S003", 3, 15),
        ("rates: [{from: USD, to: EUR, rate: 1}]\n", "DYO-S004", 3, 10),
    ],
)
def test_a_wrong_context_is_found_at_its_place(more: str, rule: str, line: int, column: int) -> None:
    with pytest.raises(Findings, match="1 error found") as caught:
        parse_context("dsl: context/v1\ncurrency: EUR\n" + more, file="c.yaml")
    (only,) = caught.value.findings
    assert isinstance(only.where, Span)
    assert (only.id, only.where.line, only.where.column) == (rule, line, column)


def test_an_unknown_currency_is_refused() -> None:
    with pytest.raises(Findings, match="ISO 4217"):
        parse_context("dsl: context/v1\ncurrency: EURO\n", file="c.yaml")


def test_a_model_declares_its_parts_sorted_by_name() -> None:
    spec = parse_model(
        "dsl: model/v1\ndimensions: {i: {values: [b, 4711]}}\nparameters: {p: {dims: [i], value: 3}}\n"
        "variables: {y: {dims: [i], integer: true, bounds: {upper: p}}, x: {bounds: {lower: null}, stage: 2}}\n"
        "expressions: {e: x + 1}\nconstraints: {c: {expression: x <= 1, relax: false}, d: x >= 0}\n"
        "objective: {sense: maximize, terms: {gain: sum(y)}}\nlimits: {cap: {settings: {max: {unit: each}}}}\n",
        file="lib/farm.yaml",
    )
    assert spec.name == "farm"
    assert [v.name for v in spec.vars] == ["x", "y"]
    assert (spec.vars[0].lower, spec.vars[0].stage, spec.vars[1].upper, spec.vars[1].lower) == (None, 2, "p", 0.0)
    assert spec.dims[0].values == ("b", "4711")
    assert [(c.name, c.relax) for c in spec.constraints] == [("c", None), ("d", 1.0)]
    assert spec.limits[0].settings[0].name == "max"


def test_the_kind_of_a_file_is_its_dsl_line() -> None:
    assert kind_of("# a\ndsl: 'goal/v1' # b\n") == "goal"
    assert kind_of("x: 1\ndsl: model/v9\n") == "model"
    assert kind_of(" dsl: goal/v1\n") is None
    assert kind_of("services:\n  web: 1\n") is None
