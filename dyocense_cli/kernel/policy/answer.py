"""Read policy's answer: what is not exactly an answer is no verdict, never a yes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dyocense_cli.errors import UnavailableError

__all__ = ["QUERY", "Answer", "Told", "read_answer"]

#: The one document an engine is asked for.
QUERY: Final = "data.dyocense.main.decision"


@dataclass(frozen=True, slots=True)
class Told:
    """One finding as the Rego says it: rule id, path in the goal, arguments of its message, waiver if excused."""

    id: str
    path: tuple[str | int, ...]
    args: Mapping[str, Any]
    waiver: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A decision that holds together. `catalogue` maps rule id to title, message, severity, remediation, package, effect."""

    allow: bool
    deny: tuple[Told, ...]
    warn: tuple[Told, ...]
    waived: tuple[Told, ...]
    caps: tuple[Mapping[str, Any], ...]
    facts: Mapping[str, Any]
    relax: Mapping[str, tuple[bool, tuple[Told, ...]]]
    catalogue: Mapping[str, Mapping[str, str]]


def read_answer(raw: Mapping[str, Any]) -> Answer:
    """Return the answer in `raw`, the decision document with the engine's `catalogue` and `expected` packages beside it.

    Raises
    ------
    UnavailableError
        DY4205 if a part is missing or of another type, if `allow` and `deny` disagree, if a package of the snapshot did not
        answer, or if a rule is not in the catalogue.
    """
    catalogue = _map(raw.get("catalogue"), "catalogue")
    packages = _texts(raw.get("packages"), "packages")
    expected = _texts(raw.get("expected"), "expected")
    if packages != expected:
        missing = ", ".join(sorted(expected - packages)) or "none"
        extra = ", ".join(sorted(packages - expected)) or "none"
        raise _no_verdict(f"the packages that answered are not those of the snapshot (missing: {missing}; unknown: {extra})")
    allow = raw.get("allow")
    if not isinstance(allow, bool):
        raise _no_verdict("`allow` is not true or false")
    deny = _told(raw.get("deny"), "deny", catalogue)
    if allow != (not deny):
        raise _no_verdict("`allow` and `deny` disagree")
    return Answer(
        allow=allow,
        deny=deny,
        warn=_told(raw.get("warn"), "warn", catalogue),
        waived=_told(raw.get("waived"), "waived", catalogue),
        caps=_caps(raw.get("caps"), catalogue),
        facts=_facts(raw.get("facts")),
        relax=_relax(raw.get("relax"), catalogue),
        catalogue=catalogue,
    )


def _no_verdict(what: str) -> UnavailableError:
    return UnavailableError(
        "DY4205",
        f"policy gave no verdict: {what}",
        hints=("run `dyocense doctor` to see which engine decides",),
        why="an answer that does not hold together is not taken for a yes",
    )


def _map(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _no_verdict(f"`{what}` is not an object")
    return value


def _list(value: Any, what: str) -> Sequence[Any]:
    if not isinstance(value, (list, tuple)):
        raise _no_verdict(f"`{what}` is not a list")
    return value


def _texts(value: Any, what: str) -> frozenset[str]:
    items = _list(value, what)
    if not all(isinstance(i, str) for i in items):
        raise _no_verdict(f"`{what}` holds something other than text")
    return frozenset(items)


def _told(value: Any, what: str, catalogue: Mapping[str, Any]) -> tuple[Told, ...]:
    told = [_one(item, what, catalogue) for item in _list(value, what)]
    return tuple(sorted(told, key=lambda t: (t.id, str(t.path), str(sorted(t.args.items(), key=str)))))


def _one(item: Any, what: str, catalogue: Mapping[str, Any]) -> Told:
    finding = _map(item, what)
    rule, path, args = finding.get("id"), finding.get("path"), finding.get("args")
    if not isinstance(rule, str) or rule not in catalogue:
        raise _no_verdict(f"`{what}` names rule {rule!r}, which no package documents")
    parts = _list(path, f"{what}.path")
    if not all(isinstance(p, str) or _is_index(p) for p in parts):
        raise _no_verdict(f"the path of {rule} holds something other than names and positions")
    waiver = finding.get("waiver")
    if what == "waived" and not (isinstance(waiver, Mapping) and all(isinstance(v, str) for v in waiver.values())):
        raise _no_verdict(f"{rule} is waived without a waiver")
    arguments = {k: _number(v) for k, v in _map(args, f"{what}.args").items()}
    return Told(rule, tuple(p if isinstance(p, str) else int(p) for p in parts), arguments, waiver)


def _is_index(part: Any) -> bool:
    return isinstance(part, (int, float)) and not isinstance(part, bool) and part == int(part) >= 0


def _number(value: Any) -> Any:
    """Round a double to 12 digits: engines differ in the last ones."""
    if isinstance(value, float) and math.isfinite(value):
        return float(f"{value:.12g}")
    return value


def _caps(value: Any, catalogue: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    caps = []
    for item in _list(value, "caps"):
        cap = _map(item, "caps")
        most = _number(cap.get("max"))
        good = isinstance(most, (int, float)) and not isinstance(most, bool) and math.isfinite(most) and most >= 0
        if not good or cap.get("rule") not in catalogue or not isinstance(cap.get("name"), str):
            raise _no_verdict("a cap has no finite amount, no name or an unknown rule")
        if cap.get("over") not in {"horizon", "period"}:
            raise _no_verdict(f"the cap {cap['name']} is neither over the horizon nor over a period")
        if not all(cap.get(k) is None or isinstance(cap.get(k), str) for k in ("category", "supplier")):
            raise _no_verdict(f"the cap {cap['name']} bounds something that is not a category or supplier")
        caps.append({**cap, "max": float(most)})
    return tuple(sorted(caps, key=lambda c: (str(c["name"]), float(c["max"]))))


def _facts(value: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for item in _list(value, "facts"):
        fact = _map(item, "facts")
        package, name = fact.get("package"), fact.get("name")
        if not isinstance(package, str) or not isinstance(name, str):
            raise _no_verdict("a fact has no package or no name")
        facts[f"{package}.{name}"] = fact.get("value")
    return dict(sorted(facts.items()))


def _relax(value: Any, catalogue: Mapping[str, Any]) -> dict[str, tuple[bool, tuple[Told, ...]]]:
    verdicts: dict[str, tuple[bool, tuple[Told, ...]]] = {}
    for item in _list(value, "relax"):
        one = _map(item, "relax")
        key, allowed = one.get("key"), one.get("allowed")
        reasons = _told(one.get("deny"), "relax.deny", catalogue)
        if not isinstance(key, str) or not isinstance(allowed, bool) or (allowed and reasons):
            raise _no_verdict("the verdict on a relaxation does not hold together")
        verdicts[key] = (allowed, reasons)
    return dict(sorted(verdicts.items()))
