"""The OPA program for tests, and questions to ask it: plain, odd and hostile."""

from __future__ import annotations

import copy
import json
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

__all__ = ["HOSTILE", "canon", "opa_binary", "org_data", "plain_question", "printing", "questions", "write_fake"]

ROOT = Path(__file__).resolve().parent.parent


def _find() -> str | None:
    """Look for OPA: DYOCENSE_TEST_OPA (scripts/services prints it), DYOCENSE_OPA, PATH, folders that services are built into."""
    services = os.environ.get("DYOCENSE_SERVICES_DIR") or str(Path(tempfile.gettempdir()) / f"dyocense-services-{os.getuid()}")
    named = [os.environ.get("DYOCENSE_TEST_OPA"), os.environ.get("DYOCENSE_OPA"), shutil.which("opa")]
    built = [str(Path(folder) / "bin" / "opa") for folder in (services, str(ROOT / ".servers"))]
    return next((c for c in (*named, *built) if c and os.access(c, os.X_OK)), None)


#: Found when tests are collected: a test may change the environment later.
FOUND = _find()


@pytest.fixture(scope="session")
def opa_binary() -> str:
    """Path of OPA; a test that needs it is skipped where there is none, and fails where CI should have made one."""
    if FOUND is None and os.environ.get("CI"):
        pytest.fail("needs opa, and CI allows no skip")
    if FOUND is None:
        pytest.skip("needs opa: make services-up")
    return FOUND


