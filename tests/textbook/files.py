"""Write a textbook problem as files, and solve it the way the program does: read, bind, sample, compile, ground, solve."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from dyocense_cli.adapters.forecaster.builtin import BuiltinForecaster
from dyocense_cli.adapters.solver.highs import HighsSolver
from dyocense_cli.adapters.workspace.directory import DirectoryWorkspace
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.solution import Solution
from dyocense_cli.kernel.check.check import check
from dyocense_cli.kernel.context.bind import bind
from dyocense_cli.kernel.context.request import forecast_request, sample_request
from dyocense_cli.kernel.goaldsl.parse import parse_context, parse_goal, parse_model
from dyocense_cli.kernel.optiguide.compile import compile_goal
from dyocense_cli.kernel.optimizer.ground import ground
from dyocense_cli.kernel.scenarios.sample import sample
from dyocense_cli.ports import SolveLimits

MODELS = Path(__file__).parent / "models"
Rows = Sequence[Sequence[object]]


def write(folder: Path, tables: Mapping[str, tuple[str, Rows]], *, model: str, scenarios: str | None = None, parameters: str = "",
          aggregation: str = "mean", periods: int = 1, extra: str = "") -> Path:
    """Write model, tables, context and goal into a folder; return the goal's path. Tables map names to (header, rows)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dyocense.toml").write_text("")
    (folder / "model.yaml").write_text((MODELS / f"{model}.yaml").read_text())
    lines = ["dsl: context/v1", "currency: EUR", "tables:"]
    for name, (header, rows) in tables.items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header.split())
            writer.writerows(rows)
        lines.append(f"  {name}: {{file: {name}.csv}}")
    if scenarios is not None:
        lines.append(f"scenarios: {{table: {scenarios}}}")
    if parameters:
        lines.append(f"parameters: {{{parameters}}}")
    (folder / "context.yaml").write_text("\n".join(lines) + "\n")
    (folder / "goal.yaml").write_text(
        f"dsl: goal/v1\nid: {model}\nmodel: model.yaml\ncontext: context.yaml\nhorizon: {{periods: {periods}, every: week, start: 2026-11-30}}\n"
        f"objective: {{cost: 1}}\nrobust: {{aggregation: {aggregation}}}\nsolver: {{mip_gap: 0, threads: 1, time_limit: 300 s}}\n{extra}"
    )
    return folder / "goal.yaml"


def compile_files(goal_file: Path) -> OptiModel:
    """Compile a goal from its files."""
    folder = goal_file.parent
    workspace = DirectoryWorkspace(str(folder))
    goal = parse_goal(goal_file.read_text(), file="goal.yaml")
    spec = parse_context((folder / "context.yaml").read_text(), file="context.yaml")
    model = parse_model((folder / "model.yaml").read_text(), file="model.yaml")
    context = bind(goal, spec, workspace.tables(spec))
    futures = sample(BuiltinForecaster().forecast(forecast_request(goal, context)), sample_request(goal, context))
    return compile_goal(goal, model, context, futures)


def solve(model: OptiModel, *, gap: float = 0.0, time_s: float = 600.0) -> Solution:
    """Solve with HiGHS and check the solution from the model."""
    solution = HighsSolver().solve(ground(model), SolveLimits(time_s=time_s, gap=gap, threads=1, seed=1))
    if solution.x is not None:
        report = check(model, solution)
        assert report.ok, report.violations[:3]
    return solution
