"""The solver port's claims, for every adapter in the registry."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from dyocense_cli.adapters.registry import entries, load
from dyocense_cli.artifacts.solution import Status, Termination
from dyocense_cli.errors import MissingExtraError, UnsupportedError
from dyocense_cli.ports import SolveLimits
from tests.contract.solver.arrays import INF, ground
from tests.contract.solver.zoo import zoo

ZOO = zoo()
KNOWN_FEATURES = {"lp", "mip", "duals", "ranging", "start", "nodes", "work", "events", "interrupt", "free", "integers_only"}


def _made() -> dict[str, object]:
    """Return one solver per installed adapter; their processes start with their first question and stay for all."""
    found = {}
    for entry in entries("solver"):
        with contextlib.suppress(MissingExtraError):
            found[entry.name] = load("solver", entry.name)()
    return found


SOLVERS = _made()


def declaring(feature: str) -> list[str]:
    """Return the adapters that declare a feature."""
    return [name for name, made in SOLVERS.items() if feature in made.features]


@pytest.fixture(scope="module", autouse=True)
def _ended():
    yield
    for made in SOLVERS.values():
        getattr(made, "close", lambda: None)()


@pytest.fixture(params=list(SOLVERS))
def solver(request):
    return SOLVERS[request.param]


@pytest.fixture(scope="module")
def reference():
    made = load("solver", "highs")()
    return {name: made.solve(model, SolveLimits(gap=0.0)) for name, model, _ in ZOO}


def takes(solver, model) -> bool:
    whole = model.integrality.astype(bool)
    if "integers_only" in solver.features:
        return bool(whole.all())
    return ("mip" if whole.any() else "lp") in solver.features


def test_the_zoo_is_large_and_its_names_are_distinct():
    assert len(ZOO) >= 60
    assert len({name for name, _, _ in ZOO}) == len(ZOO)


def test_features_are_words_of_the_port(solver):
    assert solver.features <= KNOWN_FEATURES
    assert solver.version().split()[-1][0].isdigit()


@pytest.mark.parametrize(("name", "model", "known"), ZOO, ids=[z[0] for z in ZOO])
def test_every_backend_agrees_on_the_zoo(solver, reference, name, model, known):
    if not takes(solver, model):
        with pytest.raises(UnsupportedError, match=f"backend `{solver.name}`"):
            solver.solve(model, SolveLimits(gap=0.0))
        return
    if known == "UNBOUNDED" and "free" not in solver.features:
        with pytest.raises(UnsupportedError, match="needs bounds"):
            solver.solve(model, SolveLimits(gap=0.0))
        return
    answer = solver.solve(model, SolveLimits(gap=0.0, time_s=60.0))
    expected = reference[name]
    assert answer.status == expected.status
    assert answer.termination is Termination.PROVED
    if isinstance(known, str):
        assert str(answer.status) == known
        assert answer.x is None
        return
    best = expected.objective if known is None else known
    assert answer.objective == pytest.approx(best, abs=1e-6, rel=1e-6)
    assert answer.bound == pytest.approx(best, abs=1e-6, rel=1e-6)
    _holds(model, answer.x)


def _holds(model, x):
    rows = np.zeros(model.n_rows)
    np.add.at(rows, model.index, model.value * x[np.repeat(np.arange(model.n_cols), np.diff(model.start))])
    assert (rows >= model.row_lower - 1e-6).all()
    assert (rows <= model.row_upper + 1e-6).all()
    assert (x >= model.lower - 1e-6).all()
    assert (x <= model.upper + 1e-6).all()
    whole = model.integrality.astype(bool)
    assert np.abs(x[whole] - np.rint(x[whole])).max(initial=0.0) <= 1e-6


@pytest.mark.parametrize("sense", ["min", "max"])
@pytest.mark.parametrize("name", declaring("duals"))
def test_declared_duals_price_the_rows(name, sense):
    solver = SOLVERS[name]
    sign = -1.0 if sense == "min" else 1.0
    rows = [([1.0, 0.0], -INF, 4.0), ([0.0, 2.0], -INF, 12.0), ([3.0, 2.0], -INF, 18.0)]
    answer = solver.solve(ground([3 * sign, 5 * sign], rows, sense=sense), SolveLimits())
    assert answer.row_dual == pytest.approx([0.0, 1.5 * sign, 1.0 * sign])
    more = [rows[0], ([0.0, 2.0], -INF, 13.0), rows[2]]
    dearer = solver.solve(ground([3 * sign, 5 * sign], more, sense=sense), SolveLimits())
    assert dearer.objective - answer.objective == pytest.approx(answer.row_dual[1])


@pytest.mark.parametrize("feature", ["nodes", "work"])
def test_an_undeclared_limit_is_refused_by_name(solver, feature):
    limits = SolveLimits(**{feature: 1})
    model = ground([1.0], [([1.0], 2.0, INF)], upper=[5.0], integer=[0])
    if feature in solver.features:
        assert solver.solve(model, limits).status in (Status.OPTIMAL, Status.FEASIBLE, Status.ERROR)
        return
    with pytest.raises(UnsupportedError, match=f"has no `{feature}` limit"):
        solver.solve(model, limits)


def test_a_start_is_taken_or_ignored_but_never_harms(solver):
    rng = np.random.default_rng(5)
    model = ground(-rng.integers(1, 20, 12), [(rng.integers(1, 9, 12), 0.0, 30.0)], upper=np.ones(12), integer=range(12))
    cold = solver.solve(model, SolveLimits(gap=0.0))
    warm = solver.solve(model, SolveLimits(gap=0.0), start=cold.x)
    assert warm.objective == pytest.approx(cold.objective)


def test_the_same_question_has_the_same_answer(solver):
    rng = np.random.default_rng(8)
    model = ground(-rng.integers(1, 20, 15), [(rng.integers(1, 9, 15), 0.0, 30.0)] * 2, upper=np.ones(15), integer=range(15))
    answers = [solver.solve(model, SolveLimits(gap=0.0, seed=3)) for _ in range(3)]
    assert len({a.x.tobytes() for a in answers}) == 1


def test_no_duals_are_made_up_where_none_are_declared(solver):
    if "duals" in solver.features:
        return
    answer = solver.solve(ground([1.0], [([1.0], 2.0, INF)], upper=[5.0], integer=[0]), SolveLimits())
    assert answer.row_dual is None


@pytest.mark.parametrize("name", declaring("interrupt"))
def test_an_interrupt_returns_what_is_held(name):
    solver = SOLVERS[name]
    rng = np.random.default_rng(3)
    rows = [(rng.integers(1, 100, 60), 1480.0, 1480.0) for _ in range(6)]
    model = ground(rng.integers(1, 100, 60), rows, upper=np.ones(60), integer=range(60))
    answer = solver.solve(model, SolveLimits(gap=0.0, time_s=120.0), progress=lambda e: e.seconds > 0.5)
    assert answer.termination in (Termination.INTERRUPTED, Termination.PROVED)
    assert (answer.x is None) == (answer.status in (Status.ERROR, Status.INFEASIBLE))
    assert answer.reproducible == (answer.termination is Termination.PROVED)
    again = solver.solve(ground([1.0], [([1.0], 2.0, INF)], upper=[5.0], integer=[0]), SolveLimits(gap=0.0))
    assert again.objective == pytest.approx(2.0)
