"""`dyocense golden`: golden tests of goals, and acceptance tests of one run against another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from xml.sax.saxutils import escape, quoteattr

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
JUnit = Annotated[str | None, typer.Option("--junit", help="Write a JUnit report.", show_default=False)]
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
            f"there is no golden file {missing[0]}" if paths and missing else f"no golden file is in {(paths or [FOLDER])[0]}/",
            hints="make one with dyocense golden update goals/NAME.yaml",
        )
    return out


def _write_junit(place: str | None, suite: str, results: Mapping[str, list[str]]) -> None:
    if place is None:
        return
    cases = []
    for name, failures in results.items():
        lines = escape("\n".join(failures))
        inner = f"<failure message={quoteattr('; '.join(failures))}>{lines}</failure>" if failures else ""
        cases.append(f'  <testcase classname="{suite}" name={quoteattr(name)}>{inner}</testcase>\n')
    failed = sum(bool(f) for f in results.values())
    head = f'<testsuite name="{suite}" tests="{len(results)}" failures="{failed}">'
    Path(place).write_text(f'<?xml version="1.0" encoding="utf-8"?>\n{head}\n{"".join(cases)}</testsuite>\n', "utf-8")


@app.command()
def check(
    paths: Paths = None,
    as_json: Json = False,
    junit: JUnit = None,
) -> int:
    """Plan each golden goal and compare model fingerprint, status, KPIs within tolerance and findings; exit 8 on a difference."""
    from dyocense_cli.runner.golden import differences, load

    results: dict[str, list[str]] = {}
    for path in _files(paths):
        expected = load(path.read_text("utf-8"), file=str(path))
        results[str(path)] = [str(d) for d in differences(expected, found(expected.goal, expected.overrides))]
    _write_junit(junit, "golden", results)
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
    junit: JUnit = None,
) -> int:
    """Hold a candidate run against a baseline, an operator per metric; exit 8 if one fails."""
    from dyocense_cli import wiring
    from dyocense_cli.runner.golden import compare_metrics, figures_of, parse_metric
    from dyocense_cli.runner.references import find_run, read_json

    runs = wiring.run_store(settings_of(store=store))
    figures = [figures_of(read_json(runs, find_run(runs, name), "solution.json")) for name in (base, candidate)]
    rows = compare_metrics(figures[0], figures[1], tuple(parse_metric(m) for m in metric))
    _write_junit(junit, "compare", {f"{candidate} {r.metric}": [] if r.holds else [str(r)] for r in rows})
    if as_json:
        print_json({"metrics": [r.document for r in rows]})
    else:
        for row in rows:
            typer.echo(f"{'holds' if row.holds else 'fails'}  {row}")
    return exits.DONE if all(r.holds for r in rows) else exits.MISMATCH


@app.command()
def shadow(
    references: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN]...", help="Past runs; the last --last of the store by default.", show_default=False)
    ] = None,
    against: Annotated[
        str, typer.Option("--against", help="The candidate: its Python program, a checkout, a wheel, or a version.", show_default=False)
    ] = "",
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", help="KPI, operator, margin; without it every figure is to be equal.", show_default=False),
    ] = None,
    goal: Annotated[str | None, typer.Option("--goal", help="Only runs of this goal.", show_default=False)] = None,
    last: Annotated[int, typer.Option("--last", help="How many of the newest runs, where none is named.", min=1)] = 20,
    store: Store = None,
    as_json: Json = False,
    junit: JUnit = None,
) -> int:
    """Replay past runs with a candidate version, hold its figures against the recorded ones; exit 8 if one fails.

    Nothing is written to the store. A run whose figures all hold is good whatever its bytes; the first stage that differs is named.
    """
    from dyocense_cli import wiring
    from dyocense_cli.cli.candidate import candidate
    from dyocense_cli.runner.references import find_run, manifest_of, read_json
    from dyocense_cli.runner.shadow import parse_metrics, shadowed

    settings = settings_of(store=store)
    runs = wiring.run_store(settings)
    known = [find_run(runs, r) for r in references] if references else runs.list()
    manifests = {r: manifest_of(runs, r) for r in known}
    chosen = [r for r in known if goal in (None, manifests[r]["goal_id"])][0 if references else -last :]
    if not chosen:
        raise UsageError("DY1007", "there is no run to shadow", hints="dyocense runs list")
    metrics = parse_metrics(metric)
    place = settings["store"] if "://" in settings["store"] else str(settings.path("store"))
    results = []
    many = f"{len(chosen)} run{'' if len(chosen) == 1 else 's'}"
    with candidate(against, here=wiring.package_version()) as other:
        typer.echo(f"candidate {other.version} over {many}", err=as_json)
        for run_id in chosen:
            recorded = str(manifests[run_id]["versions"]["dyocense-cli"])
            document, told = other.replay(run_id, "--against", recorded, "--store", place)
            solution = read_json(runs, run_id, "solution.json") if "solution.json" in runs.names(run_id) else {}  # none if denied
            one = shadowed((run_id, str(manifests[run_id]["goal_id"])), solution, document, told, metrics)
            results.append(one)
            if not as_json:
                typer.echo("\n".join(one.lines()))
    good = sum(r.good for r in results)
    _write_junit(junit, "shadow", {f"{r.run_id} {r.goal}": [] if r.good else r.failures() for r in results})
    if as_json:
        print_json({"candidate": other.version, "good": good == len(results), "runs": [r.document() for r in results]})
    else:
        typer.echo(f"{good} of {many} good")
    return exits.DONE if good == len(results) else exits.MISMATCH
