"""Differences of two artifacts are told by field, or by file and row."""

from __future__ import annotations

import dataclasses

import numpy as np

from dyocense_cli.artifacts.context import Column, Context, Table
from dyocense_cli.artifacts.goal import SolverOptions
from dyocense_cli.runner.changes import changes


def a_context(prices: list[float], suppliers: list[str]) -> Context:
    labels = tuple(sorted(set(suppliers)))
    codes = np.array([labels.index(s) for s in suppliers], dtype=np.int32)
    table = Table({"price": Column(np.array(prices), "EUR/each"), "supplier": Column(codes, None, labels)}, len(prices), np.array([4, 9][: len(prices)]), "offers.csv")
    return Context("EUR", {"offers": table}, {}, (), (), ("t1",), ("2026-01-05",), 7.0)


def test_equal_artifacts_have_no_changes() -> None:
    assert changes(a_context([1.0], ["S1"]), a_context([1.0], ["S1"])) == []


def test_a_changed_cell_names_file_row_column_and_both_values() -> None:
    found = changes(a_context([1.05, 2.0], ["S1", "S2"]), a_context([1.1, 2.0], ["S1", "S2"]))
    assert [str(c) for c in found] == ["offers.csv row 4 price 1.05 EUR/each → 1.1 EUR/each"]


def test_an_added_and_a_removed_row_are_told() -> None:
    found = changes(a_context([1.0, 2.0], ["S1", "S2"]), a_context([1.0, 2.0], ["S1", "S3"]))
    assert [c.path for c in found] == ["offers.csv row 9", "offers.csv row of S2"]


def test_a_changed_field_names_its_path() -> None:
    options = SolverOptions("auto", 20.0, 0.02, 1, 7)
    found = changes(options, dataclasses.replace(options, mip_gap=0.01))
    assert [(c.path, c.old, c.new) for c in found] == [("mip_gap", "0.02", "0.01")]
