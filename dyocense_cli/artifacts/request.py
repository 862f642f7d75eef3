"""What is asked of the forecaster and the sampler: only the part of goal and context that they use, so that nothing else re-runs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from dyocense_cli.artifacts.context import Table
from dyocense_cli.artifacts.forecast import ScenarioTable
from dyocense_cli.artifacts.goal import ReduceOptions

__all__ = ["ForecastRequest", "SampleRequest"]


@dataclass(frozen=True, slots=True)
class ForecastRequest:
    """Histories to forecast: `tables` holds ``history`` (sku, location, date, quantity, and regressors), ``skus`` (sku, category)
    and, where the context has it, what tells stock-outs from zero demand (``history.on_hand`` or ``history.stocked_out``)."""

    kind: ClassVar[str] = "forecast_request"
    schema_version: ClassVar[int] = 1

    tables: Mapping[str, Table]
    skus: tuple[str, ...]
    locations: tuple[str, ...]
    periods: tuple[str, ...]
    period_starts: tuple[str, ...]
    every: str
    model: str
    regressors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """How many joint paths, from which seed, reduced how; lead times from ``deliveries`` or the suppliers' own figures."""

    kind: ClassVar[str] = "sample_request"
    schema_version: ClassVar[int] = 1

    num_scenarios: int
    pool: int
    fresh: int
    seed: int
    reduce: ReduceOptions | None
    tables: Mapping[str, Table]  # deliveries, suppliers (supplier, lead_days, lead_sd)
    period_days: float
    periods: tuple[str, ...]
    #: scenario tables that the context states itself; then nothing is forecast
    stated: Mapping[str, ScenarioTable] = field(default_factory=dict)
    stated_probability: tuple[float, ...] = ()
