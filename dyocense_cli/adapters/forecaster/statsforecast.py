"""Forecasts by the statsforecast library: AutoETS, DynamicOptimizedTheta, CES, AutoARIMA, the Croston family."""

from __future__ import annotations

import importlib.metadata
from typing import ClassVar, Final

import numpy as np
import statsforecast.models as sf

from dyocense_cli.adapters.forecaster.library import Answer, forecast_by_series, from_variance, refuse_regressors
from dyocense_cli.artifacts.forecast import ForecastSet
from dyocense_cli.artifacts.request import ForecastRequest
from dyocense_cli.errors import InputError
from dyocense_cli.kernel.forecast.series import Batch
from dyocense_cli.kernel.forecast.shapes import LEVELS, Z

__all__ = ["StatsforecastForecaster"]

_BANDS: Final = (10, 30, 50, 70, 80, 90, 95, 98)
_SEASONAL: Final = ("AutoETS", "DynamicOptimizedTheta", "AutoCES", "AutoARIMA")
_COUNTS: Final = ("CrostonClassic", "CrostonOptimized", "CrostonSBA", "ADIDA", "IMAPA")
#: equal weights of these three are hard to beat (forecast spec, measured)
_AUTO: Final = ("AutoETS", "DynamicOptimizedTheta", "AutoCES")


class StatsforecastForecaster:
    """`model` is ``auto`` (the mean of three methods' quantiles) or ``statsforecast:<Model>``."""

    name: ClassVar[str] = "statsforecast"
    features: ClassVar[frozenset[str]] = frozenset({"auto", "joint"})
    by_series: ClassVar[bool] = True

    def version(self) -> str:
        """Return the library's version."""
        return importlib.metadata.version("statsforecast")

    def forecast(self, request: ForecastRequest) -> ForecastSet:
        """Forecast every (sku, location) of the request.

        Raises
        ------
        InputError
            DY2506 for a model that is not offered.
        UnsupportedError
            DY4601 if regressors are asked for.
        """
        refuse_regressors(self.name, request)
        names = _models(request.model)
        return forecast_by_series(
            request,
            lambda batch, i, y: _run(names, batch, i, y),
            config={"model": request.model, "every": request.every, "forecaster": self.name, "version": self.version()},
        )


def _models(model: str) -> tuple[str, ...]:
    word = model.partition(":")[2] if model.startswith("statsforecast") else model
    if word in ("", "auto"):
        return _AUTO
    if word in _SEASONAL + _COUNTS:
        return (word,)
    raise InputError("DY2506", f"statsforecast offers no model `{word}` here", hints="use auto, " + ", ".join(_SEASONAL + _COUNTS))


def _run(names: tuple[str, ...], batch: Batch, i: int, y: np.ndarray) -> Answer:
    season = batch.season if 1 < batch.season <= 24 and len(y) > 2 * batch.season else 1
    answers = [_one(name, y, batch.h, season=season, whole=bool(batch.integer[i])) for name in names]
    return Answer(
        sum((a.grid for a in answers), np.zeros_like(answers[0].grid)) / len(answers),
        sum((a.fitted for a in answers), np.zeros_like(y)) / len(answers),
        " + ".join(names),
        "equal weights: no single one of the three is better on series it was not chosen for" if names == _AUTO else "named by the goal",
    )


def _one(name: str, y: np.ndarray, h: int, *, season: int, whole: bool) -> Answer:
    if name in _COUNTS:
        found = getattr(sf, name)().forecast(y, h=h, fitted=True)
        fitted = np.asarray(found["fitted"], dtype=np.float64)
        return Answer(
            from_variance(np.asarray(found["mean"], dtype=np.float64), float(np.nanmean((y - fitted) ** 2)), whole=whole), fitted, name
        )
    found = getattr(sf, name)(season_length=season).forecast(y, h=h, level=list(_BANDS), fitted=True)
    return Answer(_from_bands(found), np.asarray(found["fitted"], dtype=np.float64), name)


def _from_bands(found: dict[str, np.ndarray]) -> np.ndarray:
    """Return quantiles (h, 57) from central intervals, linear in z beyond the outermost."""
    levels = np.array(sorted([0.5 - b / 200 for b in _BANDS] + [0.5 + b / 200 for b in _BANDS]))
    columns = [found[f"lo-{b}"] for b in reversed(_BANDS)] + [found[f"hi-{b}"] for b in _BANDS]
    table = np.sort(np.stack(columns, axis=1).astype(np.float64), axis=1)
    z = np.interp(levels, LEVELS, Z)
    inner = np.stack([np.interp(Z, z, row) for row in table])
    low = np.minimum(Z - z[0], 0.0) * ((table[:, 1] - table[:, 0]) / (z[1] - z[0]))[:, None]
    high = np.maximum(Z - z[-1], 0.0) * ((table[:, -1] - table[:, -2]) / (z[-1] - z[-2]))[:, None]
    return np.asarray(inner + low + high)
