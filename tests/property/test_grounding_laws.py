"""Grounding agrees with the algebra evaluated by plain loops, and with the array evaluator, on random models."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given

from dyocense_cli.artifacts.ground import Block, GroundModel
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.kernel.optimizer.ground import ground
from dyocense_cli.optimodel.evaluate import Evaluator, split_columns
from tests.property.models import models
from tests.slow import Slow

pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")


def keys(block: Block, model: OptiModel) -> list[tuple[int, ...]]:
    if block.coords is None:
        return list(itertools.product(*(range(len(model.dims[d])) for d in block.dims)))
    return [tuple(int(v) for v in column) for column in block.coords.T]


def point(model: OptiModel, g: GroundModel) -> tuple[np.ndarray, dict[tuple[str, tuple[int, ...]], float]]:
    x = np.round(np.random.default_rng(g.n_cols + g.nnz).uniform(-3, 3, g.n_cols), 2)
    named = {(b.name, key): float(x[b.start + i]) for b in g.columns for i, key in enumerate(keys(b, model))}
    return x, named


def activity(g: GroundModel, x: np.ndarray) -> np.ndarray:
    cols = np.repeat(np.arange(g.n_cols), np.diff(g.start))
    return np.bincount(g.index, g.value * x[cols], g.n_rows)


@given(models())
def test_columns_are_the_members_that_exist_in_c_order(model: OptiModel) -> None:
    slow = Slow(model)
    for block, var in zip(ground(model).columns, model.vars, strict=True):
        every = itertools.product(*(range(len(model.dims[d])) for d in var.dims))
        assert keys(block, model) == [k for k in every if slow.exists(var.name, dict(zip(var.dims, k, strict=True)))]


@given(models())
def test_rows_and_objective_agree_with_plain_loops(model: OptiModel) -> None:
    g = ground(model)
    x, named = point(model, g)
    slow = Slow(model, named)
    assert g.offset + float(g.cost @ x) == pytest.approx(slow.objective(), abs=1e-6)
    block, found = g.rows[0], activity(g, x)
    grounded = {key: i for i, key in enumerate(keys(block, model))}
    rows = {key: (op, difference) for key, op, difference in slow.rows("rule")}
    assert list(grounded) == list(rows)  # the same rows, in C order; none is dropped
    for key, (op, difference) in rows.items():
        row = block.start + grounded[key]
        bound = g.row_upper[row] if op != ">=" else g.row_lower[row]
        assert found[row] - bound == pytest.approx(difference, abs=1e-6)


@given(models())
def test_the_matrix_is_canonical(model: OptiModel) -> None:
    g = ground(model)
    assert (g.value != 0).all()
    for j in range(g.n_cols):
        rows = g.index[g.start[j] : g.start[j + 1]]
        assert (np.diff(rows) > 0).all()


@given(models())
def test_the_array_evaluator_agrees_with_plain_loops(model: OptiModel) -> None:
    g = ground(model)
    x, named = point(model, g)
    evaluator = Evaluator(model, split_columns(model, x))
    rows = evaluator.rows(model.rules[0])
    slow = {key: difference for key, _, difference in Slow(model, named).rows("rule")}
    for key in itertools.product(*(range(n) for n in rows.left.shape)):
        if key in slow:
            assert rows.left[key] - rows.right[key] == pytest.approx(slow[key], abs=1e-6)
