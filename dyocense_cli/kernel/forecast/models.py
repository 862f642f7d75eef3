"""The names that `forecast.model` takes for the built-in forecaster."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Final

from dyocense_cli.errors import InputError
from dyocense_cli.kernel.forecast.smooth import CANDIDATES, Candidate

__all__ = ["MODELS", "Model", "model_of"]


@dataclass(frozen=True, slots=True)
class Model:
    """What competes under a name: candidates, seasons, whether all demand is counts, whether sums are reconciled."""

    title: str
    candidates: tuple[Candidate, ...] = CANDIDATES
    with_season: bool = True
    as_counts: bool = False
    reconcile: bool = False


_LEVELS: Final = tuple(c for c in CANDIDATES if not c.trend)

MODELS: Final[dict[str, Model]] = {
    "auto": Model("mixture of all candidates by rolling-origin error, seasons where found, counts where sales are rare"),
    "hierarchy": Model("auto, reconciled with forecasts of categories, locations and the total", reconcile=True),
    "ses": Model("simple exponential smoothing, no season", _LEVELS, with_season=False),
    "trend": Model("damped trends, no season", tuple(c for c in CANDIDATES if c.trend), with_season=False),
    "seasonal": Model("simple exponential smoothing of de-seasonalised demand", _LEVELS),
    "count": Model("negative binomial around a slow average", as_counts=True),
    "naive": Model("the last value", (Candidate("last value", 1.0),), with_season=False),
}


def model_of(name: str) -> Model:
    """Return the model of a name.

    Raises
    ------
    InputError
        DY2506 for a name that is not known.
    """
    word = name.partition(":")[2] if name.startswith("builtin:") else name
    if word in MODELS:
        return MODELS[word]
    near = difflib.get_close_matches(word, MODELS, 1)
    raise InputError(
        "DY2506",
        f"no forecast model is named `{name}`" + (f"; did you mean `{near[0]}`?" if near else ""),
        hints="use one of " + ", ".join(MODELS) + ", statsforecast or statsmodels",
    )
