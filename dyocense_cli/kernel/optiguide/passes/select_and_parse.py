"""parse: goal + model file → draft. Reformulates declarations whose `when:` holds into trees, and policies into rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from dyocense_cli.artifacts.goal import Quantity, RuleSpec
from dyocense_cli.artifacts.model import ConstraintDecl, ExprDecl, KpiDecl, ModelSpec, ParamDecl, TermDecl, VarDecl
from dyocense_cli.kernel.optiguide.draft import Draft, Formula, Inputs, KpiDraft, PiecewiseDraft, RuleDraft, TermDraft, VarDraft
from dyocense_cli.kernel.optiguide.policies import policy_rules
from dyocense_cli.kernel.optiguide.problems import Problems
from dyocense_cli.kernel.optiguide.switches import Switches, read_switches
from dyocense_cli.optimodel.expr import ExpressionError, parse
from dyocense_cli.optimodel.expr.nodes import Name, Neg, Node, Num
from dyocense_cli.optimodel.simplify import ZERO, substitute
from dyocense_cli.optimodel.symbols import Problem, Scope, Symbol, suggest
from dyocense_cli.optimodel.units import Unit, UnitError, parse_unit

__all__ = ["select_and_parse"]

D = TypeVar("D", ParamDecl, VarDecl, ExprDecl, ConstraintDecl, TermDecl, KpiDecl)


def select_and_parse(inputs: Inputs) -> Draft:
    """Return the draft of a goal and its model.

    Raises
    ------
    Findings
        DY2201, DY2202 for text that is no expression, DY2203 for a `when:` of unknown names, DY2205 for units, DY2208, DY2209 for terms,
        limits and settings.
    """
    return _Parse(inputs).run()


class _Parse:
    """One parse: the model's declarations against the goal's switches."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self.spec: ModelSpec = inputs.spec
        self.problems = Problems(inputs)
        context = inputs.context
        self.currency = context.currency if context is not None else ""
        pairs = (*context.conversions, *context.rates) if context is not None else ()
        self.extra = tuple((r.source, r.rate, r.target) for r in pairs)
        self.switches: Switches = read_switches(inputs.goal, self.spec, self.problems, currency=self.currency, extra=self.extra)
        self.off: set[str] = set()

    def run(self) -> Draft:
        params = {p.name: p for p in self.awake("parameters", self.spec.params)}
        variables = tuple(self.variable(v) for v in self.awake("variables", self.spec.vars))
        pieces = tuple(self.piece(i) for i in range(len(self.spec.piecewise)))
        variables += tuple(VarDraft(p.name, p.dims, "float", None, None, 1, None, p.unit) for p in pieces)
        exprs = {e.name: self.formula(e.expression, f"model:/expressions/{e.name}") for e in self.awake("expressions", self.spec.exprs)}
        terms = self.terms()
        for term in self.spec.terms:
            if term.name not in exprs and term.name not in params and all(v.name != term.name for v in variables):
                exprs[term.name] = self.formula(term.expression, f"model:/objective/terms/{term.name}")
        rules = (*self.model_rules(), *self.goal_rules())
        if self.inputs.admission is not None:
            rules = (*rules, *policy_rules(self.inputs.admission, self.spec, exprs))
        awake = self.awake("kpis", self.spec.kpis)
        kpis = tuple(KpiDraft(k.name, self.formula(k.expression, f"model:/kpis/{k.name}"), k.unit) for k in awake)
        scope = self.scope(variables, exprs)
        self.problems.settle()
        values = {n: self.formula(str(p.value), f"model:/parameters/{n}/value") for n, p in params.items() if isinstance(p.value, str)}
        self.problems.settle()
        return Draft(
            self.inputs,
            self.currency,
            self.extra,
            self.spec.dims,
            params,
            values,
            self.switches.numbers,
            variables,
            exprs,
            frozenset(self.off),
            rules,
            terms,
            kpis,
            pieces,
            self.spec.steps,
            scope,
            self.inputs.goal.aggregation,
        )

    def awake(self, section: str, declared: Iterable[D]) -> Iterable[D]:
        """Yield the declarations whose `when:` (and limit) holds; the names of the others are zero."""
        for item in declared:
            limit = item.limit if isinstance(item, ConstraintDecl) else None
            if limit is not None and limit not in self.switches.known:
                self.problems.add(
                    Problem("DY2208", f"no limit is named `{limit}`", suggest(limit, self.switches.known, "declare it under `limits:`")),
                    f"model:/{section}/{item.name}/limit",
                )
            elif (limit is None or limit in self.switches.on) and self.holds(item.when, limit, f"model:/{section}/{item.name}/when"):
                yield item
                continue
            if section in ("parameters", "variables", "expressions"):
                self.off.add(item.name)

    def holds(self, when: str | None, limit: str | None, source: str) -> bool:
        if when is None:
            return True
        formula = self.formula(when, source)
        try:
            return self.switches.holds(formula.node, limit)
        except KeyError as error:
            name = str(error.args[0])
            self.problems.of(
                formula,
                Problem(
                    "DY2203",
                    f"`when` asks for `{name}`, which is neither a limit nor a setting",
                    suggest(name, [*self.switches.known, *self.switches.words]),
                    name,
                ),
            )
            return False

    def formula(self, text: str, source: str, limit: str | None = None) -> Formula:
        try:
            node = parse(text)
        except ExpressionError as error:
            self.problems.add(Problem(error.code, error.message, " ".join(error.hints), offset=error.offset), source, text)
            return Formula(ZERO, text, source)
        local: dict[str, Node] = {s: Name(f"{limit}_{s}") for s in self.switches.known.get(limit or "", ())}
        return Formula(substitute(node, local) if local else node, text, source)

    def optional(self, text: str | None, source: str, limit: str | None = None) -> Formula | None:
        return None if text is None else self.formula(text, source, limit)

    def bound(self, value: str | float | None, source: str) -> Formula | None:
        if value is None:
            return None
        if isinstance(value, str):
            return self.formula(value, source)
        number = Num(abs(value))
        return Formula(Neg(number) if value < 0 else number, repr(value), source)

    def variable(self, v: VarDecl) -> VarDraft:
        at = f"model:/variables/{v.name}"
        scenario = next((d.name for d in self.spec.dims if d.scenarios), None)
        stage = v.stage if v.stage is not None else 2 if scenario in v.dims else 1
        kind = "bool" if v.binary else "int" if v.integer else "float"
        upper = 1.0 if v.binary and v.upper is None else v.upper
        return VarDraft(
            v.name,
            v.dims,
            kind,
            self.bound(v.lower, f"{at}/bounds/lower"),
            self.bound(upper, f"{at}/bounds/upper"),
            stage,
            self.optional(v.where, f"{at}/where"),
            v.unit,
        )

    def piece(self, number: int) -> PiecewiseDraft:
        p = self.spec.piecewise[number]
        at = f"model:/piecewise/{p.name}"
        return PiecewiseDraft(p.name, self.formula(p.input, f"{at}/input"), p.points, p.values, p.along, p.dims, p.convex, p.unit, at)

    def terms(self) -> tuple[TermDraft, ...]:
        wanted: Mapping[str, Quantity] = self.inputs.goal.objective
        declared = {t.name: t for t in self.spec.terms}
        for name in wanted:
            if name not in declared:
                hint = suggest(name, declared)
                self.problems.add(
                    Problem("DY2208", f"the model `{self.spec.name}` has no objective term `{name}`", hint), f"goal:/objective/{name}"
                )
        awake = {t.name: t for t in self.awake("objective/terms", self.spec.terms)}
        out = []
        for name, term in awake.items():
            weight = wanted.get(name) if wanted else Quantity(1.0)
            if weight is not None:
                formula = self.formula(term.expression, f"model:/objective/terms/{name}")
                out.append(TermDraft(name, formula, weight.value, weight.unit, term.unit))
        return tuple(out)

    def model_rules(self) -> Iterable[RuleDraft]:
        for c in self.awake("constraints", self.spec.constraints):
            at = f"model:/constraints/{c.name}"
            hold = c.hold or str(self.switches.words.get(f"{c.limit}.hold", "always"))
            source = f"goal:/limits/{c.limit}" if c.limit is not None and c.limit in self.inputs.goal.limits else at
            where = self.optional(c.where, f"{at}/where", c.limit)
            yield RuleDraft(
                c.name,
                self.formula(c.expression, f"{at}/expression", c.limit),
                c.dims,
                where,
                hold,
                c.intent,
                c.relax,
                c.limit,
                source,
                c.name,
            )

    def goal_rules(self) -> Iterable[RuleDraft]:
        taken = {c.name for c in self.spec.constraints}
        for rule in self.inputs.goal.constraints:
            if rule.name in taken:
                self.problems.add(
                    Problem("DY2203", f"the model has a rule `{rule.name}` already", "give this rule another name"),
                    f"goal:/constraints/{rule.name}",
                )
            yield self.goal_rule(rule)

    def goal_rule(self, rule: RuleSpec) -> RuleDraft:
        at = f"goal:/constraints/{rule.name}"
        return RuleDraft(
            rule.name,
            self.formula(rule.expression, f"{at}/expression"),
            rule.dims,
            self.optional(rule.where, f"{at}/where"),
            rule.hold,
            rule.intent,
            rule.relax,
            None,
            at,
            rule.name,
        )

    def unit(self, text: str | None, source: str) -> Unit | None:
        if text is None:
            return None
        try:
            return parse_unit(text, currency=self.currency, extra=self.extra)
        except UnitError as error:
            self.problems.add(Problem("DY2205", str(error), "declare it under `conversions:` of the context, or use a known unit"), source)
            return None

    def scope(self, variables: tuple[VarDraft, ...], exprs: Mapping[str, Formula]) -> Scope:
        symbols: dict[str, Symbol] = {d.name: Symbol("dim", (d.name,)) for d in self.spec.dims}
        sources: dict[str, str] = dict.fromkeys(symbols, "dimensions")
        found: list[tuple[str, str, Symbol]] = []
        for p in self.spec.params:  # what is switched off keeps its dims and unit, so that the rest is judged as it was written
            kind = "text" if p.dtype == "text" else "param"
            found.append(("parameters", p.name, Symbol(kind, p.dims, self.unit(p.unit, f"model:/parameters/{p.name}"), p.dtype == "int")))
        off = [self.variable(v) for v in self.spec.vars if v.name in self.off]
        found += [("variables", v.name, Symbol("var", v.dims, self.unit(v.unit, f"model:/variables/{v.name}"))) for v in (*variables, *off)]
        found += [("expressions", name, Symbol("expr", node=formula.node)) for name, formula in exprs.items()]
        for e in self.spec.exprs:
            if e.name in self.off:
                found.append(("expressions", e.name, Symbol("expr", node=self.formula(e.expression, f"model:/expressions/{e.name}").node)))
        for section, name, symbol in found:
            if name in symbols:
                self.problems.add(
                    Problem("DY2203", f"`{name}` is declared twice, in {sources[name]} and in {section}", "rename one"),
                    f"model:/{section}/{name}",
                )
            symbols[name] = symbol
            sources[name] = section
        for name, (value, text) in self.switches.numbers.items():
            symbols.setdefault(name, Symbol("param", (), self.unit(text, f"goal:/limits/{name}"), value == int(value)))
        scenario = next((d.name for d in self.spec.dims if d.scenarios), None)
        if scenario not in (None, "scenario"):
            self.problems.add(
                Problem("DY2204", f"the dim of the scenarios is called `{scenario}`", "call it `scenario`: `sum(e)` leaves out that name"),
                f"model:/dimensions/{scenario}",
            )
        if scenario is not None:
            symbols.setdefault("probability", Symbol("param", (scenario,)))
        ordered = frozenset(d.name for d in self.spec.dims if d.ordered or d.horizon or d.ranks or d.upto)
        return Scope(symbols, tuple(d.name for d in self.spec.dims), ordered, scenario)
