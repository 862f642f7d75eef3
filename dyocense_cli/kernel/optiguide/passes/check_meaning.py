"""dims, units: find out what every expression measures, without data.

Needs a parsed draft. Keeps every formula; creates the dims of rules and KPIs and the units of rules and terms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from dyocense_cli.kernel.optiguide.draft import Draft, Formula, KpiDraft, RuleDraft, TermDraft
from dyocense_cli.kernel.optiguide.problems import Problems
from dyocense_cli.optimodel.expr.nodes import Compare, Name, Node, names
from dyocense_cli.optimodel.expr.printer import show
from dyocense_cli.optimodel.meaning import Meaning, meaning
from dyocense_cli.optimodel.symbols import Problem, suggest, union
from dyocense_cli.optimodel.units import NUMBER, Unit, UnitError, parse_unit, unit_text

__all__ = ["check_circles", "check_dims", "check_units"]

_UNITS = frozenset({"DY2205"})


def check_circles(draft: Draft) -> Draft:
    """resolve: refuse named expressions and derived parameters that refer to themselves, and names that nothing declares.

    Raises
    ------
    Findings
        DY2203, DY2218.
    """
    problems = Problems(draft.inputs)
    for formulas in (draft.exprs, draft.values):
        for name in sorted(formulas):
            circle = _circle(name, formulas)
            if circle:
                problems.of(
                    formulas[name], Problem("DY2218", f"`{name}` refers to itself: {' → '.join(circle)}", "break the circle", circle[1])
                )
    problems.settle()
    for formula, _ in _all_formulas(draft):
        for name in sorted(names(formula.node)):
            if name not in draft.scope.symbols:
                problems.of(
                    formula,
                    Problem(
                        "DY2203",
                        f"no parameter, variable or expression is named `{name}`",
                        suggest(name, draft.scope.symbols, "declare it in the model file"),
                        name,
                    ),
                )
    problems.settle()
    return draft


def _circle(start: str, formulas: Mapping[str, Formula]) -> tuple[str, ...]:
    """Return a chain of names from `start` back to itself, empty if there is none."""
    stack: list[tuple[str, ...]] = [(start,)]
    seen: set[str] = set()
    while stack:
        path = stack.pop()
        for name in sorted(names(formulas[path[-1]].node)):
            if name == start:
                return (*path, start)
            if name in formulas and name not in seen:
                seen.add(name)
                stack.append((*path, name))
    return ()


def _all_formulas(draft: Draft) -> list[tuple[Formula, bool]]:
    """Return every formula of a draft; true for those that may be free (KPIs)."""
    found = [(f, False) for f in (*draft.exprs.values(), *draft.values.values())]
    for v in draft.vars:
        found += [(f, False) for f in (v.lower, v.upper, v.where) if f is not None]
    for r in draft.rules:
        found += [(f, False) for f in (r.formula, r.where) if f is not None]
    found += [(t.formula, False) for t in draft.terms] + [(p.input, False) for p in draft.piecewise]
    return found + [(k.formula, True) for k in draft.kpis]


def check_dims(draft: Draft) -> Draft:
    """dims: names, dims and degree of every formula; a rule's dims are the union of both sides.

    Raises
    ------
    Findings
        DY2202, DY2203, DY2204, DY2206, DY2207, DY2210, DY2215, DY2216.
    """
    return _Check(draft, lambda code: code not in _UNITS).run()


def check_units(draft: Draft) -> Draft:
    """units: what is added or compared has one unit, and weighted objective terms have one unit.

    Raises
    ------
    Findings
        DY2205.
    """
    return _Check(draft, lambda code: code in _UNITS).run()


class _Check:
    """One walk over all formulas, reporting the problems that `wanted` selects."""

    def __init__(self, draft: Draft, wanted: Callable[[str], bool]) -> None:
        self.draft = draft
        self.wanted = wanted
        self.problems = Problems(draft.inputs)

    def of(self, formula: Formula, *, free: bool = False) -> Meaning:
        def report(problem: Problem) -> None:
            self.note(problem, formula)

        return meaning(formula.node, self.draft.scope, report, free=free)

    def note(self, problem: Problem, formula: Formula) -> None:
        if self.wanted(problem.code):
            self.problems.of(formula, problem)

    def run(self) -> Draft:
        draft = self.draft
        for formula in draft.exprs.values():
            self.of(formula, free=True)
        for name, formula in draft.values.items():
            self.value(name, formula)
        for variable in draft.vars:
            for bound in (variable.lower, variable.upper, variable.where):
                self.bound(variable.name, variable.dims, bound)
        rules = tuple(self.rule(rule) for rule in draft.rules)
        terms = tuple(self.term(term) for term in draft.terms)
        self.alike(terms)
        kpis = tuple(self.kpi(kpi) for kpi in draft.kpis)
        for piece in draft.piecewise:
            self.piece(piece.dims, piece.input)
        self.problems.settle()
        return replace(draft, rules=tuple(r for r in rules if r is not None), terms=terms, kpis=kpis)

    def value(self, name: str, formula: Formula) -> None:
        found = self.of(formula)
        if found.degree:
            self.note(
                Problem(
                    "DY2202", f"the parameter `{name}` is computed from the variable `{found.var}`", "make it an expression", found.var
                ),
                formula,
            )
        self.contained(name, self.draft.params[name].dims, found.dims, formula)

    def bound(self, name: str, dims: tuple[str, ...], formula: Formula | None) -> None:
        if formula is None:
            return
        if isinstance(formula.node, Name) and self.draft.scope.symbols.get(formula.node.id, None) is not None:
            symbol = self.draft.scope.symbols[formula.node.id]
            found = Meaning(symbol.dims, degree=int(symbol.kind == "var"), var=formula.node.id)
        else:
            found = self.of(formula)
        if found.degree:
            self.note(
                Problem("DY2202", f"a bound or condition of `{name}` holds the variable `{found.var}`", "write a rule for it", found.var),
                formula,
            )
        self.contained(name, dims, found.dims, formula)

    def contained(self, name: str, dims: tuple[str, ...], found: tuple[str, ...], formula: Formula) -> None:
        extra = [d for d in found if d not in dims]
        if extra:
            self.note(
                Problem(
                    "DY2204",
                    f"`{show(formula.node)}` has dim `{extra[0]}`, which `{name}` has not",
                    f"reduce it: `sum(…, over={extra[0]})`, or add `{extra[0]}` to the dims of `{name}`",
                ),
                formula,
            )

    def piece(self, dims: tuple[str, ...], formula: Formula) -> None:
        self.contained("the cost", dims, self.of(formula).dims, formula)

    def rule(self, rule: RuleDraft) -> RuleDraft | None:
        node = rule.formula.node
        if not isinstance(node, Compare):
            self.note(Problem("DY2210", f"the rule `{rule.name}` compares nothing", "write `left <= right`, `>=` or `==`"), rule.formula)
            return rule
        if node.op not in ("<=", ">=", "=="):
            hint = f"write `{node.op}=`" if node.op in "<>" else "a rule is `<=`, `>=` or `==`"
            self.note(Problem("DY2202", f"a rule cannot be `{node.op}`: solvers hold their limits", hint, node.op), rule.formula)
            return rule
        found = self.of(rule.formula)
        if rule.where is not None:
            where = self.of_condition(rule.where)
            self.contained(rule.name, found.dims if rule.dims is None else rule.dims, where.dims, rule.where)
        if not found.degree:
            if self.switched_off(node):
                return None
            self.note(Problem("DY2210", f"the rule `{rule.name}` holds no variable", "it cannot change the plan; drop it"), rule.formula)
        dims = self.rule_dims(rule, found)
        hold = rule.hold if self.draft.scenario in dims else "always"
        return replace(rule, dims=dims, hold=hold, unit=self.rule_unit(node))

    def of_condition(self, formula: Formula) -> Meaning:
        if isinstance(formula.node, Name) and formula.node.id in self.draft.scope.symbols:
            return Meaning(self.draft.scope.symbols[formula.node.id].dims)
        return self.of(formula)

    def switched_off(self, node: Node) -> bool:
        seen: set[str] = set()
        stack = [node]
        while stack:
            for name in names(stack.pop()) - seen:
                seen.add(name)
                if name in self.draft.off:
                    return True
                if name in self.draft.exprs:
                    stack.append(self.draft.exprs[name].node)
        return False

    def rule_dims(self, rule: RuleDraft, found: Meaning) -> tuple[str, ...]:
        if rule.dims is None:
            return self.draft.scope.ordered_dims(found.dims)
        for dim in rule.dims:
            if dim not in self.draft.scope.dims:
                self.note(
                    Problem(
                        "DY2203",
                        f"no dimension is named `{dim}`",
                        suggest(dim, self.draft.scope.dims),
                    ),
                    rule.formula,
                )
            elif dim not in found.dims and not self.switched_off(rule.formula.node):
                self.note(
                    Problem(
                        "DY2204", f"the rule `{rule.name}` is declared over `{dim}`, which neither side has", f"drop `{dim}` from its dims"
                    ),
                    rule.formula,
                )
        extra = [d for d in found.dims if d not in rule.dims]
        if extra:
            self.note(
                Problem(
                    "DY2204",
                    f"the rule `{rule.name}` has dim `{extra[0]}` on a side but not in its dims",
                    f"add `{extra[0]}` to its dims, or sum over it",
                ),
                rule.formula,
            )
        return rule.dims

    def rule_unit(self, node: Compare) -> str | None:
        sides = [meaning(side, self.draft.scope, lambda _: None) for side in (node.left, node.right)]
        known = [s.unit for s in sides if s.unit is not None and not s.plain]
        return unit_text(known[0]) if known and known[0].powers else None

    def term(self, term: TermDraft) -> TermDraft:
        found = self.of(term.formula)
        rest = [d for d in found.dims if d != self.draft.scenario]
        if rest:
            self.note(
                Problem("DY2204", f"the objective term `{term.name}` still has dim `{rest[0]}`", f"sum it: `sum(…, over={rest[0]})`"),
                term.formula,
            )
        unit = found.unit
        return replace(term, unit=term.unit or (unit_text(unit) if unit is not None and unit.powers else None))

    def weighted(self, term: TermDraft) -> Unit | None:
        found = meaning(term.formula.node, self.draft.scope, lambda _: None)
        if found.unit is None or found.plain:
            return None
        return found.unit.times(self.parsed(term.weight_unit, f"goal:/objective/{term.name}"))

    def parsed(self, text: str | None, source: str) -> Unit:
        try:
            return parse_unit(text, currency=self.draft.currency, extra=self.draft.units)
        except UnitError as error:
            if self.wanted("DY2205"):
                self.problems.add(Problem("DY2205", str(error), "write it as currency per unit, such as `0.08 EUR/kg`"), source)
            return NUMBER

    def alike(self, terms: tuple[TermDraft, ...]) -> None:
        units = [(t, u) for t in terms if (u := self.weighted(t)) is not None]
        for term, unit in units[1:]:
            first, other = units[0]
            if not unit.same(other) and self.wanted("DY2205"):
                price = unit_text(other.times(unit, -1))
                self.problems.add(
                    Problem(
                        "DY2205",
                        f"the objective adds `{first.name}` in {unit_text(other)} and `{term.name}` in {unit_text(unit)}",
                        f"price the term: `{term.name}: 0.1 {price}`",
                    ),
                    f"goal:/objective/{term.name}",
                )

    def kpi(self, kpi: KpiDraft) -> KpiDraft:
        found = self.of(kpi.formula, free=True)
        unit = found.unit
        text = kpi.unit or (unit_text(unit) if unit is not None and unit.powers else None)
        return replace(kpi, dims=self.draft.scope.ordered_dims(union(found.dims)), unit=text)
