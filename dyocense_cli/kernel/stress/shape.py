"""The public form of a stress report: `stress.json`."""

from __future__ import annotations

from dyocense_cli.artifacts.codec import Json
from dyocense_cli.artifacts.plan import StressReport

__all__ = ["stress_json"]


def stress_json(report: StressReport) -> dict[str, Json]:
    """Return `stress.json`: figures per set, costs and services per scenario, shocks, what uncertainty cost."""
    return {
        "sets": {name: dict(figures) for name, figures in report.sets.items()},
        "costs": {name: list(costs) for name, costs in report.costs.items()},
        "services": {name: list(services) for name, services in report.services.items()},
        "stockout_probability": dict(report.stockout_probability),
        "vss": report.vss,
        "evpi": report.evpi,
        "evpi_interval": None if report.evpi_interval is None else list(report.evpi_interval),
        "gap_interval": None if report.gap_interval is None else list(report.gap_interval),
        "shocks": {name: dict(figures) for name, figures in report.shocks.items()},
        "notes": list(report.notes),
    }
