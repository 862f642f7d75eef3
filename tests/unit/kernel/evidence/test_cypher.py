"""Free statements are read-only and bound to one tenant."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dyocense_cli.errors import UsageError
from dyocense_cli.kernel.evidence.cypher import scoped
from dyocense_cli.kernel.evidence.queries import QUERIES

BOUND = "tenant_id: $tenant_id"


@pytest.mark.parametrize(
    ("statement", "want"),
    [
        ("MATCH (n) RETURN n", f"MATCH (n {{{BOUND}}}) RETURN n"),
        ("MATCH (n:Line) RETURN n", f"MATCH (n:Line {{{BOUND}}}) RETURN n"),
        ("MATCH (n {}) RETURN n", f"MATCH (n {{{BOUND}}}) RETURN n"),
        ("match (n:Line {key: 'a)b{('})-->() return n", f"match (n:Line {{{BOUND}, key: 'a)b{{('}})-->( {{{BOUND}}}) return n"),
        (
            "MATCH (a)-[:X {w: 1}]->(b) WHERE (a.q + 1) > 2 OPTIONAL MATCH (b)--(c) RETURN count(c)",
            f"MATCH (a {{{BOUND}}})-[:X {{w: 1}}]->(b {{{BOUND}}}) WHERE (a.q + 1) > 2 OPTIONAL MATCH (b {{{BOUND}}})--(c {{{BOUND}}}) RETURN count(c)",
        ),
        ("MATCH p = shortestPath((a)-[*1..3]-(b)) RETURN p", f"MATCH p = shortestPath((a {{{BOUND}}})-[*1..3]-(b {{{BOUND}}})) RETURN p"),
        ("MATCH (n) // ) comment\nRETURN n", f"MATCH (n {{{BOUND}}}) RETURN n"),
        ("MATCH (n) WHERE n.name = 'SET x' RETURN n.set", f"MATCH (n {{{BOUND}}}) WHERE n.name = 'SET x' RETURN n.set"),
    ],
)
def test_every_node_of_a_match_is_bound(statement: str, want: str) -> None:
    assert scoped(statement).split() == want.split()


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_named_queries_bind_every_node(name: str) -> None:
    statement = QUERIES[name].statement
    assert scoped(statement).count(BOUND) == statement.split("RETURN")[0].count("(")


WORDS = st.lists(
    st.sampled_from(
        [
            "MATCH",
            "(",
            ")",
            "n",
            ":Line",
            "{",
            "}",
            "WHERE",
            "RETURN",
            "n.key",
            "=",
            "'x'",
            "-[",
            "]->",
            "--",
            ",",
            "SET",
            "MERGE",
            "1",
            "(n)",
            "(m)",
            "WITH",
            "$p",
        ]
    ),
    max_size=14,
)


@given(WORDS)
def test_whatever_passes_neither_writes_nor_leaves_a_node_unbound(words: list[str]) -> None:
    try:
        out = scoped(" ".join(words))
    except UsageError:
        return
    assert not {"SET", "MERGE"} & set(out.split())
    for part in re.split(r"\b(?:WHERE|RETURN|WITH)\b", out):
        patterns = part.partition("MATCH")[2]
        assert not re.search(r"\(\s*\w*\s*(?::\w+\s*)?\)", patterns), out
