"""The data report of each series: what was found before fitting, what was chosen and why."""

from __future__ import annotations

import numpy as np

from dyocense_cli.artifacts.forecast import SeriesReport
from dyocense_cli.kernel.forecast.classes import demand_classes, outliers
from dyocense_cli.kernel.forecast.series import Batch

__all__ = ["QUANTILE_LEVELS", "pooled_rmse", "series_reports"]

#: levels of `ForecastSet.quantiles`
QUANTILE_LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)


def series_reports(
    batch: Batch, *, reasons: tuple[str, ...], methods: tuple[str, ...], whys: tuple[str, ...], scores: np.ndarray, rmse: np.ndarray
) -> tuple[SeriesReport, ...]:
    """Return a report per series; `scores` (T, n) are standardised one-step errors, `rmse` (n,) their root mean square in units."""
    classes = demand_classes(batch.y)
    length = (~np.isnan(batch.y)).sum(axis=0).tolist()
    unusual = outliers(scores).tolist()
    return tuple(
        SeriesReport(
            methods[i],
            whys[i],
            classes[i],
            "poor" if reasons[i] else "good",
            reasons[i],
            length[i],
            int(batch.gaps[i]),
            int(batch.stockouts[i]),
            unusual[i],
            _notes(batch, i),
            {"rmse": round(float(rmse[i]), 9)} if not reasons[i] and not batch.absent[i] else {},
        )
        for i in range(batch.n)
    )


def pooled_rmse(reports: tuple[SeriesReport, ...]) -> float:
    """Return the root mean square of the series' one-step errors, the metric `forecast_rmse`; 0 if none is good."""
    squares = [r.scores["rmse"] ** 2 for r in reports if "rmse" in r.scores]
    return round((sum(squares) / len(squares)) ** 0.5, 9) if squares else 0.0


def _notes(batch: Batch, i: int) -> tuple[str, ...]:
    found = (
        (batch.grain[i], "rows as close as {} days are added up to periods"),
        (batch.duplicates[i], "{} rows of a day that has another row; their quantities are added"),
        (batch.negatives[i], "{} periods with negative demand count as zero"),
        (batch.gaps[i] if not batch.listed[i] else 0, "{} periods without a row hold no data"),
        (batch.gaps[i] if batch.listed[i] else 0, "no zero is recorded: {} periods without a row count as zero"),
        (batch.stockouts[i], "{} periods out of stock, or with a zero while stock was unknown, hold no or partial data"),
        (batch.ignored[i], "{} rows dated in or after the horizon are left out"),
    )
    return tuple(text.format(int(count)) for count, text in found if count)
