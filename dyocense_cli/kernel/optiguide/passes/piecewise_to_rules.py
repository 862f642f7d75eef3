"""piecewise: a cost through breakpoints → weights of the points; not convex ones get one binary per segment.

Needs points that ascend along their dim. Creates ``{name}_weight`` and, unless the cost is convex, ``{name}_segment``. Keeps the optimum:
the convex-combination model of Dantzig (1960); see Williams, *Model Building in Mathematical Programming*, section 7.3.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dyocense_cli.artifacts.optimodel import Param
from dyocense_cli.errors import InputError
from dyocense_cli.kernel.optiguide.draft import Draft, Formula, PiecewiseDraft, RuleDraft, VarDraft
from dyocense_cli.kernel.optiguide.problems import locate
from dyocense_cli.optimodel.expr.nodes import Binary, Compare, Name, Neg, Node, Num, Shift, Sum
from dyocense_cli.optimodel.expr.printer import show
from dyocense_cli.optimodel.grid import align, dense, from_param
from dyocense_cli.optimodel.simplify import ZERO
from dyocense_cli.optimodel.symbols import Symbol

__all__ = ["piecewise_to_rules"]


def piecewise_to_rules(draft: Draft) -> Draft:
    """Return the draft with every piecewise cost as rules.

    Raises
    ------
    InputError
        DY2217 if points do not ascend, a parameter is missing, or a cost that is called convex is not.
    """
    for piece in draft.piecewise:
        draft = _lowered(draft, piece)
    return replace(draft, piecewise=())


def _lowered(draft: Draft, piece: PiecewiseDraft) -> Draft:
    _check(draft, piece)
    cost, weight, segment = Name(piece.name), Name(f"{piece.name}_weight"), Name(f"{piece.name}_segment")
    along, dims = piece.along, (*piece.dims, piece.along)
    variables = [VarDraft(weight.id, dims, "float", _formula(ZERO), _formula(Num(1.0)), 1, origin="piecewise")]
    rules: list[tuple[str, Node]] = [
        ("weights", Compare("==", Sum(weight, (along,)), Num(1.0))),
        ("input", Compare("==", Sum(Binary("*", Name(piece.points), weight), (along,)), piece.input.node)),
        ("value", Compare("==", cost, Sum(Binary("*", Name(piece.values), weight), (along,)))),
    ]
    data = dict(draft.data)
    symbols = {**draft.scope.symbols, weight.id: Symbol("var", dims)}
    if not piece.convex:
        inner = f"{piece.name}_inner"
        data[inner] = Param((along,), (np.arange(draft.sizes[along]) > 0).astype(np.float64))
        symbols |= {segment.id: Symbol("var", dims), inner: Symbol("param", (along,))}
        variables.append(VarDraft(segment.id, dims, "bool", _formula(ZERO), _formula(Name(inner)), 1, origin="piecewise"))
        beside = Binary("+", segment, Shift(segment, along, Neg(Num(1.0)), ZERO))
        rules += [("one_segment", Compare("==", Sum(segment, (along,)), Num(1.0))), ("neighbours", Compare("<=", weight, beside))]
    made = tuple(
        RuleDraft(
            f"{piece.name}_{suffix}",
            Formula(node, show(node), piece.source),
            dims if suffix == "neighbours" else piece.dims,
            None,
            "always",
            f"`{piece.name}` follows its breakpoints",
            None,
            None,
            piece.source,
            piece.name,
        )
        for suffix, node in rules
    )
    scope = replace(draft.scope, symbols=symbols)
    kept = tuple(replace(v, lower=None) if v.name == piece.name else v for v in draft.vars)
    return replace(draft, vars=(*kept, *variables), rules=(*draft.rules, *made), data=data, scope=scope)


def _formula(node: Node) -> Formula:
    return Formula(node, show(node), "")


def _check(draft: Draft, piece: PiecewiseDraft) -> None:
    where = locate(draft.inputs, piece.source)
    dims = (*piece.dims, piece.along)
    arrays = []
    for name in (piece.points, piece.values):
        if name not in draft.data:
            raise InputError("DY2217", f"the piecewise cost `{piece.name}` needs the parameter `{name}`", where=where)
        grid = dense(from_param(draft.data[name]), draft.sizes)
        if not set(grid.dims) <= set(dims) or piece.along not in grid.dims:
            raise InputError(
                "DY2217", f"`{name}` has dims {', '.join(grid.dims) or 'none'}, the piecewise cost takes {', '.join(dims)}", where=where
            )
        arrays.append(align(grid.data, grid.dims, dims))
    steps = np.diff(arrays[0], axis=-1)
    if arrays[0].shape[-1] < 2 or (steps <= 0).any():
        raise InputError(
            "DY2217",
            f"the points `{piece.points}` do not ascend along `{piece.along}`",
            where=where,
            hints="give at least two points, each greater than the one before",
        )
    slopes = np.diff(arrays[1], axis=-1) / steps
    sign = 1.0 if draft.inputs.spec.sense.startswith("min") else -1.0
    if piece.convex and (np.diff(slopes, axis=-1) * sign < -1e-9 * np.abs(slopes).max()).any():
        raise InputError(
            "DY2217", f"the piecewise cost `{piece.name}` is called convex but its slopes fall", where=where, hints="drop `convex: true`"
        )
