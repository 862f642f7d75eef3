"""Scenario requests inside the child: one, several in one pass, or a part of one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dyocense_cli.errors import DyocenseError, InputError
from dyocense_cli.runner.nouns import resolve
from dyocense_cli.runner.patience import Elsewhere
from dyocense_cli.runner.views import finite
from dyocense_cli.serve.apart import pieces
from dyocense_cli.serve.childwork import Watcher, denied, figures_of, order_of, settings_of
from dyocense_cli.serve.says import describe
from dyocense_cli.serve.scenarios import split, together
from dyocense_cli.settings import Settings

if TYPE_CHECKING:
    from dyocense_cli.runner.memo import Memo
    from dyocense_cli.runner.run import Kernel

__all__ = ["forecast", "forecasts", "shard", "take_apart"]

_AT_ONCE: Final = 8
#: Series that are forecast here first, to learn what one costs; the very first loads the library besides.
_SAMPLE: Final = 4


def forecast(job: Mapping[str, Any], watcher: Watcher) -> tuple[dict[str, Any], dict[str, float]]:
    """Return the scenario document of one request."""
    kernel, order = _scenario_order(job, watcher)
    take_apart(job, kernel, order, watcher)
    return _scenarios(kernel, order, job["body"]["skus"], watcher)


def take_apart(job: Mapping[str, Any], kernel: Kernel, order: Any, watcher: Watcher) -> None:
    """Break off a forecast that goes series by series where it is worth taking apart: some series are done here first, to learn their cost.

    Raises
    ------
    Elsewhere
        With the SKUs of each part.
    """
    most, apart = int(job.get("most_parts") or 0), "skus" in job.get("apart", ())
    if most < 2 and not apart:
        return
    request, forecaster = _history(job, kernel, order)
    if request is None or not forecaster.by_series:
        return
    missing = sorted(forecaster.missing(request))
    if apart and job.get("shelve"):
        _carry(kernel.memo, forecaster, request, missing)
    if apart or len(missing) <= _SAMPLE:
        return
    again = max(0.0, time.process_time() - sum(watcher.seconds.values()))  # stages are not made again
    only = resolve("kernel.forecast.parts:only")
    forecaster.forecast(only(request, tuple(missing[:1])))  # loads its library
    begin = time.process_time()
    forecaster.forecast(only(request, tuple(missing[1:_SAMPLE])))
    each, rest = (time.process_time() - begin) / (_SAMPLE - 1), missing[_SAMPLE:]
    count = pieces(len(rest), each * len(rest), again, most=most, saves=float(job["part_saves"]))
    if count > 1:
        cuts = [rest[len(rest) * i // count : len(rest) * (i + 1) // count] for i in range(count)]
        raise Elsewhere([{"kind": "skus", "skus": one, "count": len(one), "seconds": round(each * len(one), 3)} for one in cuts])


def _carry(memo: Memo, forecaster: Any, request: Any, skus: Sequence[str]) -> None:
    """Put what is kept of some SKUs where packs are made of it, and keep what packs of other machines brought."""

    def store(key: str, payload: bytes) -> None:
        memo.put_text(f"series {key}", memo.blobs.put(payload))

    def fetch(key: str) -> bytes | None:
        place = memo.get_text(f"series {key}")
        return None if place is None else memo.blobs.get(place)

    forecaster.carry(request, store=store, fetch=fetch, skus=skus)


def _history(job: Mapping[str, Any], kernel: Kernel, order: Any) -> tuple[Any, Any]:
    """Return the forecast request of an order and the forecaster it goes to; none where policy stops it."""
    from dyocense_cli import wiring
    from dyocense_cli.runner.pipeline import FORECAST

    held = kernel.run(order, FORECAST, until="ask_forecast").held.get("forecast_request")
    if held is None:
        return None, None
    return held.value, wiring.kept_forecaster(settings_of(job, job["folder"]), held.value.model)


def shard(job: Mapping[str, Any], watcher: Watcher) -> tuple[dict[str, Any], dict[str, float]]:
    """Forecast one part's SKUs into the tenant's cache, a few at a time, so that a killed part loses a few at most."""
    body = job["body"]
    skus = body["part"]["skus"]
    whole = {**job, "body": body["body"]}
    kernel, order = order_of(whole, watcher) if body["kind"] == "plan" else _scenario_order(whole, watcher)
    begin = time.process_time()
    request, forecaster = _history(job, kernel, order)
    only = resolve("kernel.forecast.parts:only")
    done = 0
    for i in range(0, len(skus) if request is not None else 0, _AT_ONCE):
        left = forecaster.missing(only(request, tuple(skus[i : i + _AT_ONCE])))
        if left:
            forecaster.forecast(only(request, left))
            done += len(left)
    if request is not None and job.get("shelve"):
        _carry(kernel.memo, forecaster, request, skus)
        watcher.ended(f"part-{job['run_id'][-12:]}", "run", time.process_time() - begin)
    return {"skus": len(skus), "forecast": done}, {"shard_s": time.process_time() - begin}


def _scenarios(kernel: Kernel, order: Any, skus: list[str], watcher: Watcher) -> tuple[dict[str, Any], dict[str, float]]:
    from dyocense_cli.runner.pipeline import FORECAST

    execution = kernel.run(order, FORECAST)
    held = execution.held.get("scenario_set")
    if held is None:
        raise denied(execution)
    document = resolve("kernel.scenarios.shape:scenario_json")(held.value)
    return together(split(document), skus), figures_of(execution, watcher)


def _scenario_order(job: Mapping[str, Any], watcher: Watcher) -> tuple[Kernel, Any]:
    """Return the kernel and the order of a goal that has nothing but a horizon to forecast."""
    body = dict(job["body"])
    if not body.get("context") and not body.get("context_ref"):
        raise InputError(
            "DY2002", "a forecast needs `context` or `context_ref`: the histories come from there", hints="context_ref: fixtures/grocery"
        )
    goal = {
        "dsl": "goal/v1",
        "id": "forecast",
        "model": "replenishment",
        "context": "context.yaml",
        "horizon": {"periods": body["horizon"], "every": "week"},
        "forecast": {"model": body.get("model", "auto"), "num_scenarios": body["num_scenarios"], "seed": body.get("seed", 424242)},
        "objective": {"cost": 1.0},
    }
    return order_of({**job, "body": {"goal_dsl": goal, "context": body.get("context"), "context_ref": body.get("context_ref")}}, watcher)


def forecasts(job: Mapping[str, Any], watcher: Watcher) -> tuple[dict[str, Any], dict[str, float]]:
    """Answer several requests; their series are forecast in one pass, after which each finds its own in the tenant's cache."""
    from dyocense_cli.runner.pipeline import FORECAST

    orders: dict[str, tuple[Kernel, Any]] = {}
    histories: list[Any] = []
    answers: dict[str, Any] = {}

    def each(answer: Callable[[Mapping[str, Any]], None]) -> None:
        for request in job["body"]["requests"]:
            if request["run_id"] in answers:
                continue
            try:
                answer(request)
            except DyocenseError as error:
                answers[request["run_id"]] = {"problem": {**describe(error), "status": error.http_status}}

    def ask(request: Mapping[str, Any]) -> None:
        folder = Path(job["folder"]) / request["run_id"]
        folder.mkdir()
        kernel, order = orders[request["run_id"]] = _scenario_order({**job, **request, "folder": str(folder)}, watcher)
        held = kernel.run(order, FORECAST, until="ask_forecast").held.get("forecast_request")
        histories.extend([] if held is None else [held.value])

    def draw(request: Mapping[str, Any]) -> None:
        result, figures = _scenarios(*orders[request["run_id"]], request["body"]["skus"], watcher)
        answers[request["run_id"]] = {"result": finite(result), "figures": figures}

    each(ask)
    _in_one_pass(histories, settings_of(job, job["folder"]))
    each(draw)
    return {"answers": answers}, {}


def _in_one_pass(requests: list[Any], settings: Settings) -> None:
    """Forecast every series of several requests at once, into the tenant's cache."""
    from dyocense_cli import wiring

    for model in sorted({request.model for request in requests}):
        forecaster = wiring.kept_forecaster(settings, model)
        mine = [request for request in requests if request.model == model]
        for united in resolve("kernel.forecast.unite:unite")(mine, forecaster.name, most=forecaster.most):
            forecaster.forecast(united)
