"""Exports say the same model: every solver that reads one finds the same optimum."""

from __future__ import annotations

from pathlib import Path

import highspy
import numpy as np
import pytest

from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.kernel.export.latex import to_latex
from dyocense_cli.kernel.export.lp import to_lp
from dyocense_cli.kernel.export.mathspec import to_mathspec
from dyocense_cli.kernel.export.mps import to_mps
from dyocense_cli.kernel.export.pyomo import to_pyomo
from dyocense_cli.kernel.optimizer.ground import ground
from tests.compiling import compiled, context, goal, scenarios
from tests.golden import held
from tests.textbook.test_replenishment import shop
from tests.toys import toy

LOTS = """
dsl: model/v1
dimensions: {item: {values: [a, b]}, step: {values: ["1", "2", "3"], ordered: true}, scenario: {scenarios: true}}
parameters:
  need: {dims: [item, step], from: needs.need}
  price: {dims: [item], from: items.price}
  big: {dims: [item], from: items.big, optional: true}
  start: {dims: [item], value: price + 1}
variables:
  make: {dims: [item, step], integer: true, bounds: {lower: 0, upper: 20}}
  setup: {dims: [item, step], binary: true}
  free: {where: big, dims: [item], bounds: {lower: -3.5, upper: 30}}
  hold: {dims: [item, step, scenario], bounds: {lower: 0, upper: 50}}
constraints:
  flow: {dims: [item, step, scenario], expression: "hold == shift(hold, along=step, offset=1, edge=start) + make - need"}
  gate: {dims: [item, step], expression: make <= 20 * setup}
  calm: {dims: [item, step], expression: "make - shift(make, along=step, offset=1) <= 9"}
  cover: {dims: [item], where: big, expression: "free >= sum(make, over=step) - 25"}
objective:
  sense: %s
  terms:
    cost: "sum(price * make) + 10 * sum(setup) + mean(sum(hold, over=[item, step])) + sum(free) + 7.25"
"""


def lots(sense: str) -> OptiModel:
    world = context({
        "items": {"item": ["a", "b"], "price": [2.0, 3.5], "big": [1.0, None]},
        "needs": {"item": ["a"] * 3 + ["b"] * 3, "step": ["1", "2", "3"] * 2, "need": [4, 9, 6, 2, 8.5, 7]},
    })
    return compiled(goal(), LOTS % sense, world, scenarios(probability=[0.5, 0.5]))


def store() -> OptiModel:
    """The shipped model with leads per scenario, price breaks, shelf life, a minimum order and a rule that holds in most scenarios."""
    demand = np.random.default_rng(5).integers(2, 9, (2, 1, 3, 3)).astype(float)
    offers = {"sku": ["A0", "A0", "A1"], "supplier": ["S", "S", "T"], "price": [2.0, 1.5, 3.0], "min_qty": [1.0, 12.0, 1.0],
              "lot_size": [2.0, 2.0, 3.0], "moq": [4.0, 4.0, 6.0]}
    skus = {"sku": ["A0", "A1"], "holding_cost": [0.1, 0.2], "shortage_cost": [9.0, 9.0], "shelf_life": [2.0, None], "waste_cost": [1.0, 1.0]}
    rules = "limits: {moq: true, shelf_life: true, service: {min: 60 %, hold: p60}}\nsettings: {unmet: lost}\n"
    return shop(demand, lead_days=[[0, 7, 0], [7, 0, 0]], probability=[0.3, 0.3, 0.4], skus=skus, offers=offers, goal=rules,
                suppliers={"supplier": ["S", "T"], "order_cost": [3.0, None]}, stock={"sku": ["A0", "A1"], "on_hand": [6.0, 7.0]})


MODELS = {"store": store(), "toy": toy(service=0.5), "lots": lots("minimize"), "most": lots("maximize")}


def solved(path: Path) -> float:
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("mip_rel_gap", 0.0)
    assert solver.readModel(str(path)) == highspy.HighsStatus.kOk
    solver.run()
    assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return float(solver.getInfo().objective_function_value)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_mps_lp_and_pyomo_have_one_optimum(name: str, tmp_path: Path) -> None:
    model = MODELS[name]
    arrays = ground(model)
    (tmp_path / "m.mps").write_text(to_mps(arrays))
    (tmp_path / "m.lp").write_text(to_lp(arrays))
    first = solved(tmp_path / "m.mps")
    assert solved(tmp_path / "m.lp") == pytest.approx(first, rel=1e-9)
    assert pyomo_optimum(to_pyomo(model)) == pytest.approx(first, rel=1e-9)


def pyomo_optimum(script: str) -> float:
    pyo = pytest.importorskip("pyomo.environ", reason="needs Pyomo: pip install 'dyocense-cli[pyomo]'")
    from pyomo.contrib.appsi.solvers import Highs

    scope: dict[str, object] = {}
    exec(compile(script, "model.py", "exec"), scope)
    solver = Highs()
    solver.config.mip_gap = 0.0
    solver.solve(scope["model"])
    return float(pyo.value(scope["model"].objective))  # type: ignore[attr-defined]


def test_names_say_family_and_labels() -> None:
    text = to_lp(ground(MODELS["lots"]))
    assert " make(a,1)" in text
    assert " flow(a,1,0): " in text


def test_mathspec_and_latex_say_the_model_in_words_of_theirs() -> None:
    """The mathspec text was read without findings by mathspec 0.4.0."""
    held("export/lots.mathspec.yaml", to_mathspec(MODELS["lots"], description="Lots of two items"))
    held("export/lots.tex", to_latex(MODELS["lots"]))


def test_exports_are_canonical_bytes() -> None:
    arrays = ground(MODELS["lots"])
    assert to_mps(arrays) == to_mps(ground(lots("minimize")))
    assert to_lp(arrays) == to_lp(ground(lots("minimize")))
