"""`dyocense plan GOAL`: forecast, compile, solve, stress, explain and keep the evidence."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from dyocense_cli.cli import exits
from dyocense_cli.cli.options import (
    AllowPath,
    ContextFile,
    Goal,
    Interrupts,
    Json,
    NoCache,
    Quiet,
    Sets,
    Store,
    Verbose,
    overrides,
    print_json,
    settings_of,
)
from dyocense_cli.cli.render import finding_text, paint, stderr, steered
from dyocense_cli.cli.stressed import BATTERIES, show_battery, stressed
from dyocense_cli.errors import Finding, UsageError

if TYPE_CHECKING:
    from dyocense_cli.ports import RunStore
    from dyocense_cli.runner.order import Order
    from dyocense_cli.runner.run import Kernel, Result

__all__ = ["deliver", "exit_code", "plan"]

#: Warnings of the rules of the language that a plan shows; `lint` shows all.
WARNINGS: Final = 3


def goal_name(goal: str, root: str) -> str:
    """Return the goal's path relative to the project's root where it lies below it."""
    path = Path(goal)
    full = path if path.is_absolute() else Path.cwd() / path
    try:
        return full.relative_to(root).as_posix()
    except ValueError:
        return goal


def context_name(context: str | None, root: str) -> str | None:
    """Return the name of a context file; a folder stands for the ``context.yaml`` in it."""
    if context is None:
        return None
    return goal_name(f"{context.rstrip('/')}/context.yaml" if Path(context).is_dir() else context, root)


def exit_code(result: Result, interrupts: Interrupts | None = None) -> int:
    """Return the exit code of a finished run; a signal wins over what was held."""
    if interrupts is not None and interrupts.exit_code:
        return interrupts.exit_code
    return exits.of_status(*result.status)


def warmed(runs: RunStore, result: Result) -> dict[str, Any] | None:
    """Return which run a solve started from and how long both solves took, in seconds; None where one of them did not run."""
    from dyocense_cli.runner.references import read_json

    start = result.execution.held.get("start")
    run_id = start.ident.rpartition(" ")[2] if start is not None and start.ident.startswith("start ") else ""
    if not run_id or result.execution.states.get("solve") != "run" or result.value("solution").x is None:
        return None
    earlier = read_json(runs, run_id, "telemetry.json")["stages"].get("solve", {})
    if earlier.get("state") != "run":
        return None
    return {"from": run_id, "solve_s": result.execution.seconds["solve"], "earlier_solve_s": earlier["seconds"]}


def _findings(result: Result, *, brief: bool, most: int | None = WARNINGS) -> None:
    if not brief:
        _warnings(result, most)
    for name in ("admission", "verdict"):
        answer: Any = result.value(name)
        for finding in () if answer is None else answer.findings:
            stderr(finding_text(finding))
    if result.status[0] == "INFEASIBLE":
        for finding in _proofs(result):
            stderr(finding_text(finding))


def _warnings(result: Result, most: int | None) -> None:
    """Say in a line each what the rules of the language warn of, at the place it has in the goal as it is now."""
    report: Any = result.value("lint_report")
    found = [f for f in report.findings if f.severity == "warning"] if report is not None else []
    spans = result.value("goal").spans
    for finding in found[:most]:
        where = spans.get(finding.pointer) or finding.where
        stderr(f"{paint(f'warning[{finding.id}]', 'warning')}: {finding.message}" + (f" ({where})" if where is not None else ""))
    if most is not None and len(found) > most:
        stderr(f"… and {len(found) - most} more warnings; dyocense lint {result.value('goal').file} shows them")


def _proofs(result: Result) -> tuple[Finding, ...]:
    """Return what rules prove of an infeasible goal on the scenarios of its run: budget, capacity, lead times."""
    from dyocense_cli.runner.nouns import resolve

    needs = [result.value(name) for name in ("goal", "model_spec", "context", "scenario_set")]
    if any(value is None for value in needs):
        return ()
    found: tuple[Finding, ...] = resolve("kernel.lint.stage:impossible")(*needs)
    return found


def plan(
    goal: Goal,
    sets: Sets = None,
    context: ContextFile = None,
    store: Store = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    no_cache: NoCache = False,
    allow_path: AllowPath = None,
    opa: Annotated[str | None, typer.Option("--opa", help="Path of the opa program.", show_default=False)] = None,
    policies: Annotated[str | None, typer.Option("--policy", help="Folder of policy packages.", show_default=False)] = None,
    compile_policy: Annotated[
        bool, typer.Option("--compile-policy/--no-compile-policy", help="Make the plan obey policy, or refuse it.")
    ] = True,
    policy_unavailable: Annotated[
        str | None, typer.Option("--policy-unavailable", help="`draft` plans without a verdict, marked DRAFT.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why a draft is needed.")] = "",
    xlsx: Annotated[str | None, typer.Option("--xlsx", help="Write the plan as a workbook too.", show_default=False)] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show every line of the plan.")] = False,
    open_report: Annotated[bool, typer.Option("--open", help="Open the report in the browser.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would run and why; write nothing.")] = False,
    changes: Annotated[
        list[str] | None, typer.Option("--what-if", help="Plan with this key=value too and compare.", show_default=False)
    ] = None,
    pareto: Annotated[str | None, typer.Option("--pareto", help="Front between two objective terms: cost,co2.", show_default=False)] = None,
    warm_from: Annotated[
        str | None, typer.Option("--warm-from", help="Start from this run's plan; @like takes the most similar.", show_default=False)
    ] = None,
    freeze: Annotated[int | None, typer.Option("--freeze", help="Keep the first periods of that plan.", min=0, show_default=False)] = None,
    max_churn: Annotated[
        str | None, typer.Option("--max-churn", help="Orders change by at most this share of it: 15%.", show_default=False)
    ] = None,
    select: Annotated[
        list[str] | None, typer.Option("--select", help="Show lines that match: sku:A* supplier:S1.", show_default=False)
    ] = None,
    stress: Annotated[
        str | None,
        typer.Option("--stress", help="Show the table of shocks: std; of a run such as @last without planning.", show_default=False),
    ] = None,
    scenarios: Annotated[
        int | None, typer.Option("--scenarios", help="As --set forecast.num_scenarios=N.", min=1, show_default=False)
    ] = None,
    risk: Annotated[
        str | None, typer.Option("--risk", help="mean, worst, p95, cvar:0.95; as --set robust.aggregation=…", show_default=False)
    ] = None,
    out: Annotated[str | None, typer.Option("--out", help="As --store.", show_default=False)] = None,
) -> int:
    """Plan a goal: what to order, from whom, when, why, and what it risks.

    Exit codes: 0 done, 3 bad input, 4 denied by policy, 5 infeasible, 7 a service or the policy engine is unreachable,
    9 stopped at a limit with no plan, 130 interrupted (the best plan so far is kept).
    """
    if policy_unavailable not in (None, "draft") or (policy_unavailable == "draft" and not reason):
        raise UsageError(
            "DY1004", "--policy-unavailable takes `draft` and a --reason", hints='--policy-unavailable=draft --reason "OPA upgrade"'
        )
    if stress is not None and stress not in BATTERIES:
        raise UsageError("DY1004", f"no battery of shocks is named `{stress}`", hints="use std")
    if stress is not None and not goal.endswith((".yaml", ".yml")):
        return stressed(goal, store=store or out, as_json=as_json)
    from dyocense_cli import wiring
    from dyocense_cli.cli.progress import Progress
    from dyocense_cli.runner.order import Order as Asked

    settings = settings_of(store=store or out, opa=opa, policies=policies)
    interrupts = Interrupts()
    kernel = wiring.build(
        settings, allow=tuple(allow_path or ()), observer=Progress(quiet=quiet or as_json, verbose=verbose), interrupted=interrupts
    )
    order = Asked(
        goal=goal_name(goal, settings.root),
        overrides={**risk_of(scenarios, risk), **overrides(sets)},
        context=context_name(context, settings.root),
        use_cache=not no_cache,
        draft_reason=reason if policy_unavailable else "",
        compile_policy=compile_policy,
        warm_from=warm_from if warm_from is not None or (freeze is None and max_churn is None) else "@last",
        freeze=freeze,
        max_churn=None if max_churn is None else share(max_churn),
    )
    if dry_run:
        return _foretell(kernel, order, as_json=as_json)
    if changes or pareto:
        from dyocense_cli.cli import whatif

        if pareto:
            return whatif.front(kernel, order, pareto, as_json=as_json)
        return whatif.what_if(kernel, order, changes or (), store=store or out, as_json=as_json)
    with interrupts.listening():
        result = kernel.plan(order)
    kernel.telemetry.close()
    _findings(result, brief=as_json or quiet, most=None if verbose else WARNINGS)
    if steered(sys.stderr) and not as_json and not quiet:
        stderr("")  # between the progress and the plan
    warm = warmed(kernel.runs, result)
    deliver(result, as_json=as_json, everything=everything, xlsx=xlsx, open_report=open_report, select=select, more={"warm": warm})
    if stress and not as_json and result.value("stress_report") is not None:
        show_battery(result.value("stress_report"), result.value("scenario_set"), result.value("plan").currency)
    if warm and not as_json:
        stderr(f"started from run {warm['from']}: solved in {warm['solve_s']:.2f} s, that run took {warm['earlier_solve_s']:.2f} s")
    return exit_code(result, interrupts)


def risk_of(scenarios: int | None, risk: str | None) -> dict[str, str]:
    """Return what --scenarios and --risk set: ``cvar:0.95`` is the goal's ``cvar95``."""
    out = {} if scenarios is None else {"forecast.num_scenarios": str(scenarios)}
    if risk is not None:
        measure, mark, level = risk.partition(":")
        out["robust.aggregation"] = f"{measure}{share(level) * 100:g}" if mark else measure
    return out


