"""Forecasts by the statsmodels library: ETS without regressors, SARIMAX with price, promotion, holidays or any other column."""

from __future__ import annotations

import importlib.metadata
from typing import ClassVar, Final

import numpy as np
import pandas as pd
from statsmodels.tsa.exponential_smoothing.ets import ETSModel
from statsmodels.tsa.statespace.sarimax import SARIMAX

from dyocense_cli.adapters.forecaster.library import Answer, forecast_by_series, normal_grid
from dyocense_cli.artifacts.forecast import ForecastSet
from dyocense_cli.artifacts.request import ForecastRequest
from dyocense_cli.errors import InputError
from dyocense_cli.kernel.forecast.series import Batch

__all__ = ["StatsmodelsForecaster"]

_MODELS: Final = ("ETS", "SARIMAX")


class StatsmodelsForecaster:
    """`model` is ``auto`` (SARIMAX with regressors, ETS without) or ``statsmodels:ETS``, ``statsmodels:SARIMAX``."""

    name: ClassVar[str] = "statsmodels"
    features: ClassVar[frozenset[str]] = frozenset({"auto", "joint", "regressors"})
    by_series: ClassVar[bool] = True

    def version(self) -> str:
        """Return the library's version."""
        return importlib.metadata.version("statsmodels")

    def forecast(self, request: ForecastRequest) -> ForecastSet:
        """Forecast every (sku, location) of the request.

        A regressor's values in the horizon are the history's rows dated there; where there are none, its last value holds.

        Raises
        ------
        InputError
            DY2504 for a regressor that is no column of the history, DY2506 for a model that is not offered or takes no regressors.
        """
        word = request.model.partition(":")[2] if request.model.startswith("statsmodels") else request.model
        if word in ("", "auto"):
            word = "SARIMAX" if request.regressors else "ETS"
        if word not in _MODELS or (word == "ETS" and request.regressors):
            raise InputError(
                "DY2506",
                f"statsmodels offers no model `{word}` here" + (" with regressors" if request.regressors else ""),
                hints="use auto, " + ", ".join(_MODELS),
            )
        run = _ets if word == "ETS" else _sarimax
        return forecast_by_series(
            request, run, config={"model": request.model, "every": request.every, "forecaster": self.name, "version": self.version()}
        )


def _season(batch: Batch, y: np.ndarray) -> int:
    return batch.season if 1 < batch.season <= 24 and len(y) > 2 * batch.season else 1


def _ets(batch: Batch, _i: int, y: np.ndarray) -> Answer:
    season = _season(batch, y)
    model = ETSModel(
        pd.Series(y),
        error="add",
        trend="add",
        damped_trend=True,
        seasonal="add" if season > 1 else None,
        seasonal_periods=season if season > 1 else None,
    )
    fit = model.fit(disp=False)
    frame = fit.get_prediction(start=len(y), end=len(y) + batch.h - 1).summary_frame(alpha=0.1)
    mean = np.asarray(frame["mean"], dtype=np.float64)
    sd = (np.asarray(frame["pi_upper"], dtype=np.float64) - mean) / 1.6448536269514722
    return Answer(normal_grid(mean, sd), np.asarray(fit.fittedvalues, dtype=np.float64), "ETS(A,Ad,A)" if season > 1 else "ETS(A,Ad,N)")


def _sarimax(batch: Batch, i: int, y: np.ndarray) -> Answer:
    past, future, used = _regressors(batch, i, len(y))
    season = _season(batch, y)
    model = SARIMAX(
        y,
        exog=past,
        order=(1, 0, 1),
        seasonal_order=(1, 0, 0, season) if season > 1 else (0, 0, 0, 0),
        trend="c",
        enforce_stationarity=False,
        enforce_invertibility=False,
    )
    fit = model.fit(disp=False, maxiter=100)
    ahead = fit.get_forecast(batch.h, exog=future)
    mean, sd = np.asarray(ahead.predicted_mean, dtype=np.float64), np.asarray(ahead.se_mean, dtype=np.float64)
    effects = "".join(f", {name} {fit.params[k + 1]:+.3g} per standard deviation" for k, name in enumerate(used))
    return Answer(normal_grid(mean, sd), np.asarray(fit.fittedvalues, dtype=np.float64), f"SARIMAX(1,0,1){effects}")


def _regressors(batch: Batch, i: int, length: int) -> tuple[np.ndarray | None, np.ndarray | None, list[str]]:
    """Return standardised regressors of the history and of the horizon; those that never change are left out."""
    columns, used = [], []
    for name, values in batch.regressors.items():
        column = values[len(values) - batch.h - length :, i].copy()
        known = np.flatnonzero(~np.isnan(column))
        if len(known) == 0:
            continue
        held = known[np.clip(np.searchsorted(known, np.arange(len(column)), side="right") - 1, 0, None)]
        column = column[held]
        spread = float(column[:length].std())
        if spread > 0:
            columns.append((column - column[:length].mean()) / spread)
            used.append(name)
    if not columns:
        return None, None, []
    table = np.stack(columns, axis=1)
    return table[:length], table[length:], used
