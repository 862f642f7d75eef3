"""Grounding against the probing grounder, which calls the evaluator once per column."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.artifacts.optimodel import OptiModel
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
