"""Scenarios in a file that a user gives: the published shape of `scenarios.json`, read back and checked."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import numpy as np

from dyocense_cli.artifacts.forecast import ScenarioSet, ScenarioTable
from dyocense_cli.errors import InputError, Span
from dyocense_cli.kernel.scenarios.stats import count_distinct, demand_stats

__all__ = ["read_scenarios"]

_KEY: Final = re.compile(r"^(?:(?P<sku>.+?)(?:@(?P<location>[^:@]+))?:)?(?P<period>[^:]+)$")


def read_scenarios(text: str, *, file: str, periods: tuple[str, ...]) -> ScenarioSet:
    """Return the scenario set of a JSON document in the shape of `scenarios.json`.

    Every scenario gives a demand for every SKU (and location) and every period of `periods`, keyed ``SKU:t1``, ``SKU@LOC:t1``, or ``t1``
    when `skus` names one SKU; `probability` may be left out (equal); `lead_time_days_by_supplier` likewise.

    Raises
    ------
    InputError
        DY2512 for a document of another shape, a missing or negative demand, or probabilities that do not sum to 1 within 1e-9.
    """
    entries, skus = _entries(text, file)
    found = [_keyed(entry["demand"], skus, file) for entry in entries]
    pairs = sorted({(sku, loc) for one in found for sku, loc, _ in one})
    names, places = tuple(sorted({s for s, _ in pairs})), tuple(sorted({loc for _, loc in pairs}))
    demand = np.zeros((len(names), len(places), len(periods), len(entries)))
    for s, one in enumerate(found):
        for sku, loc in pairs:
            for t, period in enumerate(periods):
                value = one.get((sku, loc, period))
                if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value < float("inf"):
                    raise _fault(
                        file,
                        f"scenario {entries[s].get('id', s)} has no demand ≥ 0 for {sku} in {period}",
                        "give every scenario a demand for every SKU and period of the horizon",
                    )
                demand[names.index(sku), places.index(loc), t, s] = value
    extra = sorted({p for one in found for _, _, p in one} - set(periods))
    if extra:
        raise _fault(file, f"period `{extra[0]}` is not in the horizon {periods[0]} … {periods[-1]}", "give the goal's periods, no more")
    p = _probability(entries, file)
    tables = {
        "demand": ScenarioTable(("sku", "location", "period", "scenario"), {"sku": names, "location": places, "period": periods}, demand)
    }
    lead = _leads(entries, file)
    if lead is not None:
        tables["lead_days"] = lead
    return ScenarioSet(
        periods,
        tuple(int(e.get("id", k)) for k, e in enumerate(entries)),
        p,
        tables,
        stats=demand_stats(demand, p, names, places),
        distinct=count_distinct({k: t.values for k, t in tables.items()}),
        source="table",
    )


def _fault(file: str, message: str, hint: str, *, line: int = 1, column: int = 1) -> InputError:
    return InputError("DY2512", message, where=Span(file, line, column), hints=hint)


def _entries(text: str, file: str) -> tuple[list[dict[str, Any]], list[str]]:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise _fault(
            file,
            f"the scenario file is no JSON: {error.msg}",
            "see scenarios.json of any run for the shape",
            line=error.lineno,
            column=error.colno,
        ) from error
    entries = document.get("scenarios") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not entries or not all(isinstance(e, dict) and isinstance(e.get("demand"), dict) for e in entries):
        raise _fault(file, "the scenario file has no `scenarios`, each with a map `demand`", "see scenarios.json of any run for the shape")
    skus = document.get("skus")
    return entries, [str(s) for s in skus] if isinstance(skus, list) else []


def _keyed(demand: dict[str, Any], skus: list[str], file: str) -> dict[tuple[str, str, str], Any]:
    out = {}
    for key, value in demand.items():
        match = _KEY.match(key)
        sku = match["sku"] if match and match["sku"] else skus[0] if len(skus) == 1 else None
        if match is None or sku is None:
            raise _fault(file, f"demand key `{key}` names no SKU", "write keys as SKU:t1, or name one SKU under `skus`")
        out[sku, match["location"] or "main", match["period"]] = value
    return out


def _probability(entries: list[dict[str, Any]], file: str) -> np.ndarray:
    given = [e.get("probability") for e in entries]
    if all(g is None for g in given):
        return np.full(len(entries), 1.0 / len(entries))
    if not all(isinstance(g, (int, float)) and not isinstance(g, bool) and g >= 0 for g in given):
        raise _fault(file, "some scenarios have no probability ≥ 0", "give every scenario a probability, or none")
    p = np.array(given, dtype=np.float64)
    if abs(float(p.sum()) - 1) > 1e-9:
        raise _fault(
            file, f"scenario probabilities sum to {float(p.sum()):.12g}, not 1", "make them sum to 1 within 1e-9, or leave them out"
        )
    return p


def _leads(entries: list[dict[str, Any]], file: str) -> ScenarioTable | None:
    given = [e.get("lead_time_days_by_supplier") for e in entries]
    if not any(given):
        return None
    suppliers = tuple(sorted({s for g in given if isinstance(g, dict) for s in g}))
    days = np.array([[g.get(s, np.nan) if isinstance(g, dict) else np.nan for g in given] for s in suppliers], dtype=np.float64)
    if not (days >= 0).all():
        raise _fault(file, "a scenario has no lead time ≥ 0 for a supplier that others name", "give every scenario every supplier's days")
    return ScenarioTable(("supplier", "scenario"), {"supplier": suppliers}, days, "day")
