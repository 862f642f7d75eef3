"""`dyocense golden`: golden tests of goals, and acceptance tests of one run against another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from xml.sax.saxutils import quoteattr

import typer

from dyocense_cli.cli import exits
from dyocense_cli.cli.options import Json, Sets, Store, overrides, print_json, settings_of
from dyocense_cli.cli.render import stderr
from dyocense_cli.errors import UsageError

if TYPE_CHECKING:
    from dyocense_cli.runner.golden import Golden

__all__ = ["app", "found"]

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="Golden tests of goals.")

FOLDER = "golden"
Paths = Annotated[list[str] | None, typer.Argument(help="Golden files or folders; golden/ by default.", show_default=False)]


def found(goal: str, sets: Mapping[str, str]) -> Golden:
    """Plan a goal and return its outcome as a golden; findings are those of lint, in order."""
    from dyocense_cli import wiring
    from dyocense_cli.runner.golden import TOLERANCE, Golden
    from dyocense_cli.runner.order import Order

    settings = settings_of()
    kernel = wiring.build(settings)
    order = Order(goal=goal, overrides=sets, command="golden")
    execution = kernel.run(order)
    plan: Any = execution.held["plan"].value
    kpis = {k: (float(v), TOLERANCE) for k, v in sorted(plan.kpis.items()) if isinstance(v, (int, float))}
    told = [f for name in ("lint_report", "admission") for f in execution.held[name].value.findings]
    findings = tuple(f"{f.id} {f.pointer or f.where}" for f in told)
    return Golden(goal, execution.held["optimodel"].fingerprint, plan.status, kpis, findings, dict(sets))


def _files(paths: list[str] | None) -> list[Path]:
    out: list[Path] = []
    for name in paths or [FOLDER]:
        path = Path(name)
        out += sorted(path.rglob("*.golden.yaml")) if path.is_dir() else [path]
    missing = [p for p in out if not p.is_file()]
    if missing or not out:
        raise UsageError(
            "DY2603",
            f"no golden file {missing[0] if missing else 'in ' + (paths or [FOLDER])[0]}",
            hints="make one with dyocense golden update goals/NAME.yaml",
        )
    return out


def _junit(results: Mapping[str, list[str]]) -> str:
    cases = []
    for name, failures in results.items():
        inner = f"<failure message={quoteattr('; '.join(failures))}/>" if failures else ""
        cases.append(f'<testcase classname="golden" name={quoteattr(name)}>{inner}</testcase>')
    failed = sum(bool(f) for f in results.values())
    head = f'<testsuite name="golden" tests="{len(results)}" failures="{failed}">'
    return f'<?xml version="1.0" encoding="utf-8"?>\n{head}{"".join(cases)}</testsuite>\n'


@app.command()
def check(
    paths: Paths = None,
    as_json: Json = False,
    junit: Annotated[str | None, typer.Option("--junit", help="Write a JUnit report.", show_default=False)] = None,
) -> int:
    """Plan each golden goal and compare model fingerprint, status, KPIs within tolerance and findings; exit 8 on a difference."""
    from dyocense_cli.runner.golden import differences, load

    results: dict[str, list[str]] = {}
    for path in _files(paths):
        expected = load(path.read_text("utf-8"), file=str(path))
        results[str(path)] = [str(d) for d in differences(expected, found(expected.goal, expected.overrides))]
    if junit:
        Path(junit).write_text(_junit(results), "utf-8")
    bad = {name: lines for name, lines in results.items() if lines}
    if as_json:
        print_json({"checked": len(results), "differences": results})
    else:
        for name, lines in results.items():
            typer.echo(f"{'differs' if lines else 'equal  '}  {name}")
            for line in lines:
                typer.echo(f"         {line}")
    if bad:
        stderr("hint: look at the change; if it is meant, dyocense golden update " + " ".join(bad))
    return exits.MISMATCH if bad else exits.DONE


@app.command()
def update(
    paths: Annotated[list[str], typer.Argument(help="Goals to begin with, or golden files to bring up to date.")],
    sets: Sets = None,
    folder: Annotated[str, typer.Option("--folder", help="Where new golden files go.")] = FOLDER,
) -> int:
    """Write golden files from today's outcome, keeping tolerances that were edited; review the diff before you commit."""
    from dyocense_cli.runner.golden import Golden, dump, load

    for name in paths:
        path = Path(name)
        old = load(path.read_text("utf-8"), file=name) if name.endswith(".golden.yaml") else None
        now = found(old.goal, old.overrides) if old is not None else found(name, overrides(sets))
        if old is not None:
            kept = {k: (v, old.kpis[k][1] if k in old.kpis else t) for k, (v, t) in now.kpis.items()}
            now = Golden(now.goal, now.optimodel_sha, now.status, kept, now.findings, now.overrides)
        target = path if old is not None else Path(folder) / f"{path.stem}.golden.yaml"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(dump(now), "utf-8")
        typer.echo(f"wrote {target}")
    return exits.DONE


@app.command()
def compare(
    base: Annotated[str, typer.Argument(help="Baseline run.")],
    candidate: Annotated[str, typer.Argument(help="Candidate run.")],
    metric: Annotated[list[str], typer.Option("--metric", help="KPI, operator, margin: 'total_cost<=+1%'. May be given often.")],
    store: Store = None,
    as_json: Json = False,
) -> int:
    """Hold a candidate run against a baseline, an operator per metric; exit 8 if one fails."""
    from dyocense_cli import wiring
    from dyocense_cli.runner.golden import compare_metrics, parse_metric
    from dyocense_cli.runner.references import find_run, read_json

    runs = wiring.run_store(settings_of(store=store))
    figures = [_figures(read_json(runs, find_run(runs, name), "solution.json")) for name in (base, candidate)]
    rows = compare_metrics(figures[0], figures[1], tuple(parse_metric(m) for m in metric))
    if as_json:
        print_json(
            {"metrics": [{"name": m.name, "op": m.op, "margin": m.margin, "base": b, "candidate": c, "holds": ok} for m, b, c, ok in rows]}
        )
    else:
        for m, b, c, ok in rows:
            typer.echo(f"{'holds' if ok else 'fails'}  {m.name} {m.op} {100 * m.margin:+g} %   baseline {b}   candidate {c}")
    return exits.DONE if all(ok for *_, ok in rows) else exits.MISMATCH


def _figures(solution: Mapping[str, Any]) -> dict[str, float]:
    out = {k: float(v) for k, v in solution.get("kpis", {}).items() if isinstance(v, (int, float))}
    for key in ("objective", "bound", "gap"):
        if isinstance(solution.get(key), (int, float)):
            out[key] = float(solution[key])
    return out
