"""The evidence graph of a run."""

from __future__ import annotations

from dyocense_cli.artifacts.codec import fingerprint
from dyocense_cli.artifacts.evidence import EvidenceGraph, evidence_ref
from dyocense_cli.kernel.evidence.build import build
from dyocense_cli.kernel.evidence.labels import EDGES, NODES
from tests.synthetic_run import infeasible, synthetic


def _graph(lines: int = 8) -> EvidenceGraph:
    return build(*synthetic(lines).args())


def test_nodes_and_edges_keep_to_the_closed_schema() -> None:
    graph = _graph()
    labels = {n.key: n.label for n in graph.nodes}
    assert len(labels) == len(graph.nodes)
    for node in graph.nodes:
        prov, columns = NODES[node.label]
        assert node.prov == prov
        assert set(node.props) <= set(columns), node
    for edge in graph.edges:
        assert (labels[edge.source], labels[edge.target]) in EDGES[edge.type], edge


def test_every_line_leads_to_rule_parameter_row_and_series() -> None:
    graph = _graph()
    out: dict[str, list[str]] = {}
    for edge in graph.edges:
        out.setdefault(edge.source, []).append(edge.target)
    label = {n.key: n.label for n in graph.nodes}
    for node in graph.nodes:
        if node.label != "Line":
            continue
        reached = {label[t] for t in out[node.key]}
        assert {"Rule", "DataRow", "Series", "Artifact", "Run", "Stage"} - reached == {"Stage"}
        rows = {t.split("/")[1] for t in out[node.key] if label[t] == "DataRow"}
        assert len(rows) == 4  # offers, skus, suppliers, stock


def test_the_graph_is_sorted_and_a_function_of_its_arguments() -> None:
    first, second = _graph(), _graph()
    assert fingerprint(first) == fingerprint(second)
    assert [n.key for n in first.nodes] == sorted(n.key for n in first.nodes)


def test_an_infeasible_or_denied_run_has_evidence_too() -> None:
    case = infeasible()
    graph = build(*case.args())
    run = next(n for n in graph.nodes if n.label == "Run")
    assert run.props["status"] == "INFEASIBLE"
    denied = build(case.held["goal"], case.held["context"], case.held["admission"], *[None] * 9, case.held["principal"])
    assert next(n for n in denied.nodes if n.label == "Run").props["status"] == "DENIED"


def test_a_reference_names_store_and_run() -> None:
    assert evidence_ref("neo4j", "sha256:3f9a") == "neo4j://run/3f9a"


def test_policy_that_shaped_a_plan_is_reached_from_its_decision() -> None:
    graph = _graph()
    decision = next(n.key for n in graph.nodes if n.props.get("name") == "admission")
    reached = {e.target for e in graph.edges if e.source == decision}
    assert "policy/POL-V001" in reached
    assert "policy_snapshot/sha256:" + "a" * 64 in reached
