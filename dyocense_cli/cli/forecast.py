"""`dyocense forecast GOAL`: joint scenarios of demand and lead times; with scores, charts and a drift check."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dyocense_cli.cli import exits
from dyocense_cli.cli.options import AllowPath, ContextFile, Goal, Json, NoCache, Quiet, Sets, Verbose, overrides, print_json, settings_of
from dyocense_cli.cli.plan import context_name, goal_name
from dyocense_cli.cli.render import stderr
from dyocense_cli.errors import InputError

if TYPE_CHECKING:
    from dyocense_cli.runner.execute import Execution
    from dyocense_cli.settings import Settings

__all__ = ["forecast"]


def forecast(
    goal: Goal,
    as_json: Json = False,
    sets: Sets = None,
    context: ContextFile = None,
    backtest: Annotated[bool, typer.Option("--backtest", help="Score the forecast on its own history, against naive and AutoETS.")] = False,
    origins: Annotated[int, typer.Option("--origins", min=1, max=50, help="Origins of the backtest, a horizon apart.")] = 3,
    report: Annotated[bool, typer.Option("--report", help="Say of each history what was found in it, what was chosen and why.")] = False,
    plot: Annotated[bool, typer.Option("--plot", help="Draw a fan chart per SKU on the terminal.")] = False,
    html: Annotated[str | None, typer.Option("--html", help="Write fan charts into one HTML file.", show_default=False)] = None,
    drift: Annotated[
        str | None, typer.Option("--drift", help="Compare an earlier run's forecast with what came.", show_default=False)
    ] = None,
    no_cache: NoCache = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    allow_path: AllowPath = None,
) -> int:
    """Forecast demand and lead times as joint scenarios, with statistics per SKU."""
    from dyocense_cli.cli.progress import Progress
    from dyocense_cli.runner.order import Order
    from dyocense_cli.runner.pipeline import FORECAST
    from dyocense_cli.wiring import build

    settings = settings_of()
    kernel = build(settings, allow=tuple(allow_path or ()), observer=Progress(quiet=quiet or as_json, verbose=verbose))
    order = Order(
        goal=goal_name(goal, settings.root),
        overrides=overrides(sets),
        context=context_name(context, settings.root),
        use_cache=not no_cache,
        command="forecast",
    )
    execution = kernel.run(order, [s for s in FORECAST if s.name != "admit"])
    document = _document(execution)
    if not document["series"] and (backtest or plot or html or drift):
        raise InputError(
            "DY2508", "nothing is forecast here: the scenarios are stated", hints="leave out --backtest, --plot, --html and --drift"
        )
    kernel.telemetry.metric("scenario_count", float(document["num_scenarios"]))
    kernel.telemetry.metric("forecast_rmse", float(document["forecast_rmse"]))
    if backtest:
        document["backtest"] = _backtest(execution, settings, origins)
    if drift:
        document["drift"] = _drift(execution, settings, drift)
    kernel.telemetry.close()
    if html:
        _page(execution, html)
    if as_json:
        print_json(document)
    else:
        from dyocense_cli.cli.show_forecast import show_forecast

        show_forecast(document, _charts(execution) if plot else [], report=report)
    for warning in document["warnings"]:
        stderr(f"warning: {warning}")
    return exits.DONE


def _value(execution: Execution, name: str) -> Any:
    held = execution.held.get(name)
    return None if held is None else held.value


def _document(execution: Execution) -> dict[str, Any]:
    from dyocense_cli.runner.nouns import resolve

    document: dict[str, Any] = resolve("kernel.scenarios.shape:scenario_json")(_value(execution, "scenario_set"))
    made = _value(execution, "forecast_set")
    document.update({"series": [], "forecast_rmse": 0.0, "warnings": [], "config": {}})
    if made is not None:
        document["series"] = [
            {"sku": sku, "location": location, **dataclasses.asdict(report)}
            for sku, location, report in zip(made.skus, made.locations, made.reports, strict=True)
        ]
        document["forecast_rmse"] = made.scores.get("rmse", 0.0)
        document["warnings"] = list(made.warnings)
        document["config"] = dict(made.config)
    return document


def _charts(execution: Execution) -> list[str]:
    from dyocense_cli.runner.nouns import resolve

    fans = resolve("kernel.forecast.fan:fans_of")(_value(execution, "forecast_set"), _value(execution, "forecast_request"))
    return [resolve("kernel.forecast.fan:terminal_fan")(fan) for fan in fans]


def _page(execution: Execution, file: str) -> None:
    from dyocense_cli.runner.nouns import resolve

    fans = resolve("kernel.forecast.fan:fans_of")(_value(execution, "forecast_set"), _value(execution, "forecast_request"))
    goal = _value(execution, "goal")
    Path(file).write_text(resolve("kernel.forecast.fan:html_page")(fans, title=f"Forecast: {goal.title or goal.id}"), encoding="utf-8")
    stderr(f"charts {file}")


def _backtest(execution: Execution, settings: Settings, origins: int) -> dict[str, Any]:
    from dyocense_cli.runner.nouns import resolve
    from dyocense_cli.wiring import forecaster_for, peer_forecaster

    request, asked = _value(execution, "forecast_request"), _value(execution, "sample_request")
    draws = dataclasses.replace(asked, num_scenarios=200, pool=0, reduce=None)
    tested: dict[str, Any] = {"this forecast": forecaster_for(settings, request.model).forecast}
    peer = peer_forecaster()
    if peer is not None:
        tested["AutoETS"] = lambda r: peer.forecast(dataclasses.replace(r, model="statsforecast:AutoETS", regressors=()))
    else:
        stderr("note: AutoETS is left out; pip install 'dyocense-cli[forecast]'")
    paths = resolve("kernel.scenarios.paths:forecast_paths")
    found = resolve("kernel.forecast.backtest:backtest")(
        request,
        tested,
        draw=lambda made: paths(made, count=draws.num_scenarios, seed=draws.seed, purpose="backtest"),
        origins=origins,
        seed=draws.seed,
    )
    document: dict[str, Any] = resolve("kernel.forecast.backtest:backtest_json")(found)
    return document


def _drift(execution: Execution, settings: Settings, reference: str) -> list[dict[str, Any]]:
    from dyocense_cli.runner.nouns import resolve
    from dyocense_cli.runner.references import find_run, manifest_of
    from dyocense_cli.runner.snapshot import snapshot_artifact
    from dyocense_cli.wiring import run_store

    runs = run_store(settings)
    run_id = find_run(runs, reference)
    if "artifacts/forecast_set.json" not in manifest_of(runs, run_id)["files"]:
        raise InputError("DY2508", f"run {run_id} forecast nothing: its scenarios were stated", hints="name a run that forecast demand")
    made, asked = snapshot_artifact(runs, run_id, "forecast_set"), snapshot_artifact(runs, run_id, "forecast_request")
    rows = resolve("kernel.forecast.drift:drift_check")(made, asked.period_starts, _value(execution, "forecast_request"))
    return [dataclasses.asdict(row) for row in rows]
