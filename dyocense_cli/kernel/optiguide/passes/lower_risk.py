"""risk: `mean`, `worst`, `quantile`, `cvar`, `hold:` and the objective's aggregation → linear rules, exactly.

Needs bound data and, for quantiles, bounded variables. Creates variables and rules whose `origin` is what the planner wrote. Keeps the
optimum: cvar by Rockafellar and Uryasev (2000), a quantile by one binary per scenario with a bound from the data (Luedtke and Ahmed 2008).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

import numpy as np

from dyocense_cli.artifacts.optimodel import Param
from dyocense_cli.errors import InputError
from dyocense_cli.kernel.optiguide.bounding import Bounding
from dyocense_cli.kernel.optiguide.draft import Draft, Formula, RuleDraft, TermDraft, VarDraft
from dyocense_cli.kernel.optiguide.problems import locate
from dyocense_cli.optimodel.evaluate import per_scenario
from dyocense_cli.optimodel.expr.nodes import Binary, Compare, Name, Neg, Node, Num, Reduce, Sum, rebuild, walk
from dyocense_cli.optimodel.expr.printer import show
from dyocense_cli.optimodel.meaning import meaning
from dyocense_cli.optimodel.simplify import ZERO, simplify
from dyocense_cli.optimodel.symbols import Symbol

__all__ = ["lower_risk", "measure"]

_MEASURE: Final = re.compile(r"(p|cvar)(\d{1,2}(?:\.\d+)?)")
_PROBABILITY: Final = Name("probability")


def measure(text: str) -> tuple[str, float | None]:
    """Return kind and level of ``mean``, ``worst``, ``always``, ``p95`` or ``cvar90``."""
    match = _MEASURE.fullmatch(text)
    if match is None:
        return text, None
    return ("quantile" if match[1] == "p" else "cvar"), float(match[2]) / 100


def lower_risk(draft: Draft) -> Draft:
    """Return the draft without scenario reductions outside its KPIs.

    Raises
    ------
    InputError
        DY2211 if an exact quantile meets a variable without bounds, DY2202 for a reduction that a solver cannot hold.
    """
    if draft.scenario is None:
        return draft
    work = _Lower(draft)
    rules = [made for rule in draft.rules for made in work.rule(rule)]
    work.why = "risk"
    terms = work.objective([work.term(t) for t in draft.terms])
    draft = work.draft
    return replace(draft, rules=(*rules, *work.rules), terms=terms, vars=(*draft.vars, *work.vars))


class _Lower:
    """One lowering; collects the variables, rules and data that it makes."""

    def __init__(self, draft: Draft) -> None:
        assert draft.scenario is not None
        self.draft = draft
        self.scenario: str = draft.scenario
        self.vars: list[VarDraft] = []
        self.rules: list[RuleDraft] = []
        self.why = "hold"
        self.sense = 1.0 if draft.inputs.spec.sense.startswith("min") else -1.0

    # -- building blocks

    def dims(self, node: Node) -> tuple[str, ...]:
        return self.draft.scope.ordered_dims(meaning(node, self.draft.scope, lambda _: None, free=True).dims)

    def variable(
        self, name: str, dims: tuple[str, ...], kind: str, *, lower: Node | None, upper: Node | None = None, stage: int = 2
    ) -> Name:
        def bound(node: Node | None) -> Formula | None:
            return None if node is None else Formula(node, show(node), "")

        self.vars.append(VarDraft(name, dims, kind, bound(lower), bound(upper), stage, origin=self.why))
        self._symbol(name, Symbol("var", dims))
        return Name(name)

    def _symbol(self, name: str, symbol: Symbol) -> None:
        scope = self.draft.scope
        self.draft = replace(self.draft, scope=replace(scope, symbols={**scope.symbols, name: symbol}))

    def add(self, name: str, node: Node, like: RuleDraft | None = None, **changes: str) -> None:
        dims = self.dims(node)
        formula = Formula(node, show(node), like.formula.source if like is not None else "")
        if like is not None:
            self.rules.append(replace(like, name=name, formula=formula, dims=dims, hold="always", where=None))
        else:
            self.rules.append(
                RuleDraft(name, formula, dims, None, "always", changes["intent"], None, None, changes["source"], changes["origin"])
            )

    def data(self, name: str, dims: tuple[str, ...], values: np.ndarray) -> Name:
        param = Param(dims, np.asarray(values, np.float64, order="C"))
        self.draft = replace(self.draft, data={**self.draft.data, name: param})
        self._symbol(name, Symbol("param", dims))
        return Name(name)

    def mean(self, node: Node) -> Node:
        return Sum(Binary("*", _PROBABILITY, node), (self.scenario,))

    # -- rules

    def rule(self, rule: RuleDraft) -> list[RuleDraft]:
        node = rule.formula.node
        assert isinstance(node, Compare)
        if any(isinstance(n, Reduce) for n in walk(node)):
            node = self.sides(rule, node)
            rule = replace(rule, formula=replace(rule.formula, node=node))
        kind, level = measure(rule.hold)
        if kind in ("always", "worst") or self.scenario not in (rule.dims or ()):
            return [replace(rule, hold="always")]
        if kind == "mean":
            return [self.in_mean(rule, node)]
        assert level is not None
        if node.op == "==":
            raise InputError(
                "DY2202",
                f"the rule `{rule.name}` is an equation, which cannot hold in part of the scenarios",
                where=locate(self.draft.inputs, rule.source),
                hints="write `<=` or `>=`, or `hold: always`",
            )
        excess = Binary("-", node.left, node.right) if node.op == "<=" else Binary("-", node.right, node.left)
        return self.in_tail(rule, excess, level) if kind == "cvar" else self.in_most(rule, node, excess, level)

    def sides(self, rule: RuleDraft, node: Compare) -> Compare:
        """Lower reductions inside a rule; those that push against its limit only."""
        signs = {"<=": (1.0, -1.0), ">=": (-1.0, 1.0), "==": (0.0, 0.0)}[node.op]
        left = self.reduced(replace(rule.formula, node=node.left), rule.name, signs[0], rule).node
        right = self.reduced(replace(rule.formula, node=node.right), rule.name, signs[1], rule).node
        return Compare(node.op, left, right)

    def in_mean(self, rule: RuleDraft, node: Compare) -> RuleDraft:
        where = rule.where
        if where is not None and self.scenario in self.dims(where.node):
            raise InputError(
                "DY2202",
                f"the rule `{rule.name}` holds in the mean but exists in some scenarios only",
                where=locate(self.draft.inputs, rule.source),
                hints="drop the scenario from its `where`",
            )
        dims = tuple(d for d in rule.dims or () if d != self.scenario)
        left, right = (self.mean(s) if self.scenario in self.dims(s) else s for s in (node.left, node.right))
        return replace(rule, formula=replace(rule.formula, node=Compare(node.op, left, right)), dims=dims, hold="always")

    def in_tail(self, rule: RuleDraft, excess: Node, level: float) -> list[RuleDraft]:
        value = self.cvar(f"{rule.name}_tail", excess, level, rule)
        dims = tuple(d for d in rule.dims or () if d != self.scenario)
        return [replace(rule, formula=replace(rule.formula, node=Compare("<=", value, ZERO)), dims=dims, hold="always")]

    def in_most(self, rule: RuleDraft, node: Compare, excess: Node, level: float) -> list[RuleDraft]:
        """Hold all rows together in scenarios of total probability `level`: one binary per scenario says where they need not."""
        assert self.draft.probability is not None
        if float(self.draft.probability.min()) > 1.0 - level + 1e-12:
            return [replace(rule, hold="always")]
        most = np.maximum(self.highest(excess, rule.dims or (), rule.source, rule.name), 0.0)
        slack = self.data(f"{rule.name}_slack", rule.dims or (), most)
        miss = self.variable(f"{rule.name}_missed", (self.scenario,), "bool", lower=ZERO, upper=Num(1.0), stage=2)
        give = Binary("*", slack, miss)
        relaxed = (
            Compare("<=", node.left, Binary("+", node.right, give))
            if node.op == "<="
            else Compare(">=", Binary("+", node.left, give), node.right)
        )
        budget = Compare("<=", self.mean(miss), Num(round(1.0 - level, 12)))
        self.add(f"{rule.name}_in_most", budget, rule)
        return [replace(rule, formula=replace(rule.formula, node=relaxed), hold="always")]

    def highest(self, node: Node, dims: tuple[str, ...], source: str, name: str) -> np.ndarray:
        return Bounding(self.draft).highest(node, dims, source, name)

    # -- reductions

    def cvar(self, name: str, node: Node, level: float, like: RuleDraft | None, **words: str) -> Node:
        dims = tuple(d for d in self.dims(node) if d != self.scenario)
        value = self.variable(f"{name}_level", dims, "float", lower=None, stage=1)
        over = self.variable(f"{name}_excess", (*dims, self.scenario), "float", lower=ZERO)
        self.add(f"{name}_excess", Compare(">=", over, Binary("-", node, value)), like, **words)
        share = Num(float(f"{1.0 / (1.0 - level):.15g}"))
        return Binary("+", value, Binary("*", share, self.mean(over)))

    def worst(self, name: str, node: Node, like: RuleDraft | None, **words: str) -> Node:
        dims = tuple(d for d in self.dims(node) if d != self.scenario)
        value = self.variable(f"{name}_worst", dims, "float", lower=None, stage=1)
        self.add(f"{name}_worst", Compare(">=", value, node), like, **words)
        return value

    def quantile(self, name: str, node: Node, level: float, like: RuleDraft | None, **words: str) -> Node:
        """Return the level below which `node` stays in scenarios of probability `level`.

        It is at least the same quantile of the scenarios' own least values, so that bound serves both as its own lower bound and to
        tighten what a missed scenario gives up.
        """
        assert self.draft.probability is not None
        dims = tuple(d for d in self.dims(node) if d != self.scenario)
        if float(self.draft.probability.min()) > 1.0 - level + 1e-12:
            return self.worst(name, node, like, **words)
        source = like.source if like is not None else words["source"]
        low, high = Bounding(self.draft).range(node, (*dims, self.scenario), source, name)
        least = _quantile(low, self.draft.probability, level)
        floor = self.data(f"{name}_least", dims, least)
        slack = self.data(f"{name}_slack", (*dims, self.scenario), np.maximum(high - least[..., None], 0.0))
        value = self.variable(f"{name}_level", dims, "float", lower=floor, stage=1)
        miss = self.variable(f"{name}_missed", (*dims, self.scenario), "bool", lower=ZERO, upper=Num(1.0))
        self.add(f"{name}_level", Compare(">=", Binary("+", value, Binary("*", slack, miss)), node), like, **words)
        self.add(f"{name}_in_most", Compare("<=", self.mean(miss), Num(round(1.0 - level, 12))), like, **words)
        return value

    def reduced(self, formula: Formula, name: str, sign: float, like: RuleDraft | None = None) -> Formula:
        """Lower the reductions of a formula whose value is pushed down (`sign` > 0); `mean` is linear and goes anywhere."""
        count = [0]

        def change(node: Node, sign: float) -> Node:
            if isinstance(node, Reduce):
                return self._reduce(node, formula, (f"{name}_{node.kind}" + (f"_{count[0]}" if count[0] else ""), sign), like, count)
            if isinstance(node, Neg):
                return Neg(change(node.body, -sign))
            if isinstance(node, Binary) and node.op == "-":
                return Binary("-", change(node.left, sign), change(node.right, -sign))
            if isinstance(node, Binary) and node.op in "*/":
                return Binary(
                    node.op,
                    change(node.left, sign if _positive(node.right) else 0.0),
                    change(node.right, sign if _positive(node.left) else 0.0),
                )
            return rebuild(node, lambda child: change(child, sign))

        if not any(isinstance(n, Reduce) for n in walk(formula.node)):
            return formula
        return replace(formula, node=simplify(change(formula.node, sign)))

    def _reduce(self, node: Reduce, formula: Formula, place: tuple[str, float], like: RuleDraft | None, count: list[int]) -> Node:
        if self.scenario not in self.dims(node.body):
            return node.body
        if node.kind == "mean":
            return self.mean(node.body)
        name, sign = place
        if sign <= 0:
            raise InputError(
                "DY2202",
                f"`{show(node)[:60]}` is pushed up here, where a solver could only hold it with a model that is not linear",
                where=locate(self.draft.inputs, formula.source),
                hints="turn the rule round, or use `mean`",
            )
        count[0] += 1
        words = {"intent": f"{node.kind} of {formula.text}", "source": formula.source, "origin": name}
        if node.kind == "worst":
            return self.worst(name, node.body, like, **words)
        assert node.level is not None
        make = self.cvar if node.kind == "cvar" else self.quantile
        return make(name, node.body, node.level, like, **words)

    # -- objective

    def term(self, term: TermDraft) -> TermDraft:
        formula = self.reduced(term.formula, term.name, self.sense * term.weight)
        # What a reduction inside a term adds up to belongs to no single scenario.
        raw = term.formula if formula is term.formula else replace(term.formula, node=per_scenario(term.formula.node))
        return replace(term, formula=formula, raw=raw)

    def objective(self, terms: list[TermDraft]) -> tuple[TermDraft, ...]:
        """Aggregate the scenario-dependent part of all terms together."""
        kind, level = measure(self.draft.aggregation)
        assert self.draft.probability is not None
        parts = [_split(t.formula.node, lambda n: self.scenario in self.dims(n)) for t in terms]
        if kind == "mean" or self.draft.probability.size == 1:
            return tuple(
                replace(t, formula=replace(t.formula, node=_plus(sure, self.mean(risky) if risky != ZERO else ZERO)))
                for t, (sure, risky) in zip(terms, parts, strict=True)
            )
        sure = [replace(t, formula=replace(t.formula, node=s)) for t, (s, _) in zip(terms, parts, strict=True)]
        total: Node = ZERO
        for term, (_, risky) in zip(terms, parts, strict=True):
            weight = term.weight * self.sense
            one = risky if weight in (1.0, -1.0) else Binary("*", Num(abs(weight)), risky)
            total = total if risky == ZERO else _plus(total, one if weight > 0 else Neg(one))
        if total == ZERO:
            return tuple(sure)
        return (*sure, self.at_risk(terms, total, kind, level))

    def at_risk(self, terms: list[TermDraft], total: Node, kind: str, level: float | None) -> TermDraft:
        words = {
            "intent": f"The part of the objective that depends on scenarios counts as its {self.draft.aggregation}",
            "source": "goal:/robust/aggregation",
            "origin": "objective",
        }
        if kind == "worst":
            node = self.worst("objective", total, None, **words)
        elif kind == "cvar":
            assert level is not None
            node = self.cvar("objective", total, level, None, **words)
        else:
            assert level is not None
            node = self.quantile("objective", total, level, None, **words)
        formula = Formula(node, show(node), "goal:/robust/aggregation")
        unit = next((t.unit for t in terms if t.weight_unit is None), None)  # priced terms are in that unit too
        return TermDraft(self.draft.aggregation, formula, self.sense, None, unit, replace(formula, node=ZERO))


def _quantile(values: np.ndarray, probability: np.ndarray, level: float) -> np.ndarray:
    """Return the least value with scenarios of total probability `level` at or below it; scenarios are the last axis."""
    order = np.argsort(values, axis=-1, kind="stable")
    below = np.cumsum(probability[order], axis=-1)
    at = np.argmax(below >= level - 1e-9, axis=-1)
    found: np.ndarray = np.take_along_axis(np.take_along_axis(values, order, -1), at[..., None], -1)[..., 0]
    return found


def _positive(node: Node) -> bool:
    """Say whether a factor is surely not negative: a number, or the probabilities."""
    return isinstance(node, Num) or node == _PROBABILITY


def _plus(left: Node, right: Node) -> Node:
    if isinstance(right, Neg) and left != ZERO:
        return Binary("-", left, right.body)
    return simplify(Binary("+", left, right))


def _split(node: Node, risky: object) -> tuple[Node, Node]:
    """Split a sum into what is sure and what depends on scenarios."""
    assert callable(risky)
    if not risky(node):
        return node, ZERO
    if isinstance(node, Binary) and node.op in "+-":
        (sure, dep), (other_sure, other_dep) = _split(node.left, risky), _split(node.right, risky)
        return simplify(Binary(node.op, sure, other_sure)), simplify(Binary(node.op, dep, other_dep))
    if isinstance(node, Neg):
        sure, dep = _split(node.body, risky)
        return simplify(Neg(sure)), simplify(Neg(dep))
    return ZERO, node
