"""What a clock cut is said; what counted limits ended is a function of the inputs."""

from __future__ import annotations

from dataclasses import replace

from dyocense_cli.artifacts.solution import Termination
from dyocense_cli.kernel.check.check import check
from dyocense_cli.kernel.explain.explain import explain
from dyocense_cli.kernel.optimizer.drive import solve_model
from dyocense_cli.kernel.plan.interpret import interpret
from dyocense_cli.kernel.stress.stress import stress
from dyocense_cli.ports import Lent, SolveLimits
from dyocense_cli.ports.guard import Guard
from tests.contract.solver.test_stopped import hard
from tests.shop import futures, lent, shop
from tests.toys import EXACT


def in_no_time() -> Lent:
    """Lend the real solver on a machine on which every clock has run out."""
    real = lent()
    return Lent(real.ground, lambda model, limits, **given: real.solve(model, replace(limits, time_s=0.0), **given))


def test_a_clock_stands_behind_what_is_asked_and_counts_what_it_cut():
    for seconds, limits, cut in ((600.0, SolveLimits(gap=0.0, nodes=2), 0), (0.0, SolveLimits(gap=0.0, nodes=2), 1)):
        guard = Guard(seconds)
        answer = guard.over(lent()).solve(hard(60), limits)
        assert (guard.cut, len(guard.said)) == (cut, cut)
        assert answer.termination is (Termination.TIME_LIMIT if cut else Termination.NODE_LIMIT)


def test_reasons_and_risk_that_a_clock_cut_are_not_reproducible_and_say_so():
    model = shop()
    whole = solve_model(model, replace(EXACT, nodes=3), lent=lent())
    plan = interpret(model, whole, check(model, whole))
    for effects, reproducible in ((lent(), True), (in_no_time(), False)):
        for made in (explain(model, whole, plan, lent=effects), stress(model, futures(8, 1), whole, lent=effects)):
            assert made.reproducible is reproducible
            assert any("cut by the clock" in note for note in made.notes) is not reproducible
