"""What the forecaster and the sampler are asked: only what they use, so that a new price re-runs neither."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dyocense_cli.artifacts.context import Context, Table
from dyocense_cli.artifacts.goal import Goal
from dyocense_cli.artifacts.request import ForecastRequest, SampleRequest
from dyocense_cli.kernel.context.stated import stated_probability, stated_tables

__all__ = ["forecast_request", "sample_request"]

_HISTORY = ("sku", "location", "date", "quantity", "on_hand", "stocked_out")


def _pick(table: Table, names: Iterable[str]) -> Table:
    return Table({name: table.columns[name] for name in names if name in table.columns}, table.n_rows, table.rows, table.file)


def _labels(context: Context, table: str, column: str) -> tuple[str, ...]:
    found = context.tables[table].columns.get(column) if table in context.tables else None
    return tuple(found.labels or ()) if found is not None else ()


def _named(context: Context, column: str, home: str, others: tuple[str, ...]) -> tuple[str, ...]:
    """Return the labels of `home`, or where it is missing those that the other tables use."""
    listed = _labels(context, home, column)
    return listed or tuple(sorted({label for table in others for label in _labels(context, table, column)}))


def forecast_request(goal: Goal, context: Context) -> ForecastRequest:
    """Return the histories to forecast, on the goal's calendar; no SKUs where the context states the scenarios itself."""
    stated = context.scenarios_table is not None
    skus = () if stated or "history" not in context.tables else _named(context, "sku", "skus", ("offers", "history"))
    locations = _named(context, "location", "locations", ("stock", "offers", "history")) or ("main",)
    tables: dict[str, Table] = {}
    if skus:
        tables["history"] = _pick(context.tables["history"], (*_HISTORY, *goal.forecast.regressors))
        if "skus" in context.tables:
            tables["skus"] = _pick(context.tables["skus"], ("sku", "category"))
    return ForecastRequest(
        tables=tables,
        skus=skus,
        locations=locations,
        periods=context.periods,
        period_starts=context.period_starts,
        every=goal.horizon.every,
        model=goal.forecast.model,
        regressors=goal.forecast.regressors,
    )


def sample_request(goal: Goal, context: Context) -> SampleRequest:
    """Return how many joint paths to draw and from what; or the scenarios that the context states.

    Raises
    ------
    InputError
        DY2312 if stated scenarios do not fit together.
    """
    stated = stated_tables(context)
    tables: dict[str, Table] = {}
    wanted: Mapping[str, tuple[str, ...]] = {
        "deliveries": ("supplier", "ordered_on", "received_on"),
        "suppliers": ("supplier", "lead_days", "lead_sd"),
    }
    for name, columns in wanted.items():
        if name in context.tables and not stated:
            tables[name] = _pick(context.tables[name], columns)
    options = goal.forecast
    return SampleRequest(
        num_scenarios=options.num_scenarios,
        pool=options.pool,
        fresh=options.fresh,
        seed=options.seed,
        reduce=options.reduce,
        tables=tables,
        period_days=context.period_days,
        periods=context.periods,
        stated=stated,
        stated_probability=stated_probability(context) if stated else (),
    )
