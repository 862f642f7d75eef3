"""`dyocense solve MODEL|RUN`: solve a model file, or a recorded run again with other limits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dyocense_cli.cli import exits
from dyocense_cli.cli.options import Interrupts, Json, Quiet, Store, Verbose, print_json, settings_of
from dyocense_cli.cli.render import stderr
from dyocense_cli.errors import InputError, UsageError

if TYPE_CHECKING:
    from dyocense_cli.runner.incumbents import Incumbent
    from dyocense_cli.runner.run import Kernel

__all__ = ["solve"]


def solve(
    model: Annotated[str, typer.Argument(help="optimodel.json, or a run: id, prefix, @last, @goal.", show_default=False)],
    warm_start: Annotated[
        str | None, typer.Option("--warm-start", help="Start from this run's plan; @like takes the most similar.", show_default=False)
    ] = None,
    backend: Annotated[
        str | None, typer.Option("--backend", help="highs, cpsat, mathopt:ENGINE, pyomo:SOLVER.", show_default=False)
    ] = None,
    time_limit: Annotated[str | None, typer.Option("--time-limit", help="Seconds, such as 120s.", show_default=False)] = None,
    mip_gap: Annotated[float | None, typer.Option("--mip-gap", help="Relative gap, such as 0.01.", show_default=False)] = None,
    nodes: Annotated[int | None, typer.Option("--nodes", help="Stop after this many nodes, reproducibly.", show_default=False)] = None,
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="Threads of the solve.", show_default=False)] = None,
    method: Annotated[str | None, typer.Option("--method", help="auto, monolith or decompose.", show_default=False)] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Start from the best plan of a solve that was stopped or killed.")] = False,
    store: Store = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Solve a model and say what limits it.

    Exit codes: 0 a plan is held, 3 bad input, 5 infeasible, 9 stopped at a limit with no plan, 130 interrupted, 143 terminated (the best
    plan so far is kept).
    """
    from dyocense_cli import wiring
    from dyocense_cli.cli.progress import Progress

    changes = {"backend": backend, "time_limit_s": _seconds(time_limit), "mip_gap": mip_gap, "nodes": nodes, "threads": threads}
    changes["method"] = _method(method)
    interrupts = Interrupts()
    settings = settings_of(store=store)
    kernel = wiring.build(settings, observer=Progress(quiet=quiet or as_json, verbose=verbose), interrupted=interrupts)
    if model.endswith(".json") and Path(model).is_file():
        return _solve_file(kernel, Path(model), changes, interrupts, warm_start=warm_start, resume=resume, as_json=as_json)
    return _solve_run(kernel, model, changes, interrupts, warm_start=warm_start, resume=resume, as_json=as_json)


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        value = float(text.strip().removesuffix("s").strip())
    except ValueError:
        value = -1.0
    if not 0.0 <= value < float("inf"):
        raise UsageError("DY1001", f"--time-limit takes seconds, not `{text}`", hints="--time-limit 120s")
    return value


def _method(text: str | None) -> str | None:
    if text not in (None, "auto", "monolith", "decompose"):
        raise UsageError("DY1001", f"no method is named `{text}`", hints="use auto, monolith or decompose")
    return text


def _solve_run(
    kernel: Kernel, reference: str, changes: dict[str, Any], interrupts: Interrupts, *, warm_start: str | None, resume: bool, as_json: bool
) -> int:
    from dyocense_cli.cli.plan import deliver, exit_code
    from dyocense_cli.runner.again import earlier_of, hold, plan_of, reopen, solve_again
    from dyocense_cli.runner.nearby import start_run
    from dyocense_cli.runner.references import find_run

    run_id = find_run(kernel.runs, reference)
    execution, order = reopen(kernel, kernel.runs, run_id, changes)
    held = execution.held["optimodel"]
    warm = start_run(kernel.runs, warm_start, held.value, but=run_id) if warm_start is not None else None
    start = plan_of(kernel.runs, warm, held.value) if warm is not None else None
    earlier = earlier_of(kernel.runs, warm) if warm is not None else None
    if warm is not None and start is not None:
        start = hold(execution, start)
    left = _left_over(kernel, execution.held["optimodel"].fingerprint, resume=resume) if start is None else None
    if left is not None:
        execution.take_up(left)
    elif start is None and resume:
        stderr("starting from the run's own plan")
        start = plan_of(kernel.runs, run_id, held.value)
    with interrupts.listening():
        result = solve_again(kernel, execution, order, start=start, earlier=earlier)
    kernel.telemetry.close()
    deliver(result, as_json=as_json)
    return exit_code(result, interrupts)


def _left_over(kernel: Kernel, model: str, *, resume: bool) -> Incumbent | None:
    """Say what a solve that did not end has left; return it when it is wanted."""
    from dyocense_cli.runner.incumbents import incumbent

    found = incumbent(kernel.memo, model)
    if found is None:
        if resume:
            stderr("no unfinished solve of this model was found")
        return None
    stderr(f"an earlier solve of this model found a plan of {found.words}" + ("" if resume else " (--resume starts from it)"))
    return found if resume else None


def _solve_file(
    kernel: Kernel, file: Path, changes: dict[str, Any], interrupts: Interrupts, *, warm_start: str | None, resume: bool, as_json: bool
) -> int:
    from dyocense_cli.runner.again import solve_alone

    model = _read_model(file)
    with interrupts.listening():
        execution = solve_alone(
            kernel, model, _default_options(), changes, warm=warm_start, left=lambda known: _left_over(kernel, known, resume=resume)
        )
    held = {name: one.value for name, one in execution.held.items()}
    solution, plan, stress, explanation = held["solution"], held["plan"], held.get("stress_report"), held.get("explanation")
    if as_json:
        from dyocense_cli.runner.nouns import resolve

        shape = resolve("kernel.plan.shape:solution_json")(plan, solution, explanation, stress)
        print_json({**shape, "diagnostics": dict(solution.diagnostics)})
    else:
        from dyocense_cli.cli.show import show_plan

        show_plan(plan, stress=stress, explanation=explanation, title=file.name, places=lambda: dict(model.meta), place="", model=model)
    return interrupts.exit_code or exits.of_status(str(solution.status), str(solution.termination))


def _default_options() -> Any:
    from dyocense_cli.artifacts.goal import SolverOptions
    from dyocense_cli.defaults import default, number

    return SolverOptions(
        str(default("solver.backend")), number("solver.time_limit_s"), number("solver.mip_gap"), int(number("solver.threads")),
        int(number("solver.seed")),
    )  # fmt: skip


def _read_model(file: Path) -> Any:
    """Return the OptiModel of an `optimodel.json` and the arrays beside it.

    Raises
    ------
    InputError
        DY2405 if it is no OptiModel, or an array is missing.
    """
    from dyocense_cli.runner.memo import array_from
    from dyocense_cli.runner.nouns import resolve

    try:
        document = json.loads(file.read_bytes())
        folder = file.parent / "optimodel.arrays"
        arrays = {p.stem: array_from(p.read_bytes()) for p in sorted(folder.glob("*.npy"))} if folder.is_dir() else {}
        return resolve("optimodel.shape:optimodel_from_json")(document, arrays)
    except (ValueError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise InputError(
            "DY2405", f"{file.name} is no OptiModel: {error}", hints="write one with `dyocense compile GOAL --json > optimodel.json`"
        ) from error
