"""`dyocense compile GOAL`: a goal becomes an optimisation model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from dyocense_cli.cli import exits
from dyocense_cli.cli.options import AllowPath, ContextFile, Goal, Json, NoCache, Quiet, Sets, Verbose, overrides, print_json, settings_of
from dyocense_cli.cli.plan import context_name, goal_name
from dyocense_cli.cli.render import finding_text, stderr
from dyocense_cli.errors import UsageError

if TYPE_CHECKING:
    from dyocense_cli.runner.execute import Execution

__all__ = ["compile"]

FORMATS: Final = {"mps": "mps", "lp": "lp", "pyomo": "py", "mathspec": "yaml", "latex": "tex"}


def compile(  # named after the command
    goal: Goal,
    sets: Sets = None,
    context: ContextFile = None,
    scenarios: Annotated[str | None, typer.Option("--scenarios", help="Use the scenario set of this run.", show_default=False)] = None,
    export: Annotated[
        str | None, typer.Option("--export", help="mps, lp, pyomo, mathspec, latex; several with commas.", show_default=False)
    ] = None,
    show: Annotated[
        str | None, typer.Option("--show", help="Print what a pass gives; `list` names the passes.", show_default=False)
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say what each rule became: rows, columns, nonzeros, source.")] = False,
    suggest: Annotated[
        bool, typer.Option("--suggest", help="Print the YAML that missing conversions and rates need; numbers are yours to fill in.")
    ] = False,
    out: Annotated[str | None, typer.Option("--out", help="Folder for optimodel.json, hints.json and exports.", show_default=False)] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    no_cache: NoCache = False,
    allow_path: AllowPath = None,
) -> int:
    """Compile a goal with its context and scenarios to an OptiModel and explainability hints.

    Without options it prints a summary; --json prints the OptiModel and hints as one document.
    """
    wanted = _formats(export)
    from dyocense_cli import wiring
    from dyocense_cli.cli.progress import Progress
    from dyocense_cli.runner.order import Order

    settings = settings_of()
    kernel = wiring.build(settings, allow=tuple(allow_path or ()), observer=Progress(quiet=quiet or as_json, verbose=verbose))
    order = Order(
        goal_name(goal, settings.root), overrides(sets), context_name(context, settings.root), use_cache=not no_cache, command="compile"
    )
    execution = kernel.open(order)
    if suggest:
        return _suggest(execution)
    if scenarios is not None:
        _borrow(kernel, execution, scenarios)
    if show is not None:
        return _show(execution, show)
    execution.run(_stages(), until="compile")
    kernel.telemetry.close()
    admission: Any = execution.held["admission"].value
    for finding in admission.findings:
        stderr(finding_text(finding))
    if not admission.allow:
        return exits.DENIED
    _give(execution, wanted, out=out, explain=explain, as_json=as_json, version=kernel.house.version)
    return exits.DONE


def _suggest(execution: Execution) -> int:
    """Bind and lint, and print what the context lacks; everything that is wrong is told on standard error as always."""
    from dyocense_cli.cli.render import error_text
    from dyocense_cli.errors import Findings
    from dyocense_cli.runner.nouns import resolve

    try:
        execution.run(_stages(), until="lint")
    except Findings as error:
        day = execution.held["goal"].value.horizon.start
        text: str = resolve("kernel.context.suggest:additions")(error.findings, day)
        typer.echo(f"# add to {execution.held['context_spec'].value.file}\n{text}" if text else "# no conversion is missing")
        stderr(error_text(error))
        return error.exit_code
    typer.echo("# no conversion is missing")
    return exits.DONE


def _stages() -> Any:
    from dyocense_cli.runner.pipeline import COMPILE

    return COMPILE


def _formats(export: str | None) -> list[str]:
    names = [n.strip() for n in export.split(",")] if export else []
    for name in names:
        if name not in FORMATS:
            raise UsageError("DY1019", f"no export format `{name}`", hints="use " + ", ".join(FORMATS))
    return names


def _borrow(kernel: Any, execution: Execution, reference: str) -> None:
    """Put another run's scenario set in place of a fresh one."""
    from dyocense_cli.artifacts.codec import fingerprint
    from dyocense_cli.runner.memo import Held
    from dyocense_cli.runner.references import find_run
    from dyocense_cli.runner.snapshot import snapshot_artifact

    value = snapshot_artifact(kernel.runs, find_run(kernel.runs, reference), "scenario_set")
    sha = fingerprint(value)
    held = Held("scenario_set", sha, sha)
    held.put(value)
    execution.held["scenario_set"] = held


