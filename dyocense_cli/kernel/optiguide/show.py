"""A draft between two passes as text: what `compile --show PASS` prints."""

from __future__ import annotations

from collections.abc import Iterator

from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.kernel.optiguide.compile import PASSES, passes
from dyocense_cli.kernel.optiguide.draft import Draft, Formula, Inputs
from dyocense_cli.optimodel.expr.printer import number, show
from dyocense_cli.optimodel.symbols import suggest
from dyocense_cli.optimodel.text import model_text

__all__ = ["NAMES", "draft_text", "show_pass"]

#: What `--show` takes, in order.
NAMES = ("parse", *(name for name, _ in PASSES), "finish")


def show_pass(inputs: Inputs, name: str) -> str:
    """Return what a pass gives, as text.

    Raises
    ------
    KeyError
        For a name that no pass has; its argument says the nearest one.
    """
    if name not in NAMES:
        raise KeyError(f"no pass is named `{name}`; " + suggest(name, NAMES))
    for found, value in passes(inputs):
        if found == name:
            return model_text(value) if isinstance(value, OptiModel) else draft_text(value)
    raise KeyError(name)


def draft_text(draft: Draft) -> str:
    """Return a draft as text: a line per variable, expression, rule, term and KPI."""
    return "\n".join([*_lines(draft), ""])


def _lines(draft: Draft) -> Iterator[str]:
    for v in draft.vars:
        where = f" where {show(v.where.node)}" if v.where else ""
        yield f"var {v.name}[{', '.join(v.dims)}] {v.type} {_bound(v.lower)} .. {_bound(v.upper)}{where}"
    for name, formula in sorted(draft.exprs.items()):
        yield f"expr {name}: {show(formula.node)}"
    for r in draft.rules:
        where = f" where {show(r.where.node)}" if r.where else ""
        hold = "" if r.hold == "always" else f" hold {r.hold}"
        dims = "" if r.dims is None else f"[{', '.join(r.dims)}]"
        yield f"rule {r.name}{dims}: {show(r.formula.node)}{where}{hold}"
    for t in draft.terms:
        yield f"term {number(t.weight)}{f' {t.weight_unit}' if t.weight_unit else ''} * {t.name}: {show(t.formula.node)}"
    for k in draft.kpis:
        yield f"kpi {k.name}: {show(k.formula.node)}"
    for name in sorted(draft.off):
        yield f"off {name}"
    for name, labels in draft.labels.items():
        yield f"dim {name}: {len(labels)} labels"
    for name, param in sorted(draft.data.items()):
        yield f"param {name}[{', '.join(param.dims)}]: {param.data.size} values"


def _bound(formula: Formula | None) -> str:
    return "none" if formula is None else show(formula.node)
