"""bind: tables and scenarios → labels and arrays. Needs expanded formulas.

Creates labels, parameters and flags (``region_is_local``); derived parameters and bounds become data. Keeps what every formula means:
dims of one stand-in label and parameters without a single value leave no trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from dyocense_cli.artifacts.context import Context
from dyocense_cli.artifacts.model import ParamDecl
from dyocense_cli.artifacts.optimodel import Param
from dyocense_cli.errors import InputError, Where
from dyocense_cli.kernel.optiguide.draft import Draft, Formula, VarDraft
from dyocense_cli.kernel.optiguide.flags import Flags
from dyocense_cli.kernel.optiguide.labels import Labels, read_labels
from dyocense_cli.kernel.optiguide.problems import locate
from dyocense_cli.kernel.optiguide.tables import Loader, TextGrid
from dyocense_cli.optimodel.calc import Calculator
from dyocense_cli.optimodel.expr.dims import dims_of, sum_dims
from dyocense_cli.optimodel.expr.nodes import Binary, Logic, Name, Neg, Node, Num, Sum, names, rebuild
from dyocense_cli.optimodel.expr.printer import show
from dyocense_cli.optimodel.fold import fold, fold_sums
from dyocense_cli.optimodel.grid import Grid, dense, existence, multiply, to_param
from dyocense_cli.optimodel.simplify import ZERO, simplify, substitute, without_dims
from dyocense_cli.optimodel.symbols import Scope, Symbol

__all__ = ["bind_data"]

_DTYPES = {"int": "i8", "bool": "bool"}


def bind_data(draft: Draft) -> Draft:
    """Return the draft with its data.

    Raises
    ------
    InputError
        DY2205, DY2212, DY2213, DY2214 for data that does not fit the model's declarations.
    """
    context = draft.inputs.context
    assert context is not None
    return _Bind(draft, context).run()


class _Bind:
    """One binding: grids by name, then formulas over them."""

    def __init__(self, draft: Draft, context: Context) -> None:
        self.draft = draft
        self.context = context
        self.labels: Labels = read_labels(draft.dims, context, draft.inputs.scenarios, self.place)
        self.sizes = {d: len(v) for d, v in self.labels.labels.items() if d not in self.labels.gone}
        self.grids: dict[str, Grid] = {}
        self.texts: dict[str, TextGrid] = {}
        self.absent: set[str] = set()
        self.sources: dict[str, str] = {}  # parameters that an expression gives
        scenarios = draft.inputs.scenarios
        self.probability = scenarios.probability if scenarios is not None else np.ones(1)

    def place(self, source: str) -> Where:
        """Return where a source was written."""
        return locate(self.draft.inputs, source)

    def run(self) -> Draft:
        self.load()
        self.flags = Flags(self.labels, self.texts, set(self.grids) | {v.name for v in self.draft.vars}, self.place)
        draft = self.settle_absent(self.draft)
        self.grids.update(self.flags.grids)
        self.derive(draft)
        draft = self.counted(replace(draft, vars=tuple(self.variable(v) for v in draft.vars)))
        data = {n: self.param(n, g) for n, g in self.grids.items()}
        kept = {d: v for d, v in self.labels.labels.items() if d not in self.labels.gone}
        return replace(draft, labels=kept, data=data, probability=self.probability, scope=self.scope(draft, data))

    def load(self) -> None:
        loader = Loader(self.context, self.draft.inputs.scenarios, self.labels, self.draft.currency, self.draft.units)
        for name, decl in self.draft.params.items():
            if isinstance(decl.value, str):
                continue
            found = Grid((), np.asarray(float(decl.value))) if decl.value is not None else loader.load(decl)
            if found is None and decl.default is not None:
                found = Grid((), np.asarray(decl.default))
            if isinstance(found, TextGrid):
                self.texts[name] = found
            elif found is not None:
                self.grids[name] = self.filled(found, decl)
            elif decl.optional or decl.dtype == "text":
                self.absent.add(name)
            else:
                self.missing(decl)
        for name, (value, _) in self.draft.settings.items():
            self.grids.setdefault(name, Grid((), np.asarray(value)))
        if self.draft.scenario is not None:
            self.grids.setdefault("probability", Grid((self.draft.scenario,), self.probability))

    def filled(self, grid: Grid, decl: ParamDecl) -> Grid:
        """Return the grid with its default at members without a row, if it is to stand everywhere."""
        if not decl.everywhere or decl.default is None:
            return grid
        grid = dense(grid, self.sizes)
        return grid if grid.mask is None else Grid(grid.dims, np.where(grid.mask, grid.data, decl.default))

    def missing(self, decl: ParamDecl) -> None:
        source = decl.source or f"parameters.{decl.name}"
        raise InputError(
            "DY2214",
            f"the parameter `{decl.name}` comes from `{source}`, which the context has not",
            where=locate(self.draft.inputs, f"model:/parameters/{decl.name}"),
            hints=f"add `{source}` to the context, or give the parameter a `default:` or `optional: true`",
        )

    def settle_absent(self, draft: Draft) -> Draft:
        """Drop dims that are gone and everything that exists only because of absent parameters."""
        zeros: dict[str, Node] = dict.fromkeys(self.absent, ZERO)
        while True:
            draft = self.rewritten(draft, zeros)
            if self.flags.never - zeros.keys():
                draft = self.rewritten(draft, zeros := {**zeros, **dict.fromkeys(self.flags.never, ZERO)})
            empty = {v.name for v in draft.vars if v.where is not None and fold(v.where.node) is False}
            empty |= {v.name for v in draft.vars if any(self.sizes.get(d, 1) == 0 for d in v.dims)}
            gone = [n for n, f in draft.values.items() if f.node == ZERO and draft.params[n].optional]
            if not empty and not gone:
                break
            zeros = dict.fromkeys([*empty, *gone], ZERO)
            draft = replace(
                draft,
                vars=tuple(v for v in draft.vars if v.name not in empty),
                values={n: f for n, f in draft.values.items() if n not in gone},
            )
        variables = {v.name for v in draft.vars}
        rules = tuple(r for r in draft.rules if names(r.formula.node) & variables and (r.where is None or fold(r.where.node) is not False))
        return replace(
            draft,
            rules=tuple(replace(r, where=_folded(r.where)) for r in rules),
            vars=tuple(replace(v, where=_folded(v.where)) for v in draft.vars),
        )

    def rewritten(self, draft: Draft, zeros: Mapping[str, Node]) -> Draft:
        gone = self.labels.gone

        def change(formula: Formula) -> Formula:
            node = fold_sums(substitute(formula.node, zeros))
            node = self.flags.lower(without_dims(node, gone) if gone else node, formula.source)
            return replace(formula, node=fold_sums(node))

        def maybe(formula: Formula | None) -> Formula | None:
            return None if formula is None else change(formula)

        def less(dims: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(d for d in dims if d not in gone)

        steps = draft.steps
        return replace(
            draft,
            exprs={n: change(f) for n, f in draft.exprs.items()},
            values={n: change(f) for n, f in draft.values.items()},
            vars=tuple(replace(v, dims=less(v.dims), where=maybe(v.where), lower=maybe(v.lower), upper=maybe(v.upper)) for v in draft.vars),
            rules=tuple(replace(r, formula=change(r.formula), where=maybe(r.where), dims=less(r.dims or ())) for r in draft.rules),
            terms=tuple(replace(t, formula=change(t.formula)) for t in draft.terms),
            kpis=tuple(replace(k, formula=change(k.formula), dims=less(k.dims)) for k in draft.kpis),
            piecewise=tuple(replace(p, input=change(p.input), dims=less(p.dims)) for p in draft.piecewise),
            steps=None if steps is None else replace(steps, dims=less(steps.dims)),
        )

    def counted(self, draft: Draft) -> Draft:
        if self.actual == self.declared:
            return draft

        def change(formula: Formula) -> Formula:
            return replace(formula, node=self.repeated(formula.node))

        return replace(
            draft,
            exprs={n: change(f) for n, f in draft.exprs.items()},
            rules=tuple(replace(r, formula=change(r.formula)) for r in draft.rules),
            terms=tuple(replace(t, formula=change(t.formula)) for t in draft.terms),
            kpis=tuple(replace(k, formula=change(k.formula)) for k in draft.kpis),
        )

    def repeated(self, node: Node) -> Node:
        """Return `node` with sums over dims that a parameter lost, because its table has no such column, as multiples."""
        node = rebuild(node, self.repeated)
        if not isinstance(node, Sum):
            return node
        body = node.body if node.where is None else Logic("and", node.body, node.where)
        actual = dims_of(body, self.actual, self.draft.scenario)
        over = sum_dims(node, self.declared, self.draft.scenario)
        lost = [d for d in over if d not in actual]
        if not lost:
            return node
        kept = simplify(Sum(node.body, tuple(d for d in over if d in actual), node.where))
        return simplify(Binary("*", Num(float(np.prod([self.sizes[d] for d in lost]))), kept))

    @property
    def actual(self) -> dict[str, tuple[str, ...]]:
        """Dims of every name as bound."""
        return {n: g.dims for n, g in self.grids.items()} | {v.name: tuple(d for d in v.dims if d in self.sizes) for v in self.draft.vars}

    @property
    def declared(self) -> dict[str, tuple[str, ...]]:
        """Dims of every name as declared, less those that are gone."""
        named = {n: tuple(d for d in p.dims if d in self.sizes) for n, p in self.draft.params.items()}
        return {**self.actual, **named}

    def calculator(self) -> Calculator:
        return Calculator(self.grids, self.sizes, self.draft.scenario, self.probability)

    def derive(self, draft: Draft) -> None:
        """Compute derived parameters, each after those it needs."""
        waiting = dict(draft.values)
        while waiting:
            ready = [n for n, f in waiting.items() if not names(f.node) & set(waiting)]
            for name in sorted(ready):
                formula = waiting.pop(name)
                formula = replace(formula, node=self.repeated(formula.node))
                self.grids[name] = self.computed(formula)
                self.sources[name] = show(formula.node)

    def computed(self, formula: Formula) -> Grid:
        try:
            return self.calculator().value(formula.node)
        except InputError as error:
            raise InputError(error.code, error.message, where=locate(self.draft.inputs, formula.source), hints=error.hints) from error

    def variable(self, variable: VarDraft) -> VarDraft:
        return replace(variable, lower=self.bound(variable, variable.lower, "lower"), upper=self.bound(variable, variable.upper, "upper"))

    def bound(self, variable: VarDraft, formula: Formula | None, side: str) -> Formula | None:
        """Return a bound as a number or the name of a parameter, which is made if needed."""
        if formula is None or _number(formula.node) is not None:
            return formula
        grid = self.computed(formula)
        if not self.covered(variable, grid):
            raise InputError(
                "DY2212",
                f"the {side} bound of `{variable.name}` has no value for some members",
                where=locate(self.draft.inputs, formula.source),
                hints="give the parameter a `default:`, or let the variable exist only `where:` it has a value",
            )
        if isinstance(formula.node, Name):
            return formula
        name = f"{variable.name}_{side}"
        self.grids[name] = grid
        self.sources[name] = show(formula.node)
        return replace(formula, node=Name(name))

    def covered(self, variable: VarDraft, grid: Grid) -> bool:
        """Say whether a bound has a value wherever the variable exists."""
        if grid.mask is None and not grid.is_sparse:
            return True
        where = Grid((), np.asarray(True)) if variable.where is None else self.calculator().condition(variable.where.node)
        both = multiply(where, existence(grid), np.logical_and, self.sizes)
        repeat = np.prod([self.sizes[d] for d in both.dims if d not in where.dims], dtype=np.int64)
        return int(np.count_nonzero(both.data)) == int(np.count_nonzero(where.data)) * int(repeat)

    def param(self, name: str, grid: Grid) -> Param:
        decl = self.draft.params.get(name)
        kind = _DTYPES.get(decl.dtype, "f8") if decl is not None else "f8"
        if grid.data.dtype == np.bool_:
            kind = "bool"
        unit = decl.unit if decl is not None else self.draft.settings.get(name, (0.0, None))[1]
        found = to_param(grid, unit=unit.replace("currency", self.draft.currency or "currency") if unit else None, dtype=kind)
        return replace(found, source=self.source(name))

    def source(self, name: str) -> str:
        """Return where a parameter is bound from, so that stress tests bind other scenarios and changes reach what is derived."""
        if name in self.sources:
            return "= " + self.sources[name]
        decl = self.draft.params.get(name)
        return decl.source or "" if decl is not None else ""

    def scope(self, draft: Draft, data: Mapping[str, Param]) -> Scope:
        old = draft.scope
        kept = tuple(d for d in old.dims if d not in self.labels.gone)
        symbols: dict[str, Symbol] = {d: Symbol("dim", (d,)) for d in kept}
        for name, param in data.items():
            before = old.symbols.get(name)
            symbols[name] = Symbol("param", param.dims, before.unit if before is not None else None, param.dtype == "i8")
        for variable in draft.vars:
            symbols[variable.name] = replace(old.symbols[variable.name], dims=variable.dims)
        return Scope(symbols, kept, old.ordered, old.scenario if old.scenario not in self.labels.gone else None)


def _folded(formula: Formula | None) -> Formula | None:
    if formula is None:
        return None
    node = fold(formula.node)
    return None if node is None or node is False else replace(formula, node=node)


def _number(node: Node) -> float | None:
    """Return the value of a literal, None for anything else."""
    if isinstance(node, Num):
        return node.value
    return -node.body.value if isinstance(node, Neg) and isinstance(node.body, Num) else None
