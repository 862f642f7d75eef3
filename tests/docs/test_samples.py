"""The sample goals: each has a golden entry, a described data set, and is listed where a reader looks."""

from __future__ import annotations

import yaml

from tests.docs.pages import ROOT

GOALS = sorted(p.stem for p in (ROOT / "goals").glob("*.yaml"))


def test_every_sample_goal_has_a_golden_entry_that_names_it() -> None:
    held = {str(yaml.safe_load(p.read_text("utf-8"))["goal"]) for p in (ROOT / "goals" / "golden").glob("*.golden.yaml")}
    assert held == {f"goals/{name}.yaml" for name in GOALS}


def test_every_sample_plans_to_a_stated_gap() -> None:
    for path in (ROOT / "goals" / "golden").glob("*.golden.yaml"):
        golden = yaml.safe_load(path.read_text("utf-8"))
        goal = yaml.safe_load((ROOT / golden["goal"]).read_text("utf-8"))
        assert golden["status"] in {"OPTIMAL", "FEASIBLE"}, path
        assert 0 < goal["solver"]["mip_gap"] <= 0.02, path


def test_the_lists_of_samples_name_every_goal_and_every_data_set() -> None:
    page = (ROOT / "docs" / "samples.md").read_text("utf-8")
    fixtures = (ROOT / "fixtures" / "README.md").read_text("utf-8")
    assert [g for g in GOALS if f"goals/{g}.yaml" not in page or f"`{g}`" not in fixtures] == []
    assert [d.name for d in (ROOT / "fixtures").iterdir() if d.is_dir() and f"| `{d.name}` |" not in fixtures] == []
