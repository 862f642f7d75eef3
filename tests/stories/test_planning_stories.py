"""S1 Monday's order, S2 an infeasible budget, S4 a corrupt table, S5 units that do not meet, S6 a killed solve, S10 what changed."""

from __future__ import annotations

from pathlib import Path

from tests.stories.telling import tell


def test_s1_mondays_order_has_reasons_and_runs_once(tmp_path: Path) -> None:
    told = tell(tmp_path, "s01_monday")
    assert "False" not in told
    assert "off" not in told.replace("offer", "")
    assert told.count("kpi ") == told.count("holds") - 2 == 7
    assert "Traceback" not in told


def test_s2_an_infeasible_budget_has_ways_out_that_work(tmp_path: Path) -> None:
    told = tell(tmp_path, "s02_infeasible_budget")
    assert told.count("[exit 5]") == 2
    assert told.count("at its price: True") == 3
    assert "False" not in told
    assert "Traceback" not in told


def test_s4_a_corrupt_table_is_told_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    told = tell(tmp_path, "s04_corrupt_table")
    assert told.count("[exit 3]") == 1
    assert all(code in told for code in ("DY2303", "DY2304", "DY2311"))
    assert "Traceback" not in told
    assert "False" not in told


def test_s5_units_are_never_guessed(tmp_path: Path) -> None:
    told = tell(tmp_path, "s05_units")
    assert told.count("[exit 3]") == 4
    assert "= ? each" in told
    assert "False" not in told


def test_s6_a_killed_solve_keeps_its_best_plan(tmp_path: Path) -> None:
    told = tell(tmp_path, "s06_killed")
    assert told.count("[exit 143]") == 1
    assert told.count("[exit 137]") == 1
    assert told.count("whole") == 4
    assert "False" not in told


def test_s10_what_changed_adds_up(tmp_path: Path) -> None:
    told = tell(tmp_path, "s10_what_changed")
    assert "False" not in told
    assert told.count("[exit 5]") == 1
    assert told.count("[exit 1]") == told.count("[exit 2]") == 0
