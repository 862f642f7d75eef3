"""Rules as the planner knows them: the rows that a lowering made are folded into the rule that was written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dyocense_cli.artifacts.optimodel import OptiModel, Rule
from dyocense_cli.artifacts.plan import Explanation, Plan

__all__ = ["RuleFacts", "rules_of"]

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """One rule: what it says, where it was written, how tight it is; `parameters` are those its expressions name, sorted."""

    props: Mapping[str, str | float | bool | None]
    parameters: tuple[str, ...]


def rules_of(optimodel: OptiModel, plan: Plan | None, explanation: Explanation | None) -> dict[str, RuleFacts]:
    """Return the rules by the name that the planner wrote, sorted."""
    groups: dict[str, list[Rule]] = {}
    for rule in optimodel.rules:
        groups.setdefault(rule.origin or rule.name, []).append(rule)
    sentences = {b.name: b.sentence for b in explanation.binding} if explanation is not None else {}
    return {name: _facts(name, groups[name], optimodel, plan, sentences) for name in sorted(groups)}


def _facts(name: str, rules: list[Rule], optimodel: OptiModel, plan: Plan | None, sentences: Mapping[str, str]) -> RuleFacts:
    first = next((r for r in rules if r.name == name), rules[0])
    props: dict[str, str | float | bool | None] = {
        "name": name, "intent": sentences.get(name) or first.intent, "fingerprint": first.fingerprint, "source": first.source,
        "unit": first.unit or "",
    }  # fmt: skip
    if plan is not None:
        names = [r.name for r in rules]
        for column, figures in (
            ("activity", plan.activities),
            ("bound", plan.limits),
            ("slack", plan.slacks),
            ("price", plan.shadow_prices),
        ):
            props[column] = next((float(figures[n]) for n in (name, *names) if n in figures), None)
        props["binding"] = any(n in plan.binding for n in (name, *names))
    words = {w for rule in rules for w in _NAME.findall(_expanded(rule, optimodel))}
    return RuleFacts(props, tuple(sorted(words & set(optimodel.params))))


def _expanded(rule: Rule, optimodel: OptiModel) -> str:
    """Return the rule's text followed by the texts of the named expressions it uses, however deep."""
    texts, seen, waiting = [rule.expr, rule.where or ""], set[str](), [rule.expr, rule.where or ""]
    while waiting:
        for word in _NAME.findall(waiting.pop()):
            if word in optimodel.exprs and word not in seen:
                seen.add(word)
                texts.append(optimodel.exprs[word])
                waiting.append(optimodel.exprs[word])
    return " ".join(texts)
