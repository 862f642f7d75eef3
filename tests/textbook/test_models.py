"""Textbook models as model files reach the optima of their books."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest

from dyocense_cli.artifacts.solution import Status
from tests.cli.project import dyocense
from tests.textbook.files import compile_files, solve, write

CROPS = [("beets", 260, 0, 36, 10, 6000, None), ("corn", 230, 240, 150, 0, 1e6, 210), ("wheat", 150, 200, 170, 0, 1e6, 238)]
YIELDS = {"beets": (16, 20, 24), "corn": (2.4, 3, 3.6), "wheat": (2, 2.5, 3)}


def farmer(folder: Path, **options: str) -> Path:
    yields = [(crop, i, y) for crop, values in YIELDS.items() for i, y in enumerate(values)]
    tables = {"crops": ("crop cost need price low_price quota buy_price", CROPS), "yields": ("crop scenario yield", yields)}
    goal = write(folder, tables, model="farmer", scenarios="yields", parameters="land: 500 acre", **options)
    context = folder / "context.yaml"
    context.write_text(context.read_text() + "conversions: [{from: acre, to: hectare, rate: 0.40468564224}]\n")
    return goal


def test_the_farmer_earns_108390(tmp_path: Path) -> None:
    done = dyocense("plan", "goal.yaml", "--json", cwd=farmer(tmp_path).parent)
    assert done.code == 0, done.err
    assert done.json["objective"] == pytest.approx(-108_390, rel=1e-9)
    assert {s["crop"] if "crop" in s else s["keys"]["crop"]: s["qty"] for s in done.json["steps"]} == pytest.approx(
        {"beets": 250, "corn": 80, "wheat": 170})


def test_the_farmer_who_fears_the_worst_earns_59950(tmp_path: Path) -> None:
    """With robust: worst all land is planned for the bad year (Birge and Louveaux, table 1.3: below-average yields)."""
    solution = solve(compile_files(farmer(tmp_path, aggregation="worst")))
    assert solution.objective == pytest.approx(-59_950, rel=1e-9)


def lots(folder: Path, demand: list[list[float]], items: list[tuple[object, ...]], *, capacity: float | None = None) -> Path:
    rows = [(f"i{i:02d}", f"t{t + 1}", d) for i, series in enumerate(demand) for t, d in enumerate(series)]
    tables = {"items": ("item unit_time hold setup_time setup_cost", items), "demand": ("item period quantity", rows)}
    return write(folder, tables, model="lot_sizing", periods=len(demand[0]), parameters=f"capacity: {capacity}" if capacity else "")


def test_lot_sizing_without_capacity_is_wagner_and_whitin(tmp_path: Path) -> None:
    """Their own example (1958, table 1): twelve months, unit holding cost 1, setup costs averaged to one here; checked by their recursion."""
    demand = [69.0, 29, 36, 61, 61, 26, 34, 67, 45, 67, 79, 56]
    setup, hold = 85.0, 1.0
    best = [0.0]
    for t in range(1, 13):
        best.append(min(best[j] + setup + hold * sum((k - j) * demand[k] for k in range(j, t)) for j in range(t)))
    solution = solve(compile_files(lots(tmp_path, [demand], [("i00", 0, hold, 0, setup)])))
    assert solution.objective == pytest.approx(best[12], rel=1e-9)


def test_transport_costs_153675(tmp_path: Path) -> None:
    """Dantzig's example in the figures of Rosenthal's GAMS tutorial: freight 90 per thousand miles and case, optimum 153.675."""
    tables = {
        "plants": ("plant supply", [("seattle", 350), ("san-diego", 600)]),
        "markets": ("market demand", [("new-york", 325), ("chicago", 300), ("topeka", 275)]),
        "routes": ("plant market distance", [("seattle", "new-york", 2.5), ("seattle", "chicago", 1.7), ("seattle", "topeka", 1.8),
                                             ("san-diego", "new-york", 2.5), ("san-diego", "chicago", 1.8), ("san-diego", "topeka", 1.4)]),
    }
    solution = solve(compile_files(write(tmp_path, tables, model="transport", parameters="freight: 0.09")))
    assert solution.objective == pytest.approx(153.675, rel=1e-9)


def test_facility_location_equals_trying_every_set_of_sites(tmp_path: Path) -> None:
    fixed = [7.0, 4.0, 6.0, 5.0]
    cost = [[(3 * i * i + 5 * j + 2 * i * j) % 11 + 1.0 for j in range(6)] for i in range(4)]
    sets = [s for n in range(1, 5) for s in itertools.combinations(range(4), n)]
    best = min(sum(fixed[i] for i in s) + sum(min(cost[i][j] for i in s) for j in range(6)) for s in sets)
    links = [(f"s{i}", f"c{j}", cost[i][j]) for i in range(4) for j in range(6)]
    tables = {"sites": ("site fixed", [(f"s{i}", f) for i, f in enumerate(fixed)]), "clients": ("client", [(f"c{j}",) for j in range(6)]),
              "links": ("site client cost", links)}
    assert solve(compile_files(write(tmp_path, tables, model="facility"))).objective == pytest.approx(best)


def test_order_interval_brackets_the_economic_order_quantity(tmp_path: Path) -> None:
    """Harris (1913): Q = sqrt(2 D K / h), cost per day sqrt(2 D K h); days are whole here."""
    rate, cost, hold = 40.0, 64.0, 0.02
    days = math.sqrt(2 * cost / (hold * rate))
    tables = {"choices": ("every length", [(f"e{d:02d}", d) for d in range(1, 31)])}
    model = compile_files(write(tmp_path, tables, model="eoq", parameters=f"rate: {rate}, order_cost: {cost}, hold: {hold}"))
    solution = solve(model)
    assert solution.objective == pytest.approx(min(cost / d + hold * rate * d / 2 for d in range(1, 31)))
    assert solution.objective >= math.sqrt(2 * rate * cost * hold)
    assert solution.x is not None
    assert int(solution.x.argmax()) + 1 in (math.floor(days), math.ceil(days))


@pytest.mark.parametrize(("need", "best"), [(10, 10), (25, 24), (60, 46)])
def test_a_cost_through_breakpoints_is_exact_even_where_it_is_concave(need: float, best: float, tmp_path: Path) -> None:
    """Job a pays 1, then 0.8 above 20, then 0.5 above 40; job b pays 1.2 throughout: all from a."""
    curve = {"a": ((0, 0), (20, 20), (40, 36), (80, 56)), "b": ((0, 0), (20, 24), (40, 48), (80, 96))}
    rows = [(job, str(k + 1), at, pay) for job, points in curve.items() for k, (at, pay) in enumerate(points)]
    tables = {"jobs": ("job most", [("a", 60), ("b", 60)]), "curve": ("job point at pay", rows)}
    solution = solve(compile_files(write(tmp_path, tables, model="tariff", parameters=f"need: {need}")))
    assert solution.status == Status.OPTIMAL
    assert solution.objective == pytest.approx(best)
