"""The shipped goals as compiled models, in text that a planner can read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dyocense_cli.adapters.workspace.directory import DirectoryWorkspace
from dyocense_cli.artifacts.context import Context
from dyocense_cli.artifacts.forecast import ScenarioSet, ScenarioTable
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.kernel.context.bind import bind
from dyocense_cli.kernel.context.request import sample_request
from dyocense_cli.kernel.goaldsl.parse import parse_context, parse_goal, parse_model
from dyocense_cli.kernel.optiguide.compile import compile_goal
from dyocense_cli.kernel.scenarios.stated import stated_set
from dyocense_cli.optimodel.text import model_text
from tests.golden import held

ROOT = Path(__file__).parents[4]


def futures(context: Context, n: int = 20) -> ScenarioSet:
    """Demand and lead times from a seed: golden models do not change with the forecaster."""
    rng = np.random.default_rng(7)
    skus = context.tables["skus"].columns["sku"].labels or ()
    suppliers = (context.tables["suppliers"].columns["supplier"].labels if "suppliers" in context.tables else None) or ()
    demand = rng.poisson(30.0, (len(skus), 1, len(context.periods), n)).astype(float)
    labels = {"sku": skus, "location": ("main",), "period": context.periods}
    lead = rng.integers(1, 12, (len(suppliers), n)).astype(float)
    tables = {
        "demand": ScenarioTable(("sku", "location", "period", "scenario"), labels, demand),
        **({"lead_days": ScenarioTable(("supplier", "scenario"), {"supplier": suppliers}, lead, "day")} if suppliers else {}),
    }
    stats = {sku: {"sigma": 5.0} for sku in skus}
    return ScenarioSet(context.periods, tuple(range(n)), np.full(n, 1 / n), tables, stats=stats, quality={skus[0]: "poor"})


def compiled(name: str) -> OptiModel:
    workspace = DirectoryWorkspace(str(ROOT))
    file = f"goals/{name}.yaml"
    goal = parse_goal((ROOT / file).read_text(), file=file)
    world = workspace.resolve(file, goal.context)
    context_spec = parse_context(workspace.text(world), file=world)
    context = bind(goal, context_spec, workspace.tables(context_spec))
    model = "dyocense_cli/models/replenishment.yaml" if goal.model == "replenishment" else workspace.resolve(file, goal.model)
    spec = parse_model((ROOT / model).read_text(), file=Path(model).name)
    scenarios = stated_set(sample_request(goal, context)) if context.scenarios_table else futures(context)
    return compile_goal(goal, spec, context, scenarios)


@pytest.mark.parametrize("name", sorted(p.stem for p in (ROOT / "goals").glob("*.yaml")))
def test_the_goal_compiles_to_its_golden_model(name: str) -> None:
    model = compiled(name)
    prints = "\n".join(f"{r.name} {r.fingerprint}" for r in model.rules)
    held(f"models/{name}.txt", f"{model_text(model)}\nfingerprints of rules\n{prints}\n")


def test_changing_data_changes_no_rule_fingerprint() -> None:
    one, other = compiled("dairy"), compiled("grocery-weekly")
    shared = {r.name: r for r in one.rules}.keys() & {r.name: r for r in other.rules}.keys()
    mine, theirs = ({r.name: r.fingerprint for r in m.rules} for m in (one, other))
    assert {"balance", "storage", "at_least"} <= shared
    assert all(mine[name] == theirs[name] for name in ("balance", "storage"))
    assert mine["at_least"] != theirs["at_least"]  # prices in EUR and in USD: a unit is part of what a rule says
