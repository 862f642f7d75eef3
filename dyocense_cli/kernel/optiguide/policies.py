"""Policies that an admission asks to be compiled → rules whose origin is the policy's id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dyocense_cli.artifacts.model import ModelSpec
from dyocense_cli.artifacts.policy import Admission, Cap
from dyocense_cli.kernel.optiguide.draft import Formula, RuleDraft
from dyocense_cli.optimodel.expr.nodes import Binary, Compare, Logic, Name, Node, Num, Sum, Text
from dyocense_cli.optimodel.expr.printer import show
from dyocense_cli.optimodel.simplify import ZERO

__all__ = ["policy_rules"]


def policy_rules(admission: Admission, spec: ModelSpec, exprs: Mapping[str, Formula]) -> Iterator[RuleDraft]:
    """Yield one rule per policy: nothing from denied suppliers, spend within caps.

    What is ordered is the model's `steps.quantity`; its spend is the expression `spend` or, without one, `steps.price` times that.
    A model without steps or without a dim ``supplier`` gets no rule for suppliers.
    """
    if spec.steps is None:
        return
    dims = {d.name for d in spec.dims}
    quantity = Name(spec.steps.quantity)
    by_rule: dict[str, list[str]] = {}
    for supplier, rule in sorted(admission.denied_suppliers.items()):
        by_rule.setdefault(rule, []).append(supplier)
    if "supplier" in dims:
        for rule, suppliers in by_rule.items():
            condition = _any([_is("supplier", supplier) for supplier in suppliers])
            yield _rule(
                rule,
                rule,
                Compare("<=", Sum(quantity, None, condition), ZERO),
                None,
                f"Nothing is ordered from {', '.join(suppliers)}: policy {rule}",
            )
    spend: Node | None = Name("spend") if "spend" in exprs else None
    if spend is None and spec.steps.price is not None:
        spend = Binary("*", Name(spec.steps.price), quantity)
    names = dims | {p.name for p in spec.params}
    for cap in admission.caps if spend is not None else ():
        assert spend is not None
        if (cap.category is None or "category" in names) and (cap.supplier is None or "supplier" in names):
            yield _cap(cap, spend, spec)


def _any(conditions: list[Compare]) -> Node:
    """Return `or` of all as a balanced tree, so that a thousand suppliers are ten levels deep."""
    parts: list[Node] = list(conditions)
    while len(parts) > 1:
        parts = [Logic("or", parts[i], parts[i + 1]) if i + 1 < len(parts) else parts[i] for i in range(0, len(parts), 2)]
    return parts[0]


def _is(name: str, label: str) -> Compare:
    return Compare("==", Name(name), Text(label))


def _cap(cap: Cap, spend: Node, spec: ModelSpec) -> RuleDraft:
    assert spec.steps is not None
    condition: Node | None = _is("category", cap.category) if cap.category is not None else None
    if cap.supplier is not None:
        one = _is("supplier", cap.supplier)
        condition = one if condition is None else Logic("and", condition, one)
    period = next((d.name for d in spec.dims if d.horizon), None)
    over = tuple(d for d in spec.steps.dims if d != period) if cap.over == "period" and period is not None else None
    part = " ".join(w for w in (cap.category, cap.supplier) if w)
    what = f"Spend{' on ' + part if part else ''} stays at or below {cap.max:g}"
    return _rule(cap.name, cap.rule, Compare("<=", Sum(spend, over, condition), Num(cap.max)), None, f"{what}: policy {cap.rule}")


def _rule(name: str, rule: str, node: Node, dims: tuple[str, ...] | None, intent: str) -> RuleDraft:
    return RuleDraft(name, Formula(node, show(node), f"policy:{rule}"), dims, None, "always", intent, None, None, f"policy:{rule}", name)