def share(text: str) -> float:
    """Return a share such as ``15%`` or ``0.15`` as a number; DY1024 for another form."""
    try:
        value = float(text.rstrip("% ")) / (100 if text.rstrip().endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value < 10:
        raise UsageError("DY1024", f"not a share: {text}", hints="such as 15% or 0.15")
    return value


def _foretell(kernel: Kernel, order: Order, *, as_json: bool) -> int:
    from dyocense_cli.cli.progress import Progress
    from dyocense_cli.runner.dryrun import foretell

    kernel.observer = Progress(quiet=True)
    rows = foretell(kernel, order)
    if as_json:
        print_json({"stages": [{"stage": r.stage, "state": r.state, "why": r.why, "unless": r.unless} for r in rows]})
    else:
        for row in rows:
            unless = f" (skipped if {row.unless})" if row.unless and row.state == "run" else ""
            typer.echo(f"{row.stage:<13} {row.state}{': ' + row.why if row.why else ''}{unless}")
    return exits.DONE


def deliver(
    result: Result,
    *,
    as_json: bool,
    everything: bool = False,
    xlsx: str | None = None,
    open_report: bool = False,
    select: list[str] | None = None,
    more: dict[str, Any] | None = None,
) -> None:
    """Print a run for a person or a program (then with `more`), and what was asked beside it."""
    held: Any = result.value("plan")
    if as_json:
        from dyocense_cli.cli.show import plan_json

        print_json({**plan_json(result), **(more or {})})
    elif held is not None:
        from dyocense_cli.cli.show import show_plan
        from dyocense_cli.runner.views import explained, places

        if select:
            from dyocense_cli.cli.whatif import selected

            held = selected(held, select)
        show_plan(
            held,
            stress=result.value("stress_report"),
            explanation=explained(result.value("explanation"), result.value("verdict")),
            title=result.value("goal").title,
            places=lambda: places(result.execution),
            place=result.place,
            everything=everything,
            model=result.value("optimodel"),
            draft=result.manifest.manifest.draft if result.manifest is not None else "",  # a run found again is no draft
        )
    for warning in result.execution.memo.warnings:
        stderr(f"warning: {warning}")
    if xlsx and held is not None:
        from dyocense_cli.runner.nouns import resolve
        from dyocense_cli.runner.views import report_facts

        facts = report_facts(
            {n: h.value for n, h in result.execution.held.items()},
            fingerprint=result.fingerprint,
            prints=result.prints,
            versions={},
            as_of="",
        )
        Path(xlsx).write_bytes(resolve("kernel.report.xlsx:plan_xlsx")(facts))
        stderr(f"workbook {xlsx}")
    if open_report and held is not None:
        import webbrowser

        webbrowser.open((Path(result.place) / "report.html").absolute().as_uri())
