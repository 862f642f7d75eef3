"""Engines within libraries, and what is refused by name."""

from __future__ import annotations

import pytest

from dyocense_cli.adapters.registry import load
from dyocense_cli.errors import UnsupportedError
from dyocense_cli.ports import SolveLimits
from tests.contract.solver.arrays import INF, ground

LP = ground([-3, -5], [([1, 0], -INF, 4), ([0, 2], -INF, 12), ([3, 2], -INF, 18)])
MIP = ground([-3, -5], [([1, 0], -INF, 4), ([0, 2], -INF, 12), ([3, 2], -INF, 18)], integer=[0, 1])


@pytest.mark.parametrize("engine", ["glop", "pdlp", "highs", "gscip"])
def test_mathopt_engines_agree_on_a_linear_program(engine):
    solver = load("solver", "mathopt")(engine)
    answer = solver.solve(LP, SolveLimits())
    solver.close()
    assert answer.objective == pytest.approx(-36.0, rel=1e-4)


@pytest.mark.parametrize(
    ("backend", "engine", "model", "said"),
    [
        ("mathopt", "glop", MIP, "takes continuous variables only"),
        ("mathopt", "magic", LP, "knows no engine `magic`"),
        ("pyomo", "no_such_solver", LP, "finds no solver `no_such_solver`"),
    ],
)
def test_what_an_engine_cannot_do_is_refused_by_name(backend, engine, model, said):
    solver = load("solver", backend)(engine)
    with pytest.raises(UnsupportedError, match=said):
        solver.solve(model, SolveLimits())
    solver.close()


def test_highs_has_no_engines():
    with pytest.raises(UnsupportedError, match="no engine `ipm`"):
        load("solver", "highs")("ipm")


def test_cpsat_names_the_rule_that_it_cannot_scale():
    solver = load("solver", "cpsat")()
    model = ground([1.0], [([1.0 / 3.0], 1.0, INF)], upper=[9.0], integer=[0])
    with pytest.raises(UnsupportedError, match="at most six decimals; row 0 has"):
        solver.solve(model, SolveLimits())
