"""The files of a run that people and other programs read, made from its artifacts.

Most of them stand before the solve, and are made then: when a signal ends it, little is left to do until the plan is on disk.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from dyocense_cli.artifacts.codec import encode
from dyocense_cli.runner.drafts import draft_of
from dyocense_cli.runner.memo import array_bytes
from dyocense_cli.runner.nouns import resolve
from dyocense_cli.runner.pipeline import PLAN

if TYPE_CHECKING:
    import numpy as np

    from dyocense_cli.artifacts.context import Column
    from dyocense_cli.runner.execute import Execution
    from dyocense_cli.runner.order import House

__all__ = ["explained", "finite", "json_bytes", "make_ready", "model_files", "places", "report_facts", "view_files"]


#: stages that follow the solve however soon the program is to end
_FINISHING: Final = frozenset({"check", "interpret", "evidence"})


def json_bytes(value: Any) -> bytes:
    """Return readable JSON with keys in the order given; NaN and infinity become null."""
    return json.dumps(finite(value), indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def finite(value: Any) -> Any:
    """Return a value as JSON can hold it: NaN and infinity as null, NumPy numbers as plain ones."""
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None  # noqa: PLR0124  # NaN is not itself
    if isinstance(value, Mapping):
        return {str(k): finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(v) for v in value]
    if hasattr(value, "item"):
        return finite(value.item())
    return value


def explained(explanation: Any, verdict: Any) -> Any:
    """Return an explanation with policy's verdict on each suggestion; None where there is none."""
    return None if explanation is None else resolve("kernel.policy.judge:judged")(explanation, verdict)


def places(execution: Execution) -> dict[str, str]:
    """Map source pointers (``goal:/limits/budget``, ``model:/constraints/balance``) to ``file:line:column``."""
    out: dict[str, str] = {}
    for prefix, name in (("goal", "goal"), ("model", "model_spec")):
        held = execution.held.get(name)
        if held is not None:
            out.update({f"{prefix}:{pointer}": str(span) for pointer, span in held.value.spans.items()})
    return out


def view_files(house: House, execution: Execution, *, fingerprint: str, prints: Mapping[str, str], as_of: str) -> dict[str, bytes]:
    """Return every view whose artifacts are there, by file name."""
    files = dict(execution.early if execution.early is not None else _early(house, execution))
    held, where = _values(execution), places(execution)
    files["policy.json"] = json_bytes({n: encode(held[n]).doc["body"] for n in ("admission", "verdict") if n in held})
    if "plan" in held:
        held["plan"] = replace(held["plan"], draft=draft_of(held))
        held["explanation"] = explained(held.get("explanation"), held.get("verdict"))
        files.update(_answers(held, where))
        files["report.html"] = _report(house, held, where, fingerprint=fingerprint, prints=prints, as_of=as_of)
    return files


def make_ready(house: House, execution: Execution) -> None:
    """Make the views that a solve does not change, and load what makes the others."""
    execution.early = _early(house, execution)
    for stage in PLAN:
        if stage.name in _FINISHING and stage.run is not None:
            resolve(stage.run)
    resolve("kernel.plan.shape:solution_json")
    resolve("kernel.report.html:template")()


def _early(house: House, execution: Execution) -> dict[str, bytes]:
    held = _values(execution)
    files = {"goal.json": json_bytes(encode(held["goal"]).doc["body"]), **_context(house, held["context"])}
    if "scenario_set" in held:
        files.update(_scenarios(house, held["scenario_set"]))
    if "optimodel" in held:
        files.update(_model(held["optimodel"], places(execution), house.version, held.get("context")))
    return files


def _values(execution: Execution) -> dict[str, Any]:
    return {name: h.value for name, h in execution.held.items() if name not in ("tables", "text", "start", "earlier")}


def report_facts(
    held: Mapping[str, Any],
    *,
    fingerprint: str,
    prints: Mapping[str, str],
    versions: Mapping[str, str],
    as_of: str,
    evidence_ref: str = "",
    where: Mapping[str, str] | None = None,
) -> Any:
    """Return what a report is made from."""
    solution = held.get("solution")
    values = {}
    if solution is not None and solution.x is not None:
        values = resolve("optimodel.evaluate:split_columns")(held["optimodel"], solution.x)
    return resolve("kernel.report.facts:Facts").of(
        held,
        values=values,
        places=where or {},
        run_fingerprint=fingerprint,
        fingerprints=prints,
        versions=versions,
        as_of=as_of,
        evidence_ref=evidence_ref,
    )


