"""The page of the three kinds of file, from the schemas that check them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dyocense_cli.kernel.goaldsl.published import SCHEMAS, json_schema

HEAD = """# Language

Every key of the three kinds of file, from the schemas that check them: the same that the package ships as JSON Schema under
`dyocense_cli/models/schemas/`, for editors that complete and check YAML. A key that is not here is an error with the nearest one that is.
Where a value may carry a unit (`8000 EUR`, `95 %`, `2 days`), a bare number takes the unit of its place. What files mean:
[files](../concepts/files.md), [data](../concepts/data.md), [the model language](../concepts/model-language.md). Defaults:
[defaults](defaults.md).

"""
TITLES = {
    "goal": "What is wanted: first line `dsl: goal/v1`.",
    "context": "The world: first line `dsl: context/v1`.",
    "model": "The mathematics: first line `dsl: model/v1`.",
}


def kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{v}`" for v in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(k for s in schema["anyOf"] if (k := kind(s)) != "null"))
    if schema.get("type") == "array":
        return "list of " + kind(schema.get("items", {}))
    if schema.get("type") == "object":
        return "map"
    types = schema.get("type", "anything")
    if schema.get("pattern") == r"^\s*-?[0-9]":
        return "quantity"
    return " or ".join(types) if isinstance(types, list) else str(types)


def keys(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Yield each key with its path, kind, whether it is required, and meaning; maps and lists are entered."""
    required = schema.get("required", [])
    for name, about in schema.get("properties", {}).items():
        yield from _entry(f"{path}{name}", about, "yes" if name in required else "")
    for option in schema.get("anyOf", []):
        yield from keys(option, path)
    inner = schema.get("additionalProperties")
    if isinstance(inner, dict):
        yield from _entry(f"{path}NAME", inner, "")


def _entry(path: str, about: dict[str, Any], required: str) -> Iterator[tuple[str, str, str, str]]:
    yield path, kind(about), required, about.get("description", "")
    yield from keys(about, path + ".")
    if about.get("type") == "array":
        yield from keys(about.get("items", {}), path + "[].")


def page() -> str:
    parts = [HEAD]
    for name in SCHEMAS:
        parts += [f"## {name}\n\n{TITLES[name]}\n\n", "| key | is | required | meaning |\n|---|---|---|---|\n"]
        seen: set[str] = set()
        for path, what, required, meaning in keys(json_schema(name)):
            if path in seen:
                continue
            seen.add(path)
            row = [f"`{path}`", what, required, meaning]
            parts.append("| " + " | ".join(" ".join(c.split()).replace("|", "\\|") for c in row) + " |\n")
        parts.append("\n")
    return "".join(parts).rstrip() + "\n"