def _show(execution: Execution, name: str) -> int:
    from dyocense_cli.runner.nouns import resolve

    names = resolve("kernel.optiguide.show:NAMES")
    if name not in names:
        typer.echo("\n".join(names))
        if name == "list":
            return exits.DONE
        raise UsageError("DY1019", f"no pass is named `{name}`", hints="use one of " + ", ".join(names))
    execution.run(_stages(), until="sample")
    held = execution.held
    inputs = resolve("kernel.optiguide.draft:Inputs")(
        *(held[n].value for n in ("goal", "model_spec", "context", "scenario_set", "admission"))
    )
    typer.echo(resolve("kernel.optiguide.show:show_pass")(inputs, name))
    return exits.DONE


def _export(name: str, model: Any, arrays: Any) -> str:
    from dyocense_cli.runner.nouns import resolve

    function = resolve(f"kernel.export.{name}:to_{name}")
    text: str = function(arrays if name in ("mps", "lp") else model)
    return text


def _give(execution: Execution, wanted: list[str], *, out: str | None, explain: bool, as_json: bool, version: str) -> None:
    from dyocense_cli.runner.nouns import resolve
    from dyocense_cli.runner.views import model_files

    model: Any = execution.held["optimodel"].value
    arrays = resolve("kernel.optimizer.ground:ground")(model) if explain or wanted or not as_json else None
    exports = {name: _export(name, model, arrays) for name in wanted}
    if out is not None:
        files = {**model_files(execution, version), **{f"model.{FORMATS[n]}": t.encode() for n, t in exports.items()}}
        for name, data in files.items():
            path = Path(out) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        stderr(f"wrote {len(files)} files to {out}")
    if as_json:
        _print_document(execution, version)
    elif explain:
        typer.echo(resolve("kernel.optimizer.account:account_text")(model, arrays))
        for line in resolve("kernel.optimizer.decompose.describe:describe")(model):
            typer.echo(line)
        for column, made in resolve("kernel.context.suggest:conversions")(execution.held["context"].value).items():
            rows = f"{len(made['rows'])} rows of {made['file']}"
            typer.echo(f"{column} was in {made['from']}: times {made['factor']:g} is {made['to']}, {rows}")
    elif exports and out is None:
        typer.echo("".join(exports.values()), nl=False)
    elif arrays is not None:
        typer.echo(f"{execution.held['optimodel'].fingerprint}")
        typer.echo(f"{arrays.n_rows} rows, {arrays.n_cols} columns ({int(arrays.integrality.sum())} integer), {arrays.nnz} nonzeros")
        typer.echo(
            f"{len(model.rules)} rules, {len(model.vars)} variable families, {model.robust.scenarios} scenarios, {model.robust.aggregation}"
        )


def _print_document(execution: Execution, version: str) -> None:
    import json

    from dyocense_cli.runner.views import model_files

    files = model_files(execution, version)
    arrays = {n.removeprefix("optimodel.arrays/").removesuffix(".npy"): None for n in files if n.startswith("optimodel.arrays/")}
    print_json({"optimodel": json.loads(files["optimodel.json"]), "hints": json.loads(files["hints.json"]), "arrays": sorted(arrays)})
