"""JSON Schemas of the three kinds of file, made from the descriptions that check them."""

from __future__ import annotations

import json
from typing import Final

from dyocense_cli.kernel.goaldsl.checking import Schema
from dyocense_cli.kernel.goaldsl.context import CONTEXT
from dyocense_cli.kernel.goaldsl.goal import GOAL
from dyocense_cli.kernel.goaldsl.model import MODEL
from dyocense_cli.kernel.goaldsl.schema import Obj

__all__ = ["SCHEMAS", "json_schema", "schema_text"]

#: The description of each kind of file.
SCHEMAS: Final[dict[str, Obj]] = {"goal": GOAL, "context": CONTEXT, "model": MODEL}


def json_schema(kind: str) -> Schema:
    """Return the JSON Schema (draft 2020-12) of ``goal``, ``context`` or ``model`` files."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{kind}.schema.json",
        "title": f"dyocense {kind} file",
        **SCHEMAS[kind].describe(),
    }


def schema_text(kind: str) -> str:
    """Return the published text of a schema."""
    return json.dumps(json_schema(kind), indent=1, ensure_ascii=False) + "\n"
