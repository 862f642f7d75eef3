"""All artifacts of a run -> EvidenceGraph: every order line leads back to rules, parameters, table rows and policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dyocense_cli.artifacts.codec import fingerprint
from dyocense_cli.artifacts.context import Context
from dyocense_cli.artifacts.evidence import Edge, EvidenceGraph, Node
from dyocense_cli.artifacts.fingerprint import json_sha
from dyocense_cli.artifacts.forecast import ForecastSet, ScenarioSet
from dyocense_cli.artifacts.goal import Goal
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.plan import Explanation, Plan, Step, StressReport
from dyocense_cli.artifacts.policy import Admission, Principal, Verdict
from dyocense_cli.artifacts.solution import CheckReport, Solution
from dyocense_cli.kernel.evidence.rows import TABLES_OF_A_LINE, RowIndex, table_sha
from dyocense_cli.kernel.evidence.rules import rules_of

__all__ = ["build"]

Props = Mapping[str, str | float | bool | None]

#: artifact -> (stage that made it, artifacts it was made from); the arrows of the pipeline.
_ARROWS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "goal": ("parse", ()),
    "context": ("bind", ("goal",)),
    "admission": ("admit", ("goal", "context")),
    "forecast_set": ("forecast", ("context",)),
    "scenario_set": ("sample", ("forecast_set", "context")),
    "optimodel": ("compile", ("goal", "context", "scenario_set", "admission")),
    "solution": ("solve", ("optimodel",)),
    "check_report": ("check", ("optimodel", "solution")),
    "plan": ("interpret", ("optimodel", "solution", "check_report")),
    "stress_report": ("stress", ("optimodel", "scenario_set", "solution")),
    "explanation": ("explain", ("optimodel", "solution", "plan")),
    "verdict": ("guard", ("goal", "plan", "explanation")),
}


class _Graph:
    """Nodes and edges by key: adding again changes nothing."""

    def __init__(self, run: str, shas: Mapping[str, str]) -> None:
        self.run, self.shas = run, shas
        self.nodes: dict[str, Node] = {}
        self.edges: dict[tuple[str, str, str], Edge] = {}

    def node(self, key: str, label: str, prov: str, **props: str | float | bool | None) -> str:
        self.nodes.setdefault(key, Node(key, label, prov, {k: v for k, v in props.items() if v is not None}))
        return key

    def edge(self, source: str, kind: str, target: str) -> None:
        self.edges.setdefault((source, kind, target), Edge(source, target, kind))

    def frozen(self, run_fingerprint: str) -> EvidenceGraph:
        return EvidenceGraph(
            run_fingerprint, tuple(self.nodes[k] for k in sorted(self.nodes)), tuple(self.edges[k] for k in sorted(self.edges))
        )


def build(  # noqa: PLR0917  # the stage's artifacts come in the order of the pipeline
    goal: Goal,
    context: Context | None,
    admission: Admission | None,
    forecast_set: ForecastSet | None,
    scenario_set: ScenarioSet | None,
    optimodel: OptiModel | None,
    solution: Solution | None,
    check_report: CheckReport | None,
    plan: Plan | None,
    stress_report: StressReport | None,
    explanation: Explanation | None,
    verdict: Verdict | None,
    principal: Principal | None = None,
    *,
    run_fingerprint: str = "",
) -> EvidenceGraph:
    """Return the provenance graph of a run, nodes and edges sorted by key.

    Laws: the graph is a function of its arguments; keys of entities are content hashes, so that two runs that share an input share its
    node; everything that only this run says (lines, rules with activities, figures) is keyed by the run. A part that the run did not
    reach (denied, infeasible) is None and absent.
    """
    held = {
        "goal": goal, "context": context, "admission": admission, "forecast_set": forecast_set, "scenario_set": scenario_set,
        "optimodel": optimodel, "solution": solution, "check_report": check_report, "plan": plan, "stress_report": stress_report,
        "explanation": explanation, "verdict": verdict,
    }  # fmt: skip
    shas = {name: str(fingerprint(artifact)) for name, artifact in held.items() if artifact is not None}
    run_fingerprint = run_fingerprint or str(json_sha({k: v for k, v in shas.items() if k != "evidence_graph"}))
    run = f"run/{run_fingerprint}"
    graph = _Graph(run, shas)
    who = principal or Principal()
    status, termination = (plan.status, plan.termination) if plan is not None else ("DENIED", "policy")
    graph.node(run, "Run", "activity", goal_id=goal.id, variant=goal.variant, status=str(status), termination=str(termination),
               month=(goal.horizon.start or "")[:7])  # fmt: skip
    graph.edge(run, "ASSOCIATED_WITH", graph.node(f"tenant/{who.tenant_id}", "Tenant", "agent", tier=who.tier))
    _artifacts(graph)
    _agents(graph, solution, admission, verdict)
    index = _tables(graph, context)
    _series(graph, forecast_set)
    rules = _rules(graph, optimodel, plan, explanation)
    _policy(graph, rules, optimodel, admission, verdict)
    if plan is not None:
        _lines(graph, plan, index, {n: rules[n] for n in plan.binding if n in rules}, forecast_set)
        _kpis(graph, plan)
    return graph.frozen(run_fingerprint)


def _artifact(name: str, shas: Mapping[str, str]) -> str:
    return f"{name}/{shas[name]}"


def _artifacts(graph: _Graph) -> None:
    run, shas = graph.run, graph.shas
    for name, sha in shas.items():
        graph.node(_artifact(name, shas), "Artifact", "entity", name=name, sha=sha)
    for name in shas:
        made_by, made_from = _ARROWS[name]
        inputs = [n for n in made_from if n in shas]
        stage = f"stage/{made_by}/{json_sha([made_by, *(shas[n] for n in inputs), shas[name]])}"
        graph.node(stage, "Stage", "activity", name=made_by)
        graph.edge(stage, "INFORMED_BY", run)
        graph.edge(_artifact(name, shas), "GENERATED_BY", stage)
        for other in inputs:
            graph.edge(stage, "USED", _artifact(other, shas))
            graph.edge(_artifact(name, shas), "DERIVED_FROM", _artifact(other, shas))
    for name in ("goal", "context"):
        if name in shas:
            graph.edge(run, "USED", _artifact(name, shas))


def _agents(graph: _Graph, solution: Solution | None, admission: Admission | None, verdict: Verdict | None) -> None:
    found: list[tuple[str, str]] = []
    if solution is not None:
        found.append((solution.backend, solution.backend_version))
    found += [(d.engine, d.engine_version) for d in (admission, verdict) if d is not None and d.engine]
    for name, version in found:
        graph.edge(graph.run, "ASSOCIATED_WITH", graph.node(f"agent/{name}/{version}", "Agent", "agent", name=name, version=version))


def _tables(graph: _Graph, context: Context | None) -> RowIndex | None:
    if context is None:
        return None
    index = RowIndex(context)
    for name, table in context.tables.items():
        sha = table_sha(table)
        key = graph.node(f"table/{sha}", "DataTable", "entity", name=name, sha=sha, n_rows=table.n_rows)
        graph.edge(_artifact("context", graph.shas), "DERIVED_FROM", key)
    return index


def _row(graph: _Graph, index: RowIndex, table: str, row: int) -> str:
    sha = index.sha(table)
    key = graph.node(f"row/{sha}/{row}", "DataRow", "entity", name=table, row=row, value=index.values(table, row))
    graph.edge(key, "DERIVED_FROM", f"table/{sha}")
    return key


def _series(graph: _Graph, forecast_set: ForecastSet | None) -> None:
    if forecast_set is None:
        return
    shas = graph.shas
    for i, (sku, place) in enumerate(zip(forecast_set.skus, forecast_set.locations, strict=True)):
        report = forecast_set.reports[i] if i < len(forecast_set.reports) else None
        key = graph.node(
            f"series/{shas['forecast_set']}/{sku}@{place}", "Series", "entity", sku=sku, method=report.method if report else "",
            quality=report.quality if report else "", mean=float(forecast_set.mean[i].mean()),
            p95=float(forecast_set.quantiles[i, -1].mean()) if forecast_set.levels else None,
        )  # fmt: skip
        graph.edge(key, "DERIVED_FROM", _artifact("forecast_set", shas))


def _rules(graph: _Graph, optimodel: OptiModel | None, plan: Plan | None, explanation: Explanation | None) -> dict[str, str]:
    """Add a node per rule that the planner knows, return its key by name."""
    run, shas = graph.run, graph.shas
    keys: dict[str, str] = {}
    if optimodel is None:
        return keys
    for name, facts in rules_of(optimodel, plan, explanation).items():
        key = keys[name] = graph.node(f"{run}/rule/{name}", "Rule", "entity", **facts.props)
        graph.edge(key, "PART_OF", run)
        for artifact in ("optimodel", "goal"):
            graph.edge(key, "DERIVED_FROM", _artifact(artifact, shas))
        for param in facts.parameters:
            data = optimodel.params[param]
            target = graph.node(f"parameter/{shas['optimodel']}/{param}", "Parameter", "entity", name=param, unit=data.unit or "",
                                sha=str(fingerprint(data)))  # fmt: skip
            graph.edge(key, "REFERS_TO", target)
    return keys


def _policy(
    graph: _Graph, rules: Mapping[str, str], optimodel: OptiModel | None, admission: Admission | None, verdict: Verdict | None
) -> None:
    """Add policy: its snapshot, the rules that deny, and those that were compiled into the model."""
    for artifact, decision in (("admission", admission), ("verdict", verdict)):
        if decision is not None and decision.policy_snapshot:
            snapshot = graph.node(
                f"policy_snapshot/{decision.policy_snapshot}", "Artifact", "entity", name="policy_snapshot", sha=decision.policy_snapshot
            )
            graph.edge(_artifact(artifact, graph.shas), "DERIVED_FROM", snapshot)
        for name in decision.denied if decision is not None else ():
            denial = graph.node(f"policy/{name}", "PolicyRule", "entity", name=name, effect="denies")
            graph.edge(_artifact(artifact, graph.shas), "REFERS_TO", denial)
    for name in sorted(set(admission.denied_suppliers.values())) if admission is not None else ():
        removal = graph.node(f"policy/{name}", "PolicyRule", "entity", name=name, effect="removes suppliers from the model")
        graph.edge(_artifact("admission", graph.shas), "REFERS_TO", removal)
    if optimodel is None:
        return
    for rule in optimodel.rules:
        kind, _, pointer = rule.source.partition(":")
        if kind == "policy" and (rule.origin or rule.name) in rules:
            key = graph.node(f"policy/{pointer.strip('/')}", "PolicyRule", "entity", name=pointer.strip("/"), effect="limits the model")
            graph.edge(rules[rule.origin or rule.name], "REFERS_TO", key)


def _lines(graph: _Graph, plan: Plan, index: RowIndex | None, rules: Mapping[str, str], forecast_set: ForecastSet | None) -> None:
    run, shas = graph.run, graph.shas
    series = set(zip(forecast_set.skus, forecast_set.locations, strict=True)) if forecast_set is not None else set()
    for step in plan.steps:
        key = graph.node(f"{run}/line/{step.line}", "Line", "entity", **_line_props(step))
        graph.edge(key, "PART_OF", run)
        graph.edge(key, "DERIVED_FROM", _artifact("plan", shas))
        for rule in rules.values():
            graph.edge(key, "CONSTRAINED_BY", rule)
        if index is not None:
            for table, row in _rows_of(step, index):
                graph.edge(key, "DERIVED_FROM", _row(graph, index, table, row))
        place = step.keys.get("location", "main")
        if (step.keys.get("sku", ""), place) in series:
            graph.edge(key, "DERIVED_FROM", f"series/{shas['forecast_set']}/{step.keys['sku']}@{place}")


def _rows_of(step: Step, index: RowIndex) -> list[tuple[str, int]]:
    return [(table, row) for table in TABLES_OF_A_LINE for row in index.matching(table, step.keys)]


def _line_props(step: Step) -> dict[str, str | float | None]:
    keys = {k: step.keys.get(k) for k in ("sku", "supplier", "location")}
    return {
        **keys, "name": step.line, "period": step.period, "day": step.date, "arrives": step.arrives, "qty": step.qty, "price": step.price,
        "cost": step.cost, "reason": step.reason,
    }  # fmt: skip


def _kpis(graph: _Graph, plan: Plan) -> None:
    run, shas = graph.run, graph.shas
    for name, value in plan.kpis.items():
        parts = {"": float(value)} if isinstance(value, (int, float)) else value
        for of, number in parts.items():
            key = graph.node(f"{run}/kpi/{name}{'/' + of if of else ''}", "Kpi", "entity", name=name, of=of, value=float(number),
                             unit=plan.units.get(name, ""))  # fmt: skip
            graph.edge(key, "PART_OF", run)
            graph.edge(key, "DERIVED_FROM", _artifact("plan", shas))
