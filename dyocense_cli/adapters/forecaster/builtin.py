"""The forecaster that needs nothing but NumPy."""

from __future__ import annotations

from typing import ClassVar

from dyocense_cli.artifacts.forecast import ForecastSet
from dyocense_cli.artifacts.request import ForecastRequest
from dyocense_cli.kernel.forecast.fit import forecast_request

__all__ = ["BuiltinForecaster"]


class BuiltinForecaster:
    """Calls `kernel.forecast`; holds no state."""

    name: ClassVar[str] = "builtin"
    features: ClassVar[frozenset[str]] = frozenset({"auto", "joint", "hierarchy"})

    def forecast(self, request: ForecastRequest) -> ForecastSet:
        """Forecast every (sku, location) of the request."""
        return forecast_request(request)
