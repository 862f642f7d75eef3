"""Claims that every graph store keeps."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import pytest

from dyocense_cli.artifacts.evidence import EvidenceGraph
from dyocense_cli.errors import UsageError
from dyocense_cli.kernel.evidence.build import build
from dyocense_cli.kernel.evidence.labels import label_of
from dyocense_cli.kernel.evidence.queries import QUERIES
from tests.contract.graph.conftest import Make
from tests.synthetic_run import infeasible, synthetic

GRAPH = build(*synthetic(12).args())
RUN = next(n.key for n in GRAPH.nodes if n.label == "Run")


def _held(store: Any) -> tuple[list[str], list[tuple[str, str]]]:
    nodes = store.query("MATCH (n) RETURN n.key AS key")
    edges = store.query("MATCH (a)-[e]->(b) RETURN a.key AS source, b.key AS target")
    return sorted(r["key"] for r in nodes), sorted((r["source"], r["target"]) for r in edges)


def _want(graph: EvidenceGraph) -> tuple[list[str], list[tuple[str, str]]]:
    return sorted(n.key for n in graph.nodes), sorted((e.source, e.target) for e in graph.edges)


def _labels(store: Any) -> Counter[str]:
    return Counter(label_of(key) for key in _held(store)[0])


def test_a_graph_is_stored_whole_and_writing_it_again_changes_nothing(make: Make) -> None:
    store = make("a")
    assert _held(store) == ([], [])
    store.merge(GRAPH)
    assert _held(store) == _want(GRAPH)
    store.merge(GRAPH)
    make("a").merge(GRAPH)
    assert _held(store) == _want(GRAPH)


def test_a_part_left_by_a_killed_writer_is_completed(make: Make) -> None:
    """A prefix of the nodes and a few edges, without the run node that stands for completeness, then the whole graph."""
    store = make("a")
    part = tuple(n for n in GRAPH.nodes if n.label in ("DataTable", "DataRow", "Artifact", "Line"))[::2]
    keys = {n.key for n in part}
    edges = tuple(e for e in GRAPH.edges if e.source in keys and e.target in keys)
    store.merge(EvidenceGraph(GRAPH.run_fingerprint, part, edges))
    store.merge(GRAPH)
    assert _held(store) == _want(GRAPH)


def test_two_runs_share_their_inputs(make: Make) -> None:
    store = make("a")
    case = synthetic(12)
    second = dict(case.held)
    second["plan"] = dataclasses.replace(case.held["plan"], objective=1.0)
    other = build(*dataclasses.replace(case, held=second).args())
    store.merge(GRAPH)
    store.merge(other)
    counts = _labels(store)
    once = Counter(n.label for n in GRAPH.nodes)
    assert counts["Run"] == 2
    assert counts["DataRow"] == once["DataRow"]
    assert counts["Line"] == 2 * once["Line"]


def test_tenants_never_see_one_another(make: Make) -> None:
    one, two = make("one"), make("two")
    one.merge(GRAPH)
    two.merge(build(*synthetic(4).args()))
    assert _labels(one)["Line"] == 12
    assert _labels(two)["Line"] == 4
    assert two.query("MATCH (l:Line {name: 'PO-0012'}) RETURN l.name AS name") == []
    assert two.query("MATCH (a)-[*1..3]-(b:Line {name: 'PO-0012'}) RETURN b.name AS name") == []
    assert two.neighbours(RUN, depth=1).nodes == ()


def test_named_queries_run(make: Make) -> None:
    store = make("a")
    store.merge(GRAPH)
    for name, query in QUERIES.items():
        node = {"why": "Line", "rows": "DataRow", "lineage": "Artifact"}.get(name, "Line")
        key = next(n.key for n in GRAPH.nodes if n.label == node and not n.key.startswith("goal/"))
        given = {"run": RUN, "key": key, "supplier": "S1", "fingerprint": "sha256:" + "b" * 64}
        rows = store.query(query.statement, {p: given[p] for p in query.parameters})
        assert rows or name == "lineage", name


def test_why_reads_the_rows_that_a_line_rests_on(make: Make) -> None:
    store = make("a")
    store.merge(GRAPH)
    rows = store.query(QUERIES["why"].statement, {"key": f"{RUN}/line/PO-0001"})
    assert sorted(r["what"] for r in rows) == ["offers", "skus", "stock", "suppliers"]
    assert all(r["value"].startswith("{") for r in rows)


def test_neighbours_are_the_nodes_one_step_away(make: Make) -> None:
    store = make("a")
    store.merge(GRAPH)
    key = f"{RUN}/line/PO-0003"
    want = {e.target for e in GRAPH.edges if e.source == key} | {e.source for e in GRAPH.edges if e.target == key} | {key}
    found = store.neighbours(key)
    assert {n.key for n in found.nodes} == want
    by_key = {n.key: n for n in GRAPH.nodes}
    assert all(n.props == by_key[n.key].props for n in found.nodes)
    assert {(e.source, e.type, e.target) for e in found.edges} <= {(e.source, e.type, e.target) for e in GRAPH.edges}
    assert len(store.neighbours(key, depth=2).nodes) > len(found.nodes)


REFUSED = [
    "MATCH (n:Line) SET n.qty = 0 RETURN n",
    "CREATE (n:Line {id: 'x'}) RETURN n",
    "MATCH (n) DETACH DELETE n",
    "MATCH (n:Line) RETURN n; MATCH (m) DELETE m",
    "CALL dbms.components() YIELD name RETURN name",
    "MATCH (n:Line) WHERE (n)--() RETURN n",
    "MATCH (n:Line) WHERE EXISTS { MATCH (m) } RETURN n",
    "MATCH (n:Line) RETURN [(n)-[]-(m) | m.key]",
    "MATCH (n:Line) RETURN $tenant_id",
    "MATCH (n:Line) RETURN apoc.cypher.runFirstColumnMany('MATCH (n) RETURN n', {})",
    "LOAD CSV FROM 'x' AS r RETURN r",
    "MATCH (n:Line WHERE n.qty > 1) RETURN n",
]


def test_what_is_not_plain_reading_is_refused(make: Make) -> None:
    store = make("a")
    store.merge(GRAPH)
    for statement in REFUSED:
        with pytest.raises(UsageError, match="DY440"):
            store.query(statement)
    assert _held(store) == _want(GRAPH)


def test_a_statement_of_bad_cypher_is_an_error_of_the_user(make: Make) -> None:
    store = make("a")
    store.merge(GRAPH)
    with pytest.raises(UsageError, match="DY4405"):
        store.query("MATCH (n:Line) RETURN nonsense(")


def test_an_infeasible_run_has_figures_of_nothing(make: Make) -> None:
    store = make("a")
    case = infeasible()
    held = {**case.held, "plan": dataclasses.replace(case.held["plan"], activities={}, limits={})}
    graph = build(*dataclasses.replace(case, held=held).args())
    store.merge(graph)
    assert _held(store) == _want(graph)
    assert store.query("MATCH (c:Rule) RETURN c.activity AS activity, c.bound AS bound LIMIT 1") == [{"activity": None, "bound": None}]


def test_hostile_labels_are_stored_as_they_are(make: Make) -> None:
    store = make("a")
    case = synthetic(4)
    step = dataclasses.replace(case.held["plan"].steps[0], line="PO-\"1\n;\\,'}) DETACH DELETE (n", reason="🙂 \\ ' \"")
    held = {**case.held, "plan": dataclasses.replace(case.held["plan"], steps=(step,))}
    graph = build(*dataclasses.replace(case, held=held).args())
    store.merge(graph)
    rows = store.query("MATCH (l:Line) RETURN l.name AS name, l.reason AS reason")
    assert rows == [{"name": step.line, "reason": step.reason}]
    assert _held(store) == _want(graph)


def test_what_one_run_says_carries_the_label_of_its_month_on_a_server(make: Make) -> None:
    store = make("a")
    store.merge(GRAPH)
    if "server" not in store.features:
        with pytest.raises(UsageError, match="DY4405"):
            store.query("MATCH (l:M2026_11) RETURN l.key AS key")
        return
    keys = {r["key"] for r in store.query("MATCH (l:M2026_11) RETURN l.key AS key")}
    assert keys == {n.key for n in GRAPH.nodes if n.label in ("Run", "Line", "Rule", "Kpi")}


def _in_month(start: str) -> EvidenceGraph:
    case = synthetic(12)
    goal = case.held["goal"]
    moved = dataclasses.replace(goal, horizon=dataclasses.replace(goal.horizon, start=start))
    return build(*dataclasses.replace(case, held={**case.held, "goal": moved}).args())


def test_months_that_are_over_leave_but_for_a_run_that_stays(make: Make) -> None:
    store, stranger = make("a"), make("b")
    march, april, june = (_in_month(f"2026-{m}-01") for m in ("03", "04", "06"))
    for graph in (march, april, june):
        store.merge(graph)
    stranger.merge(march)
    kept = next(n.key for n in april.nodes if n.label == "Run")
    mine = sum(n.label in ("Run", "Line", "Rule", "Kpi") for n in march.nodes)
    assert store.retire("2026-03") == 0
    assert store.retire("2026-06", keep=[kept]) == mine
    assert store.retire("2026-06", keep=[kept]) == 0
    counts = _labels(store)
    assert (counts["Run"], counts["Line"]) == (2, 24)
    assert counts["DataRow"] == Counter(n.label for n in march.nodes)["DataRow"]  # what runs share stays
    assert _labels(stranger)["Line"] == 12
    store.merge(march)  # it can come back from the archive
    assert _labels(store)["Run"] == 3
