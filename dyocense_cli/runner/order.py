"""What is asked of the runner, and what it knows about itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dyocense_cli.artifacts.evidence import evidence_ref
from dyocense_cli.artifacts.policy import Principal

if TYPE_CHECKING:
    import numpy as np

__all__ = ["House", "Order", "of_goal", "of_tables"]

#: First names of ``--set`` keys that mean cells of tables, not fields of the goal.
CELLS: Final = frozenset({"sku", "supplier", "vendor", "location", "category", "region", "tables"})


def of_goal(overrides: Mapping[str, str]) -> dict[str, str]:
    """Return the overrides that are about the goal, sorted."""
    return {k: v for k, v in sorted(overrides.items()) if k.partition(".")[0] not in CELLS}


def of_tables(overrides: Mapping[str, str]) -> dict[str, str]:
    """Return the overrides that are about cells of the context's tables (``supplier.V2.price=+15%``), sorted."""
    return {k: v for k, v in sorted(overrides.items()) if k.partition(".")[0] in CELLS}


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked: a goal file, its overrides and how to run it."""

    goal: str
    overrides: Mapping[str, str] = field(default_factory=dict)
    context: str | None = None
    use_cache: bool = True
    keep: bool = True  # false: what is made beside the stages (forecasts by SKU) is not kept either
    draft_reason: str = ""
    compile_policy: bool = True
    as_of: str = ""
    command: str = "plan"
    warnings: tuple[str, ...] = ()
    warm_from: str | None = None
    freeze: int | None = None
    max_churn: float | None = None
    run_id: str = ""  # under which the run is stored, once however often it is asked for; empty: a new one


@dataclass(frozen=True, slots=True)
class House:
    """The program and its settings: version, who asks, the clock, what may be shown, and a writer of Parquet."""

    version: str
    principal: Principal
    now: Callable[[], str]
    shown_settings: Mapping[str, str]
    settings_sha: str
    parquet: Callable[[Mapping[str, np.ndarray]], bytes]
    #: file of the key that signs manifests; empty leaves them unsigned
    signing_key: str = ""

    def evidence_ref(self, fingerprint: str) -> str:
        """Return where a run's evidence is, or will be once `evidence write` has run: the configured graph, else the embedded one."""
        graph = self.shown_settings.get("graph", "")
        return evidence_ref(graph if graph not in ("", "none") else "ladybug", fingerprint)
