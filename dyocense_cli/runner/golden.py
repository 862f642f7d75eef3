"""Golden tests of goals: what a goal compiled to and what its plan was worth, kept in a file that a person reads."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from dyocense_cli.errors import InputError, Span, UsageError

__all__ = ["Difference", "Golden", "Held", "Metric", "compare_metrics", "differences", "dump", "figures_of", "load", "parse_metric"]

#: Relative tolerance of a KPI when the file states none: the proven gap of a default solve.
TOLERANCE: Final = 0.02


@dataclass(frozen=True, slots=True)
class Golden:
    """A goal's expected outcome. `kpis` maps a name to value and relative tolerance; `findings` are ``RULE pointer`` lines."""

    goal: str
    optimodel_sha: str
    status: str
    kpis: Mapping[str, tuple[float, float]]
    findings: tuple[str, ...] = ()
    overrides: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as expected."""

    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.what}: expected {self.expected}, found {self.found}"


def load(text: str, *, file: str) -> Golden:
    """Read a golden file.

    Raises
    ------
    InputError
        DY2601 if it is not of the form that `golden update` writes.
    """
    try:
        body = yaml.safe_load(text)
        kpis = {str(k): (float(v["value"]), _tolerance(v.get("tolerance"))) for k, v in (body.get("kpis") or {}).items()}
        return Golden(
            str(body["goal"]),
            str(body["optimodel_sha"]),
            str(body["status"]),
            kpis,
            tuple(body.get("findings") or ()),
            {str(k): str(v) for k, v in (body.get("set") or {}).items()},
        )
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            "DY2601", f"not a golden file: {error}", where=Span(file, 1, 1), hints="make it anew with dyocense golden update"
        ) from error


def _tolerance(value: Any) -> float:
    if value is None:
        return TOLERANCE
    text = str(value).replace(" ", "")
    return float(text.removesuffix("%")) / 100 if text.endswith("%") else float(text)


def dump(golden: Golden) -> str:
    """Return a golden file's text, keys in a fixed order."""
    body: dict[str, Any] = {"dsl": "golden/v1", "goal": golden.goal}
    if golden.overrides:
        body["set"] = dict(golden.overrides)
    body |= {
        "optimodel_sha": golden.optimodel_sha,
        "status": golden.status,
        "kpis": {k: {"value": round(v, 6), "tolerance": f"{100 * t:g} %"} for k, (v, t) in golden.kpis.items()},
        "findings": list(golden.findings),
    }
    return yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=120)


def differences(expected: Golden, found: Golden) -> list[Difference]:
    """Return everything in which two outcomes differ, in the order of the file; empty when they agree."""
    out: list[Difference] = []
    if expected.optimodel_sha != found.optimodel_sha:
        out.append(Difference("model fingerprint", expected.optimodel_sha[:19] + "…", found.optimodel_sha[:19] + "…"))
    if expected.status != found.status:
        out.append(Difference("status", expected.status, found.status))
    for name, (value, tolerance) in expected.kpis.items():
        got = found.kpis.get(name)
        if got is None:
            out.append(Difference(f"KPI {name}", f"{value:g}", "nothing"))
        elif abs(got[0] - value) > tolerance * max(abs(value), 1e-9):
            out.append(Difference(f"KPI {name}", f"{value:g} ± {100 * tolerance:g} %", f"{got[0]:g}"))
    out += [Difference("finding", "none", line) for line in found.findings if line not in expected.findings]
    out += [Difference("finding", line, "none") for line in expected.findings if line not in found.findings]
    return out


@dataclass(frozen=True, slots=True)
class Metric:
    """An acceptance test of one KPI: candidate `op` baseline, with a relative margin."""

    name: str
    op: str
    margin: float

    def __str__(self) -> str:
        return f"{self.name} {self.op} {100 * self.margin:+g} %"


@dataclass(frozen=True, slots=True)
class Held:
    """A metric with both values, None where a side has no such figure, and whether it holds."""

    metric: Metric
    base: float | None
    candidate: float | None
    holds: bool

    def __str__(self) -> str:
        change = ""
        if self.base and self.candidate is not None:
            change = f"   ({(self.candidate - self.base) / abs(self.base):+.2%})"
        return f"{self.metric}   baseline {_shown(self.base)}   candidate {_shown(self.candidate)}{change}"

    @property
    def document(self) -> dict[str, Any]:
        """The same as JSON."""
        metric = self.metric
        pair = {"base": self.base, "candidate": self.candidate, "holds": self.holds}
        return {"name": metric.name, "op": metric.op, "margin": metric.margin, **pair}


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:,.6g}" if abs(value) < 1e5 else f"{value:,.2f}"


def figures_of(solution: Mapping[str, Any]) -> dict[str, float]:
    """Return the figures of a run's solution.json by name, those of a KPI by label as ``kpi.label``."""
    out: dict[str, float] = {}
    for name, value in solution.get("kpis", {}).items():
        parts = value.items() if isinstance(value, Mapping) else [("", value)]
        out.update({f"{name}.{key}" if key else name: float(v) for key, v in parts if isinstance(v, (int, float))})
    for key in ("objective", "bound", "gap"):
        if isinstance(solution.get(key), (int, float)):
            out[key] = float(solution[key])
    return out


_OPS: Final[Mapping[str, Callable[[float, float], bool]]] = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}


def parse_metric(text: str) -> Metric:
    """Parse ``total_cost<=+1%``: the candidate's total cost is at most the baseline's plus 1 %.

    Raises
    ------
    UsageError
        DY2602 for another form.
    """
    match = re.fullmatch(r"\s*([A-Za-z_][\w.]*)\s*(<=|>=|<|>|==)\s*([+-]?\d+(?:\.\d+)?)?\s*%?\s*", text)
    if match is None:
        raise UsageError("DY2602", f"not a metric: {text}", hints="such as --metric 'total_cost<=+1%' or --metric 'service>=-0.5%'")
    return Metric(match[1], match[2], float(match[3] or 0) / 100)


def compare_metrics(base: Mapping[str, float], candidate: Mapping[str, float], metrics: tuple[Metric, ...]) -> list[Held]:
    """Return each metric with both values and whether it holds; a missing value never holds."""
    rows: list[Held] = []
    for metric in metrics:
        old, new = base.get(metric.name), candidate.get(metric.name)
        if old is None or new is None:
            rows.append(Held(metric, old, new, holds=False))
            continue
        bar = old + metric.margin * abs(old)
        holds = abs(new - old) <= abs(metric.margin * old) + 1e-9 if metric.op == "==" else _OPS[metric.op](new, bar)
        rows.append(Held(metric, old, new, holds))
    return rows
