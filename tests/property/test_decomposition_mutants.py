"""Mutants of the procurement model (rules dropped or turned, terms and data negated, variables changed): a bound is never above what
one piece finds, no plan breaks a row, and no proof of infeasibility is false. All 91 at full scale."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import instances
from dyocense_cli.adapters.solver.highs import HighsSolver
from dyocense_cli.artifacts.goal import SolverOptions
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.solution import Solution, Status
from dyocense_cli.kernel.check.check import check
from dyocense_cli.kernel.optimizer.decompose.price_and_reinsert import attempt
from dyocense_cli.kernel.optimizer.ground import ground
from dyocense_cli.ports import SolveLimits
from tests.shop import lent

pytest.importorskip("numba")


def mutants() -> Iterator[OptiModel]:
    base = instances.procurement(3, J=2, T=5, W=2)
    for i, rule in enumerate(base.rules):
        rest = base.rules[:i], base.rules[i + 1 :]
        yield replace(base, rules=rest[0] + rest[1])
        for old, new in (("<=", ">="), (">=", "<="), ("==", "<="), ("<=", "==")):
            if old in rule.expr:
                yield replace(base, rules=(*rest[0], replace(rule, expr=rule.expr.replace(old, new)), *rest[1]))
    for i, term in enumerate(base.terms):
        yield replace(base, terms=base.terms[:i] + base.terms[i + 1 :])
        yield replace(base, terms=(*base.terms[:i], replace(term, weight=-1.0), *base.terms[i + 1 :]))
    yield replace(base, sense="max")
    yield replace(base, terms=())
    for name, param in base.params.items():
        for factor in (0, -1):
            yield replace(base, params={**base.params, name: replace(param, data=np.asarray(param.data) * factor)})
    for var in base.vars:
        for change in ({"type": "float"}, {"type": "int"}, {"lb": None}, {"ub": 5.0}, {"lb": 1.0}):
            yield replace(base, vars=tuple(replace(v, **change) if v is var else v for v in base.vars))  # type: ignore[arg-type]


ALL = list(mutants())
TRIED = range(len(ALL)) if os.environ.get("DYOCENSE_TEST_SCALE") == "full" else range(1, len(ALL), 9)


@pytest.mark.parametrize("number", TRIED)
def test_a_mutant_gets_a_true_answer_or_is_declined(number: int) -> None:
    model = ALL[number]
    found = attempt(model, SolverOptions("auto", 60.0, 0.1, 1, 1, work=2.0, method="decompose"), lent=lent())
    whole = HighsSolver().solve(ground(model), SolveLimits(gap=0.02, nodes=50, time_s=60.0, duals=False))
    sign = 1.0 if model.sense == "min" else -1.0
    if isinstance(found, Solution) and found.status is Status.INFEASIBLE:
        assert whole.x is None
        return
    if isinstance(found, Solution):
        assert check(model, found).violations == ()
        assert whole.status is not Status.INFEASIBLE
    bound = found.bound if isinstance(found, Solution) else None if found.bound is None else sign * found.bound
    if bound is not None and whole.objective is not None:
        assert sign * bound <= sign * whole.objective + 1e-6 * abs(whole.objective)
