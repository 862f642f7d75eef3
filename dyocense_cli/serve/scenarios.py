"""A scenario document taken apart by SKU and put together again: what is asked of one SKU, and what is kept of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dyocense_cli.errors import InputError

__all__ = ["split", "together"]

#: Members of the document by SKU or series; the rest is the same whatever SKUs are asked.
_BY_SERIES: Final = ("stats", "quality", "reasons")


def split(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what the document says of each SKU: `demand` by scenario and period (or ``@location:period``), `about` it, and `rest`."""
    skus = document["skus"]
    names = set(skus)
    rest = {k: v for k, v in document.items() if k not in ("skus", "scenarios", *_BY_SERIES)}
    rest["scenarios"] = [{k: v for k, v in s.items() if k != "demand"} for s in document["scenarios"]]
    rest |= {m: {k: v for k, v in document.get(m, {}).items() if _sku(k, names) not in names} for m in _BY_SERIES}
    out: dict[str, dict[str, Any]] = {s: {"demand": [], "about": {m: {} for m in _BY_SERIES}, "rest": rest} for s in skus}
    for scenario in document["scenarios"]:
        for entry in out.values():
            entry["demand"].append({})
        for key, value in scenario["demand"].items():
            series, _, period = key.rpartition(":")
            sku = _sku(series, names) if series else skus[0]
            out[sku]["demand"][-1][series.removeprefix(sku) + ":" + period] = value
    for member in _BY_SERIES:
        for key, value in document.get(member, {}).items():
            if (sku := _sku(key, names)) in names:
                out[sku]["about"][member][key] = value
    return out


def _sku(series: str, names: set[str]) -> str:
    return series if series in names else series.rpartition("@")[0]


def together(entries: Mapping[str, Mapping[str, Any]], skus: Sequence[str]) -> dict[str, Any]:
    """Return the document of some SKUs, of all where none is named.

    One SKU without locations has its demand by period, several by ``SKU:period``.

    Raises
    ------
    InputError
        DY2002 for a SKU that is not there.
    """
    unknown = sorted(set(skus) - set(entries))
    if unknown:
        raise InputError("DY2002", f"no SKU is named `{unknown[0]}` in the context", hints="use SKUs of the context's skus table")
    wanted = sorted(set(skus) or entries)
    if not wanted:
        return {}
    rest = entries[wanted[0]]["rest"]
    alone = len(wanted) == 1 and not any(k.startswith("@") for d in entries[wanted[0]]["demand"] for k in d)
    scenarios = []
    for i, scenario in enumerate(rest["scenarios"]):
        demand = {k[1:] if alone else sku + k: v for sku in wanted for k, v in entries[sku]["demand"][i].items()}
        scenarios.append({**scenario, "demand": demand})
    about = {m: rest[m] | {k: v for sku in wanted for k, v in entries[sku]["about"][m].items()} for m in _BY_SERIES}
    return {**rest, **about, "skus": wanted, "scenarios": scenarios}
