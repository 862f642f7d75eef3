"""The page of the HTTP API, from the document that the service gives at /openapi.json."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from dyocense_cli.serve.app import described

HEAD = """# HTTP

What `dyocense serve` answers, from the document it gives at `/openapi.json`. Every request carries a bearer token; what takes work
on takes an `Idempotency-Key`. A problem is an `application/problem+json` document (RFC 9457) with a code of [errors](errors.md).
How to run it: [serve](../howto/serve.md); what it promises: [service](../concepts/service.md).

"""


def cell(text: object) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


def kind(schema: dict[str, Any]) -> str:
    """Return a schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(kind(s) for s in schema["anyOf"] if s.get("type") != "null")
    if "enum" in schema:
        return ", ".join(f"`{v}`" for v in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema.get("type") == "array":
        return "list of " + kind(schema.get("items", {}))
    limits = [f"{word} {schema[key]:g}" for key, word in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤")) if key in schema]
    return " ".join([str(schema.get("format") or schema.get("type", "any")), *limits])


def operation(method: str, path: str, about: dict[str, Any]) -> list[str]:
    lines = [f"### {method.upper()} {path}\n", f"{about.get('summary', '')}. {about.get('description', '')}\n".replace("..", ".")]
    parameters = [
        f"| `{p['name']}` | {p['in']} | {kind(p['schema'])} | {'yes' if p.get('required') else ''} |" for p in about.get("parameters", [])
    ]
    if parameters:
        lines += ["| parameter | in | is | required |", "|---|---|---|---|", *parameters, ""]
    body = about.get("requestBody", {}).get("content", {})
    lines += [f"Takes {kind(c['schema'])} as `{media}`.\n" for media, c in body.items() if c.get("schema")]
    lines += ["| answer | means | body |", "|---|---|---|"]
    for status, answer in sorted(about["responses"].items()):
        content = answer.get("content", {})
        shown = ", ".join(f"{kind(c['schema'])} as `{m}`" if c.get("schema") else f"`{m}`" for m, c in content.items())
        lines.append(f"| {status} | {cell(answer.get('description', ''))} | {shown} |")
    return [*lines, ""]


def shape(name: str, schema: dict[str, Any]) -> list[str]:
    if schema.get("type") != "object" or not schema.get("properties"):
        return [f"### {name}\n", f"{kind(schema)}\n"]
    required = schema.get("required", [])
    lines = [f"### {name}\n"]
    if schema.get("description"):
        lines.append(cell(schema["description"]) + "\n")
    lines += ["| field | is | required | meaning |", "|---|---|---|---|"]
    for field, about in schema["properties"].items():
        lines.append(f"| `{field}` | {kind(about)} | {'yes' if field in required else ''} | {cell(about.get('description', ''))} |")
    return [*lines, ""]


def page() -> str:
    document = described(FastAPI(title="Dyocense Kernel API", version="1.0.0")).openapi()
    operations = [(m, p, about) for p, methods in document["paths"].items() for m, about in methods.items()]
    lines = ["## Operations\n", "| | |", "|---|---|"]
    lines += [f"| `{m.upper()} {p}` | {about.get('summary', '')} |" for m, p, about in operations]
    lines.append("")
    for m, p, about in operations:
        lines += operation(m, p, about)
    lines.append("## Shapes\n")
    for name, schema in sorted(document["components"]["schemas"].items()):
        lines += shape(name, schema)
    return HEAD + "\n".join(lines).rstrip() + "\n"
