"""Published instances, stated in the model language, reach the optima that are proven for them.

Optima proven with HiGHS or stated in the published file; those that take minutes run with ``DYOCENSE_TEST_SCALE=full``.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dyocense_cli.artifacts.solution import Status
from tests.cli.project import dyocense
from tests.textbook.files import compile_files, solve
from tests.textbook.published import DATA, PUBLISHED, two_stage_files
from tests.textbook.trigeiro import lot_sizing_files

FULL = os.environ.get("DYOCENSE_TEST_SCALE") == "full"
slow = pytest.mark.skipif(not FULL, reason="takes minutes: set DYOCENSE_TEST_SCALE=full")


@pytest.mark.parametrize(("name", "best"), [
    ("lands", 381.853333),
    ("pltexpa-2-6", -9.479354),
    ("stormg2-8", 15535235.730145),
    ("sizes-3", 224433.7),
    pytest.param("sslp_5_25-50", -121.6, marks=slow),
])
def test_two_stage_programs(name: str, best: float, tmp_path: Path) -> None:
    solution = solve(compile_files(two_stage_files(tmp_path, *PUBLISHED[name])), gap=1e-7)
    assert solution.status == Status.OPTIMAL
    assert solution.objective == pytest.approx(best, rel=2e-6)


@slow
@pytest.mark.parametrize(("name", "low", "high"), [("sizes-10", 224365.45, 224572.32), ("dcap233-200", 1833.18, 1838.01)])
def test_programs_that_are_only_bracketed(name: str, low: float, high: float, tmp_path: Path) -> None:
    solution = solve(compile_files(two_stage_files(tmp_path, *PUBLISHED[name])), gap=2e-3, time_s=120)
    assert solution.objective is not None
    assert solution.bound is not None
    assert solution.objective >= low - 1e-6 * abs(low)
    assert solution.bound <= high + 1e-6 * abs(high)


@pytest.mark.parametrize(("name", "best"), [
    ("F1", 40854.0), ("F2", 39734.0), ("F4", 33897.0), ("F5", 29420.0), pytest.param("G51", 61932.0, marks=slow),
])
def test_lot_sizing_with_setup_times(name: str, best: float, tmp_path: Path) -> None:
    solution = solve(compile_files(lot_sizing_files(tmp_path, DATA / f"{name}.DAT")), gap=1e-6)
    assert solution.status == Status.OPTIMAL
    assert solution.objective == pytest.approx(best, rel=2e-6)


def test_a_published_program_through_the_command_line(tmp_path: Path) -> None:
    goal = two_stage_files(tmp_path, *PUBLISHED["lands"])
    done = dyocense("plan", "goal.yaml", "--json", cwd=goal.parent)
    assert done.code == 0, done.err
    assert done.json["status"] == "OPTIMAL"
    assert done.json["objective"] == pytest.approx(381.853333, rel=1e-8)
