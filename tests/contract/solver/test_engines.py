"""Engines within libraries, and what is refused by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dyocense_cli.adapters.registry import load
from dyocense_cli.artifacts.codec import fingerprint
from dyocense_cli.errors import UnsupportedError
from dyocense_cli.ports import SolveLimits
from tests.contract.solver.arrays import INF, ground
from tests.contract.solver.test_stopped import hard

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


@pytest.mark.parametrize(
    ("backend", "engine", "used"), [("cpsat", "auto", 2), ("mathopt", "gscip", 2), ("mathopt", "cp_sat", 2), ("highs", "auto", 1)]
)
def test_a_given_number_of_threads_is_used_or_named_and_gives_the_same_bytes(backend, engine, used):
    solver = load("solver", backend)(engine)
    answers = [solver.solve(hard(20), SolveLimits(gap=0.0, threads=2)) for _ in range(2)]
    assert [a.threads for a in answers] == [used, used]
    assert fingerprint(answers[0]) == fingerprint(replace(answers[1], diagnostics=answers[0].diagnostics))
    if hasattr(solver, "close"):
        solver.close()


def test_highs_has_no_engines():
    with pytest.raises(UnsupportedError, match="no engine `ipm`"):
        load("solver", "highs")("ipm")


def test_cpsat_names_the_rule_that_it_cannot_scale():
    solver = load("solver", "cpsat")()
    model = ground([1.0], [([1.0 / 3.0], 1.0, INF)], upper=[9.0], integer=[0])
    with pytest.raises(UnsupportedError, match="at most six decimals; row 0 has"):
        solver.solve(model, SolveLimits())
