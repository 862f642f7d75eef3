"""The rules a pack documents: METADATA comments of Rego files, read and checked without an engine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from dyocense_cli.errors import InputError, Span

__all__ = ["catalogue", "package_of"]

_PACKAGE: Final = re.compile(r"^package[ \t]+([A-Za-z_][\w.]*)[ \t]*(?:#.*)?$", re.M)
_BLOCK: Final = re.compile(r"^# METADATA[ \t]*\n((?:#.*\n)+)", re.M)
_ID: Final = re.compile(r'"id":\s*"(POL-[A-Z]+[0-9]+)"')
_RULE_ID: Final = re.compile(r"POL-[A-Z]+[0-9]+")
_SEVERITIES: Final = ("error", "warning", "info")
_NEEDED: Final = ("id", "severity", "message", "remediation")


def package_of(path: str, text: str) -> str:
    """Return the package of a Rego file.

    Raises
    ------
    InputError
        DY3002 if it names none.
    """
    found = _PACKAGE.search(text)
    if found is None:
        raise InputError(
            "DY3002", "this policy names no package", where=Span(path, 1, 1), hints="start it with `package dyocense.rules.<name>`"
        )
    return found.group(1)


def catalogue(files: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return rule id -> title, id, severity, message, remediation, effect, package, file of all Rego files (path -> text).

    Raises
    ------
    InputError
        DY3003 if a rule that is told has no METADATA, METADATA lacks a field, or an id stands in two packages.
    """
    rules: dict[str, dict[str, str]] = {}
    for path, text in sorted(files.items()):
        package = package_of(path, text)
        for found in _BLOCK.finditer(text):
            rule = _rule(path, text, found, package)
            if rule is None:
                continue
            if rule["id"] in rules:
                raise _bad(
                    path,
                    text,
                    found.start(),
                    f"rule {rule['id']} is documented twice, here and in {rules[rule['id']]['file']}",
                    "give each rule an id of its own",
                )
            rules[rule["id"]] = rule
        for used in _ID.finditer(text):
            if rules.get(used.group(1), {}).get("package") != package:
                raise _bad(
                    path,
                    text,
                    used.start(1),
                    f"rule {used.group(1)} has no METADATA in package {package}",
                    "write title, id, severity, message and remediation above the rule",
                )
    return rules


def _rule(path: str, text: str, found: re.Match[str], package: str) -> dict[str, str] | None:
    body = "\n".join(line[1:].removeprefix(" ") for line in found.group(1).splitlines())
    try:
        meta: Any = yaml.safe_load(body)
    except yaml.YAMLError as error:
        raise _bad(path, text, found.start(), "METADATA is not YAML", "indent it as in the shipped policies") from error
    custom = meta.get("custom") if isinstance(meta, Mapping) else None
    if not isinstance(custom, Mapping):
        return None
    missing = [k for k in _NEEDED if not isinstance(custom.get(k), str)] + ([] if isinstance(meta.get("title"), str) else ["title"])
    if missing:
        raise _bad(
            path,
            text,
            found.start(),
            f"METADATA lacks {', '.join(missing)}",
            "each rule needs title, id, severity, message and remediation, as text",
        )
    if custom["severity"] not in _SEVERITIES or not _RULE_ID.fullmatch(custom["id"]):
        raise _bad(
            path,
            text,
            found.start(),
            f"METADATA has id {custom['id']!r} and severity {custom['severity']!r}",
            f"an id is like POL-X001, a severity one of {', '.join(_SEVERITIES)}",
        )
    rule = {k: str(custom[k]) for k in _NEEDED}
    return {"title": meta["title"], **rule, "effect": str(custom.get("effect", "")), "package": package, "file": path}


def _bad(path: str, text: str, offset: int, message: str, hint: str) -> InputError:
    line = text.count("\n", 0, offset) + 1
    column = offset - (text.rfind("\n", 0, offset) + 1) + 1
    return InputError("DY3003", message, where=Span(path, line, column), hints=hint)