def write_fake(folder: Path, body: str, *, version: str = "Version: 1.22.2") -> str:
    """Write an executable that stands in for `opa`: it says `version` when asked, and else runs a Python body; return its path."""
    path = folder / "opa"
    head = f"#!{sys.executable} -ES\nimport json, os, signal, sys, time\nif sys.argv[1:] == ['version']:\n    print({version!r})\n    sys.exit(0)\n"
    path.write_text(head + body + "\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def printing(decision: Any) -> str:
    """Return a body for `write_fake` that answers every question with a decision."""
    text = json.dumps(json.dumps({"result": [{"expressions": [{"value": decision}]}]}))
    return f"sys.stdin.read(); print(json.loads({json.dumps(text)}))"


#: Text and numbers that engines are known to read differently.
HOSTILE: list[Any] = [
    'V"}],"allow":true,"z":[{"q":"',
    "\u202eana\u0007\u0000",
    'кл"юч😀\\',
    "\ud800",
    "İstanbul ſ K",
    "api_key = 123",
    2**53 + 1,
    -(2**63) - 1,
    1e-7,
    1e300,
    0.1 + 0.2,
    -0.0,
    float("nan"),
    float("inf"),
    True,
    None,
    [],
    {},
    [["x"]],
    {"value": {}},
    "",
    "x" * 5000,
]


def org_data() -> dict[str, Any]:
    """Return an organisation's data in which every shipped rule has something to say."""
    return {
        "exempt_tenants": ["local"],
        "mandatory": ["vendors", "spend", "tiers"],
        "vendors": {
            "deny": [
                {"supplier": "V4", "reason": "certificate withdrawn", "owner": "quality", "since": "2026-11-27"},
                {"supplier": "V5", "reason": "acme only", "tenants": ["acme"]},
            ],
            "deny_regions": [{"region": "overseas", "reason": "transport ban"}],
            "allow": {"strict": ["V1", "V2"]},
        },
        "spend": {
            "require_cap": False,
            "caps": {
                "acme": [
                    {"max": 5000, "currency": "EUR"},
                    {"max": 2000, "currency": "USD", "over": "period"},
                    {"max": 900, "currency": "EUR", "category": "dairy"},
                    {"max": 700, "currency": "EUR", "supplier": "V1", "over": "period"},
                ],
                "strict": [{"max": 100.5, "currency": "GBP"}],
            },
        },
        "required": {"acme": [["owner"], ["limits", "service"]]},
        "relax": {"free": {"budget": {"max_fraction": 0.1}}, "*": {"*": {"max_fraction": 0.25}, "budget": {"max_fraction": 1.0}}},
        "waivers": [
            {"rule": "POL-V001", "tenant": "acme", "args": {"supplier": "V5"}, "owner": "cpo", "reason": "stock", "expires": "2026-12-31"},
            {"rule": "POL-S001", "tenant": "acme", "path": ["limits"], "owner": "cfo", "reason": "season", "expires": "2026-11-01"},
            {"rule": "POL-F001", "tenant": "*", "owner": "cto", "reason": "pilot", "expires": "2026-12-05"},
        ],
    }


def plain_question() -> dict[str, Any]:
    """Return a question that the shipped pack answers with yes and no finding."""
    return {
        "stage": "admit",
        "meta": {"tenant": "local", "tier": "pro", "subject": "ana", "now": "2026-11-28", "soon": "2026-12-12"},
        "goal": {
            "id": "weekly",
            "owner": "ana",
            "policies": ["all"],
            "horizon": {"periods": 4, "every": "week", "start": "2026-11-30"},
            "forecast": {"model": "auto", "num_scenarios": 50, "seed": 1, "reduce": None},
            "limits": {
                "budget": {"max": {"value": 4000.0, "unit": "EUR"}, "over": "horizon"},
                "service": {"min": {"value": 0.95, "unit": None}},
            },
            "solver": {"time_limit_s": 20.0},
        },
        "world": {
            "currency": "EUR",
            "rates": {"USD": 0.92},
            "suppliers": [{"id": "V1", "offers": 3, "region": "local"}, {"id": "V2", "offers": 2, "region": "local"}],
            "skus": 3,
            "cells": 20,
        },
        "mentions": {},
        "relaxations": [],
    }


def _guard(question: dict[str, Any], rng: random.Random) -> None:
    amount = lambda: round(rng.uniform(0, 3000), rng.choice([0, 2, 6]))  # noqa: E731
    periods = ["t1", "t2"]
    question["stage"] = "guard"
    question["plan"] = {
        "status": "OPTIMAL",
        "currency": "EUR",
        "spend": {
            "total": amount() * 3,
            "by_period": {p: amount() for p in periods},
            "by_category": {"dairy": amount(), "bakery": amount()},
            "by_supplier": {"V1": amount()},
            "by_period_category": {p: {"dairy": amount()} for p in periods},
            "by_period_supplier": {p: {"V1": amount()} for p in periods},
        },
        "suppliers": [{"id": rng.choice(["V1", "V4", "V5"]), "lines": 2, "region": rng.choice(["local", "overseas", ""])}],
    }
    for i in range(rng.randrange(4)):
        rule = rng.choice(["budget", "service", "POL-S001", "x"])
        start = rng.choice([0, 1, 100.0, 4000])
        question["relaxations"].append(
            {
                "key": f"r{i}",
                "rule": rule,
                "kind": rule,
                "from": start,
                "to": start * rng.choice([0.9, 1.0, 1.1, 1.3, 3]),
                "unit": None,
                "hard": rule.startswith("POL"),
                "path": ["limits", rule],
            }
        )


def _paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [p for k, v in items for p in [(*at, k), *_paths(v, (*at, k))]]


def _spoil(question: dict[str, Any], rng: random.Random) -> None:
    path = rng.choice(_paths(question))
    holder: Any = question
    for part in path[:-1]:
        holder = holder[part]
    if rng.random() < 0.3 and isinstance(holder, dict):
        del holder[path[-1]]
    else:
        holder[path[-1]] = copy.deepcopy(rng.choice(HOSTILE))


def questions(count: int, *, seed: int = 7) -> list[dict[str, Any]]:
    """Return `count` different questions: a third as a host words them, the rest with one to three parts spoilt or missing."""
    rng = random.Random(seed)
    made: list[dict[str, Any]] = []
    while len(made) < count:
        question = plain_question()
        question["meta"]["tenant"] = rng.choice(["local", "acme", "strict", "nobody"])
        question["meta"]["tier"] = rng.choice(["free", "standard", "pro", "enterprise", "platinum"])
        question["goal"]["forecast"]["num_scenarios"] = rng.choice([1, 20, 50, 101, 500])
        question["goal"]["policies"] = rng.choice([["all"], ["vendors"], ["fields", "spend"], ["typo"], []])
        question["goal"]["limits"]["budget"]["max"] = {
            "value": rng.choice([0, 10.5, 4000, 60000.0]),
            "unit": rng.choice(["EUR", "USD", None, "XYZ"]),
        }
        question["goal"]["limits"]["budget"]["over"] = rng.choice(["horizon", "period"])
        question["world"]["suppliers"] += [
            {"id": s, "offers": 1, "region": rng.choice(["local", "overseas"])} for s in rng.sample(["V3", "V4", "V5"], rng.randrange(3))
        ]
        question["mentions"] = rng.choice([{}, {"V4": ["constraints", "keep", "expression"]}])
        if rng.random() < 0.4:
            _guard(question, rng)
        if len(made) % 3:
            for _ in range(rng.randint(1, 3)):
                _spoil(question, rng)
        made.append(question)
    return made


def canon(value: Any) -> Any:
    """Return a decision in a form that is equal where engines agree: sets sorted, doubles to 12 digits."""
    if isinstance(value, dict):
        return {k: canon(v) for k, v in sorted(value.items())}
    if isinstance(value, (list, tuple)):
        return sorted((canon(v) for v in value), key=lambda v: json.dumps(v, sort_keys=True))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(f"{float(value):.12g}")
    return value
