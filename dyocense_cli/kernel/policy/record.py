"""The decision record: what was asked and answered, so that `opa eval` can be asked again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from dyocense_cli.kernel.policy.answer import QUERY

__all__ = ["decision_record"]

_DECISION: Final = ("allow", "deny", "warn", "waived", "caps", "facts", "relax", "packages")


def decision_record(document: Mapping[str, Any], raw: Mapping[str, Any], *, snapshot: str, engine: str) -> str:
    """Return the record as JSON text with sorted keys: `query`, `input`, `result`, `engine`, `policy_snapshot`."""
    record = {
        "query": QUERY,
        "input": document,
        "result": {k: raw[k] for k in _DECISION},
        "engine": engine,
        "policy_snapshot": snapshot,
    }
    return json.dumps(record, ensure_ascii=False, sort_keys=True)
