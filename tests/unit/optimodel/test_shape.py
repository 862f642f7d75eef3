"""An OptiModel's file reads back as the model that was written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dyocense_cli import wiring
from dyocense_cli.artifacts.codec import fingerprint
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.errors import InputError
from dyocense_cli.optimodel.shape import INLINE, optimodel_from_json, optimodel_json
from dyocense_cli.runner.order import Order
from dyocense_cli.settings import load_settings
from tests.cli.project import make_project

KEYS = ["ir", "dims", "params", "vars", "exprs", "obj", "constraints", "robust", "kpis", "steps"]


def compiled(folder: Path, goal: str) -> OptiModel:
    kernel = wiring.build(load_settings(start=make_project(folder)))
    model: OptiModel = kernel.run(Order(goal=goal), until="compile").held["optimodel"].value
    return model


@pytest.mark.parametrize("goal", ["goals/newsvendor.yaml", "goals/dairy.yaml"])
def test_a_file_reads_back_with_the_same_fingerprint(goal: str, tmp_path: Path) -> None:
    model = compiled(tmp_path, goal)
    document, arrays = optimodel_json(model, source={}, versions={})
    assert list(document)[: len(KEYS)] == KEYS
    assert all(array.size > INLINE for array in arrays.values())
    again = optimodel_from_json(json.loads(json.dumps(document, allow_nan=False)), arrays)
    assert fingerprint(again) == fingerprint(model)
    assert again.hints == model.hints
    assert [v.origin for v in again.vars] == [v.origin for v in model.vars]


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    document, arrays = optimodel_json(compiled(tmp_path, "goals/grocery-weekly.yaml"), source={}, versions={})
    with pytest.raises(InputError, match="not an OptiModel"):
        optimodel_from_json({"ir": "optimodel/v9"}, {})
    with pytest.raises(InputError, match="damaged"):
        optimodel_from_json({k: v for k, v in document.items() if k != "obj"}, arrays)
    name = next(iter(arrays))
    with pytest.raises(InputError, match="altered"):
        optimodel_from_json(document, {**arrays, name: arrays[name] + np.array(1, arrays[name].dtype)})
