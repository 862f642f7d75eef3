"""Grounding against the probing grounder, which calls the evaluator once per column."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.artifacts.optimodel import OptiModel, Param, Rule, Var
from dyocense_cli.kernel.optimizer.ground import ground
from tests.probing import ground_by_probing
from tests.toys import toy


def same(one: GroundModel, other: GroundModel) -> list[str]:
    """Names of the arrays in which two ground models differ."""
    out = []
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, np.ndarray) and not (a.shape == b.shape and np.allclose(a, b, rtol=1e-12, atol=1e-12)):
            out.append(field.name)
    return out


@pytest.mark.parametrize("model", [toy(), toy(service=0.9), toy(seed=3), toy(budget=10.0, seed=4)], ids=["plain", "service", "seed3", "seed4"])
def test_arrays_equal_those_found_by_probing_each_column(model: OptiModel) -> None:
    assert same(ground(model), ground_by_probing(model)) == []


def test_grounding_twice_gives_the_same_bytes() -> None:
    one, other = ground(toy()), ground(toy())
    assert all(getattr(one, n).tobytes() == getattr(other, n).tobytes() for n in ("start", "index", "value", "cost", "row_lower"))


def test_a_family_without_dims_exists_or_does_not() -> None:
    model = toy()
    off = Param((), np.array(0.0), mask=np.array(False))
    on = Param((), np.array(1.0))
    sum_of_lots = "sum(lots) + shift(extra, along=period, offset=1) >= 0"
    model = replace(
        model,
        params={**model.params, "off": off, "on": on},
        vars=(*model.vars, Var("never", (), where="off"), Var("always", (), where="on"), Var("extra", ("period",))),
        rules=(
            *model.rules,
            Rule("gone", (), "always >= 1", where="off"),
            Rule("kept", (), "always + never + sum(lots where off) >= 1", where="on"),
            Rule("both", ("period",), sum_of_lots, where="off"),
        ),
    )
    arrays = ground(model)
    sizes = {b.name: b.stop - b.start for b in (*arrays.columns, *arrays.rows)}
    assert (sizes["never"], sizes["always"], sizes["gone"], sizes["kept"], sizes["both"]) == (0, 1, 0, 1, 0)
    row = next(b.start for b in arrays.rows if b.name == "kept")
    assert int((arrays.index == row).sum()) == 1
