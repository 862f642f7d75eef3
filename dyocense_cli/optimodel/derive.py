"""Change parameters of a compiled model, and with them what was derived from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.optimodel.evaluate import Evaluator
from dyocense_cli.optimodel.expr.nodes import names
from dyocense_cli.optimodel.expr.parser import parse

__all__ = ["derivations", "with_params"]


def derivations(model: OptiModel) -> dict[str, str]:
    """Return the expressions of derived parameters, those that others need first.

    One whose expression uses a name that the model no longer has is left out: its values stand as they are.
    """
    texts = {n: p.source[1:].strip() for n, p in model.params.items() if p.source.startswith("=")}
    known = {*model.params, *model.exprs, *model.dims}
    needs = {n: names(parse(t)) for n, t in texts.items()}
    waiting = {n for n in texts if needs[n] <= known}
    ordered: dict[str, str] = {}
    while ready := sorted(n for n in waiting if not (needs[n] & (waiting - {n}))):
        ordered |= {n: texts[n] for n in ready}
        waiting -= set(ready)
    return ordered


def with_params(model: OptiModel, values: Mapping[str, np.ndarray]) -> OptiModel:
    """Return the model with other values of some parameters (in the form that they are stored in), and the derived ones made again."""
    params = {**model.params, **{n: replace(model.params[n], data=v) for n, v in values.items()}}
    moved = set(values)
    for name, text in derivations(model).items():
        if name in values or not names(parse(text)) & moved:
            continue
        param = params[name]
        evaluator = Evaluator(replace(model, params=params), {})
        dense = np.array(evaluator.array(text, param.dims), dtype=np.float64)
        data = dense[tuple(param.index)] if param.index is not None else dense.reshape(np.shape(param.data))
        params[name] = replace(param, data=data.astype(np.asarray(param.data).dtype))
        moved.add(name)
    return replace(model, params=params)
