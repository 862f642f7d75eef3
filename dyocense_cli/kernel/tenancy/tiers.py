"""Tiers: what a tenant may do at once, how long and how much, with overrides per tenant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Final

from dyocense_cli.defaults import DEFAULTS
from dyocense_cli.errors import UsageError

__all__ = ["TIERS", "Tier", "tier"]

NAMES: Final = ("free", "standard", "pro", "enterprise")


@dataclass(frozen=True, slots=True)
class Tier:
    """Limits of one tenant; budgets are per calendar month (UTC)."""

    name: str
    weight: float
    scenarios: int
    time_limit_s: float
    parallel_solves: int
    requests_per_min: int
    budget_solver_s: float
    budget_gpu_s: float
    budget_llm_tokens: float
    memory_mb: int

    def budgets(self) -> dict[str, float]:
        """Return the monthly budgets by their name in the ledger."""
        return {"solver_sec": self.budget_solver_s, "gpu_sec": self.budget_gpu_s, "llm_tokens": self.budget_llm_tokens}


def _number(name: str, field: str) -> float:
    value = DEFAULTS[f"tier.{name}.{field}"].value
    assert isinstance(value, (int, float)), field
    return value


def _default(name: str) -> Tier:
    values = {f.name: _number(name, f.name) for f in fields(Tier) if f.name != "name"}
    return Tier(
        name=name,
        weight=values["weight"],
        scenarios=int(values["scenarios"]),
        time_limit_s=values["time_limit_s"],
        parallel_solves=int(values["parallel_solves"]),
        requests_per_min=int(values["requests_per_min"]),
        budget_solver_s=values["budget_solver_s"],
        budget_gpu_s=values["budget_gpu_s"],
        budget_llm_tokens=values["budget_llm_tokens"],
        memory_mb=int(values["memory_mb"]),
    )


#: The four tiers as shipped; the numbers stand in `defaults`.
TIERS: Final[Mapping[str, Tier]] = {name: _default(name) for name in NAMES}


def tier(name: str, overrides: Mapping[str, float] | None = None) -> Tier:
    """Return a tier, with a tenant's own numbers in place of the tier's.

    Raises
    ------
    UsageError
        DY3103 for an unknown tier, an unknown field or a number that is not positive (budgets may be 0).
    """
    if name not in TIERS:
        raise UsageError("DY3103", f"no tier is named `{name}`", hints="use one of " + ", ".join(NAMES))
    base = TIERS[name]
    values: dict[str, float] = {}
    for field, value in sorted((overrides or {}).items()):
        if field == "name" or field not in {f.name for f in fields(Tier)}:
            raise UsageError("DY3103", f"a tier has no limit `{field}`", hints="use one of " + ", ".join(f.name for f in fields(Tier)[1:]))
        if value < 0 or (value == 0 and not field.startswith("budget_")):
            raise UsageError("DY3103", f"tier limit `{field}` is {value:g}; it must be positive")
        values[field] = int(value) if isinstance(getattr(base, field), int) else float(value)
    return replace(base, **values)  # type: ignore[arg-type]  # names and types were checked above
