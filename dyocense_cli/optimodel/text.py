"""An OptiModel as text that a planner can read: what `compile --show finish` prints and golden tests hold."""

from __future__ import annotations

from collections.abc import Iterator

from dyocense_cli.artifacts.optimodel import OptiModel, Param, Var
from dyocense_cli.optimodel.expr.printer import number

__all__ = ["model_text"]


def model_text(model: OptiModel) -> str:
    """Return dims, variables, objective, rules, KPIs and parameters, a line each, without data."""
    return "\n".join([*_lines(model), ""])


def _lines(model: OptiModel) -> Iterator[str]:
    for dim, labels in model.dims.items():
        some = ", ".join(labels[:4]) + (f", … {labels[-1]}" if len(labels) > 4 else "")
        yield f"dim {dim} {len(labels)}{' ordered' if dim in model.ordered else ''}: {some}"
    yield ""
    for v in model.vars:
        yield _variable(v)
    yield ""
    for t in model.terms:
        unit = f" [{t.unit}]" if t.unit else ""
        yield f"{model.sense} {number(t.weight)} * {t.name}{unit}: {t.expr}"
        if t.raw:
            yield f"    before reduction: {t.raw}"
    yield ""
    for r in model.rules:
        yield f"rule {r.name}{_dims(r.dims)}{f' [{r.unit}]' if r.unit else ''}: {r.expr}{f' where {r.where}' if r.where else ''}"
        yield f"    {r.intent or 'no intent'} ({r.source}{'' if r.origin == r.name else ', from ' + r.origin}, " + (
            "never relaxed)" if r.relax is None else f"relax at {number(r.relax)})"
        )
    yield ""
    for k in model.kpis:
        yield f"kpi {k.name}{_dims(k.dims)}{f' [{k.unit}]' if k.unit else ''}: {k.expr}"
    yield ""
    for name, p in model.params.items():
        yield _param(name, p)
    if model.steps is not None:
        s = model.steps
        yield ""
        yield f"steps {s.quantity}{_dims(s.dims)} price {s.price} lot {s.lot} arrives {s.arrives} cost {s.cost}"


def _variable(v: Var) -> str:
    low, high = ("none" if b is None else b if isinstance(b, str) else number(b) for b in (v.lb, v.ub))
    made = f" for {v.origin}" if v.origin else ""
    return f"var {v.name}{_dims(v.dims)} {v.type} {low} .. {high} stage {v.stage}{f' where {v.where}' if v.where else ''}{made}"


def _param(name: str, p: Param) -> str:
    held = p.data.size if p.mask is None else int(p.mask.sum())
    value = f" = {number(float(p.data))}" if not p.dims and held else f" {held} values"
    return f"param {name}{_dims(p.dims)} {p.dtype}{f' {p.unit}' if p.unit else ''}{value}{f' from {p.source}' if p.source else ''}"


def _dims(dims: tuple[str, ...]) -> str:
    return f"[{', '.join(dims)}]" if dims else ""
