"""Forecasts and scenario sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

__all__ = ["ForecastSet", "ScenarioSet", "ScenarioTable", "SeriesReport"]


@dataclass(frozen=True, slots=True)
class SeriesReport:
    """What was found in one history before fitting and what was chosen; `quality` is ``good`` or ``poor``."""

    method: str
    why: str
    demand_class: str  # smooth | erratic | intermittent | lumpy | none
    quality: str
    reason: str = ""  # why the quality is poor
    length: int = 0
    gaps: int = 0
    stockouts: int = 0
    outliers: int = 0
    notes: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ForecastSet:
    """Forecast of every series, and all that sampling joint paths needs.

    Series are (sku, location) pairs in sorted order. `mean` has shape (n_series, h), `quantiles` (n_series, n_levels, h), in units
    of the series. `state` holds the arrays that `kernel.scenarios` samples from, whoever made the forecast:

    - ``z`` float64 (K,): evenly spaced normal levels; ``grid`` float32 (n, h, K): the quantiles of each marginal at Φ(z); whole-number
      variables N are given as N + U - 1/2, so that rounding gives N back.
    - ``integer`` bool (n,): paths are whole numbers.
    - ``scores`` int16 (n, T): normal scores of one-step residuals times 64, by date, 0 where there is none; ``dates`` int32 (T,): days
      since 1970.
    - ``common`` float32 (n,): the part of the variance, 0 to 1, that shocks by date explain; ``memory`` float32 (n,): how much of a
      shock persists to later periods.
    """

    kind: ClassVar[str] = "forecast_set"
    schema_version: ClassVar[int] = 1

    skus: tuple[str, ...]
    locations: tuple[str, ...]
    h: int
    levels: tuple[float, ...]
    mean: np.ndarray
    quantiles: np.ndarray
    reports: tuple[SeriesReport, ...]
    state: Mapping[str, np.ndarray]
    suppliers: tuple[str, ...] = ()
    lead_state: Mapping[str, np.ndarray] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)  # pooled backtest scores
    warnings: tuple[str, ...] = ()
    config: Mapping[str, str | float | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScenarioTable:
    """Values per scenario: `values` has the shape of `dims`, the last of which is ``scenario``; `labels` per other dim."""

    dims: tuple[str, ...]
    labels: Mapping[str, tuple[str, ...]]
    values: np.ndarray
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class ScenarioSet:
    """Joint futures of demand and lead times with probabilities that sum to 1.

    `tables` holds at least ``demand`` (sku, location, period, scenario; location is ``main`` when the context names none) and
    ``lead_days`` (supplier, scenario) when they were forecast; tables that a context states itself have its names.
    `full` is the set before reduction, `fresh` an independent draw for out-of-sample stress; both None when there is nothing to compare.
    """

    kind: ClassVar[str] = "scenario_set"
    schema_version: ClassVar[int] = 1

    periods: tuple[str, ...]
    scenario_ids: tuple[int, ...]
    probability: np.ndarray  # float64[n_scenarios]
    tables: Mapping[str, ScenarioTable]
    stats: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # per sku: mean sigma p95 total_mean total_sigma total_p95
    quality: Mapping[str, str] = field(default_factory=dict)  # sku -> poor (good ones are absent)
    reasons: Mapping[str, str] = field(default_factory=dict)
    distinct: int = 0
    reduction: Mapping[str, float | str] = field(default_factory=dict)  # method, from, to, error figures
    seed: int = 0
    source: str = "forecast"  # forecast | table | none
    full: ScenarioSet | None = None
    fresh: ScenarioSet | None = None