def _report(
    house: House, held: Mapping[str, Any], where: Mapping[str, str], *, fingerprint: str, prints: Mapping[str, str], as_of: str
) -> bytes:
    solution = held.get("solution")
    versions = {"dyocense-cli": house.version, **({solution.backend: solution.backend_version} if solution is not None else {})}
    ref = house.evidence_ref(fingerprint)
    facts = report_facts(held, fingerprint=fingerprint, prints=prints, versions=versions, as_of=as_of, evidence_ref=ref, where=where)
    page: str = resolve("kernel.report.html:render")(facts)
    return page.encode()


def _column(column: Column) -> np.ndarray:
    import numpy as np

    return column.values if column.labels is None else np.array(column.text(), dtype=object)


def _context(house: House, context: Any) -> dict[str, bytes]:
    files = {
        f"context/{name}.parquet": house.parquet({c: _column(col) for c, col in sorted(table.columns.items())})
        for name, table in sorted(context.tables.items())
        if table.columns
    }
    body = encode(context).doc["body"]
    files["context/context.json"] = json_bytes({k: v for k, v in body.items() if k not in ("tables", "spans")})
    return files


def _scenarios(house: House, scenarios: Any) -> dict[str, bytes]:
    import numpy as np

    files = {"scenarios.json": json_bytes(resolve("kernel.scenarios.shape:scenario_json")(scenarios))}
    parts: dict[str, list[np.ndarray]] = {"table": [], "key": [], "scenario": [], "value": []}
    for name, table in sorted(scenarios.tables.items()):
        labels = [np.array(table.labels[d], dtype=object) for d in table.dims if d != "scenario"]
        keys = np.array([""], dtype=object)
        for column in labels:
            keys = (keys[:, None] + np.where(keys == "", "", ":")[:, None].astype(object) + column[None, :]).reshape(-1)
        count = len(scenarios.scenario_ids)
        parts["table"].append(np.full(keys.size * count, name, dtype=object))
        parts["key"].append(np.repeat(keys, count))
        parts["scenario"].append(np.tile(np.array(scenarios.scenario_ids, dtype=np.int64), keys.size))
        parts["value"].append(np.asarray(table.values, dtype=np.float64).reshape(-1))
    files["scenarios.parquet"] = house.parquet({k: np.concatenate(v) for k, v in parts.items()} if parts["table"] else {})
    return files


def model_files(execution: Execution, version: str) -> dict[str, bytes]:
    """Return optimodel.json, hints.json and the arrays of a compiled goal."""
    context = execution.held["context"].value if "context" in execution.held else None
    return _model(execution.held["optimodel"].value, places(execution), version, context)


def _model(optimodel: Any, where: Mapping[str, str], version: str, context: Any) -> dict[str, bytes]:
    source = {rule.name: where[rule.source] for rule in optimodel.rules if rule.source in where}
    document, arrays = resolve("optimodel.shape:optimodel_json")(optimodel, source=source, versions={"dyocense-cli": version})
    if converted := resolve("kernel.context.suggest:conversions")(context) if context is not None else {}:
        document["meta"]["conversions"] = converted
    files = {
        "optimodel.json": json_bytes(document),
        "hints.json": json_bytes({"track": optimodel.hints.track, "sensitivities": optimodel.hints.sensitivities}),
    }
    files.update({f"optimodel.arrays/{sha}.npy": array_bytes(array) for sha, array in sorted(arrays.items())})
    return files


def _answers(held: Mapping[str, Any], where: Mapping[str, str]) -> dict[str, bytes]:
    stress, explanation = held.get("stress_report"), held.get("explanation")
    files = {
        "solution.json": json_bytes(resolve("kernel.plan.shape:solution_json")(held["plan"], held["solution"], explanation, stress)),
        "plan.csv": resolve("kernel.report.lines:plan_csv")(held["plan"]).encode(),
    }
    if stress is not None:
        files["stress.json"] = json_bytes(resolve("kernel.stress.shape:stress_json")(stress))
    if explanation is not None:
        files["explanation.json"] = json_bytes(resolve("kernel.explain.shape:explanation_json")(explanation, where))
    return files
