"""Findings as JSON, SARIF 2.1.0, JUnit and GitHub annotations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from dyocense_cli.artifacts.rules import RULES
from dyocense_cli.codes import CODES
from dyocense_cli.errors import Finding, Ref, Span

if TYPE_CHECKING:
    from dyocense_cli.artifacts.codec import Json

__all__ = ["counts", "finding_json", "github", "junit", "sarif"]

_LEVEL: Final = {"error": "error", "warning": "warning", "info": "note"}
_XML_BAD: Final = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF], "\ufffd")


def _place(item: Finding) -> tuple[str, int, int, int, int]:
    """Return file, line, column and their ends; a table's row n stands on line n + 1, below its header."""
    where = item.where
    if isinstance(where, Span):
        return where.file, where.line, where.column, where.end_line, where.end_column
    if isinstance(where, Ref):
        return where.table, where.row + 1 if where.row else 1, 1, 0, 0
    return "", 1, 1, 0, 0


def finding_json(item: Finding) -> dict[str, Json]:
    """Return a finding with every field of its contract."""
    file, line, column, end_line, end_column = _place(item)
    where = item.where
    out: dict[str, Json] = {
        "id": item.id,
        "severity": item.severity,
        "title": item.title,
        "message": item.message,
        "args": dict(item.args),
        "file": file,
        "line": line,
        "column": column,
        "end_line": end_line or line,
        "end_column": end_column or column,
        "exact": item.exact,
        "pointer": item.pointer,
        "remediation": item.remediation,
        "docs": item.docs,
        "source": item.source,
        "package": item.package,
        "waived": item.waived,
    }
    if isinstance(where, Ref):
        out |= {"row": where.row, "table_column": where.column}
    return out


def counts(findings: Iterable[Finding]) -> dict[str, int]:
    """Return how many findings of each severity stand, and how many are waived."""
    out = {"error": 0, "warning": 0, "info": 0, "waived": 0}
    for item in findings:
        out["waived" if item.waived else item.severity] += 1
    return out


def _rule(item: Finding) -> dict[str, Json]:
    known = RULES.get(item.id)
    title = known.title if known is not None else CODES.get(item.id) or item.title or item.id
    help_text = known.remediation if known is not None else item.remediation
    out: dict[str, Json] = {
        "id": item.id,
        "shortDescription": {"text": title},
        "fullDescription": {"text": title},
        "help": {"text": help_text or title},
        "defaultConfiguration": {"level": _LEVEL[known.severity if known is not None else item.severity]},
    }
    return out


def _result(item: Finding, index: Mapping[str, int]) -> dict[str, Json]:
    file, line, column, end_line, end_column = _place(item)
    region: dict[str, Json] = {"startLine": max(1, line), "startColumn": max(1, column)}
    if end_line and end_column:
        region |= {"endLine": end_line, "endColumn": end_column}
    text = item.message + (f". {item.remediation}" if item.remediation else "")
    out: dict[str, Json] = {
        "ruleId": item.id,
        "ruleIndex": index[item.id],
        "level": _LEVEL[item.severity],
        "message": {"text": text},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(file)}, "region": region}}],
        "partialFingerprints": {"place/v1": f"{item.id} {item.pointer or line} {item.message}"[:500]},
    }
    more = {**dict(item.args), **({"docs": item.docs} if item.docs else {})}
    if more:
        out["properties"] = more
    if item.waived:
        out["suppressions"] = [{"kind": "external" if "ignored here" not in item.waived else "inSource", "justification": item.waived}]
    return out


def _uri(file: str) -> str:
    safe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/"
    text = file.replace("\\", "/") or "."
    return "".join(c if c in safe else "".join(f"%{b:02X}" for b in c.encode("utf-8", "replace")) for c in text)


def sarif(findings: Sequence[Finding], *, version: str) -> dict[str, Any]:
    """Return a SARIF 2.1.0 log of one run: real rule ids, regions in characters, help texts, suppressions."""
    rules = {item.id: _rule(item) for item in sorted(findings, key=lambda f: f.id)}
    index = {rule: i for i, rule in enumerate(rules)}
    driver = {"name": "dyocense", "version": version, "rules": list(rules.values())}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [_result(item, index) for item in findings],
            }
        ],
    }


def _xml(text: str) -> str:
    """Return text fit for XML; the library's own escape would import half of a web client with it."""
    plain = text.translate(_XML_BAD).encode("utf-8", "replace").decode()
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def junit(files: Mapping[str, Sequence[Finding]], *, strict: bool = False) -> str:
    """Return a JUnit report: a test case per file, failed by what makes lint fail, with the rest as output."""
    cases, failed = [], 0
    for file, findings in files.items():
        bad = [f for f in findings if not f.waived and (f.severity == "error" or (strict and f.severity == "warning"))]
        rest = [f for f in findings if f not in bad]
        failed += bool(bad)
        body = "".join(f'<failure type="{_xml(f.id)}" message="{_attribute(f.message)}">{_xml(_line(f))}</failure>' for f in bad[:1])
        text = "\n".join(_line(f) for f in [*bad[1:], *rest])
        body += f"<system-out>{_xml(text)}</system-out>" if text else ""
        cases.append(f'<testcase classname="dyocense.lint" name="{_attribute(file)}">{body}</testcase>')
    head = f'<testsuite name="dyocense lint" tests="{len(cases)}" failures="{failed}" errors="0" skipped="0">'
    return '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>' + head + "\n" + "\n".join(cases) + "\n</testsuite></testsuites>\n"


def _attribute(text: str) -> str:
    return _xml(text).replace("\n", "&#10;").replace("\t", "&#9;").replace("\r", "&#13;")


def _line(item: Finding) -> str:
    where = str(item.where) if item.where is not None else ""
    waived = f" [waived by {item.waived}]" if item.waived else ""
    return f"{where}: {item.severity}[{item.id}]: {item.message}{waived}" + (f". {item.remediation}" if item.remediation else "")


def github(findings: Iterable[Finding]) -> str:
    """Return workflow commands that annotate a change; waived findings are notices."""
    lines = []
    for item in findings:
        file, line, column, end_line, end_column = _place(item)
        command = "notice" if item.waived or item.severity == "info" else item.severity
        fields = {"file": file, "line": str(line), "col": str(column), "title": f"{item.id} {item.title}"}
        if end_line:
            fields |= {"endLine": str(end_line), "endColumn": str(end_column)}
        shown = ",".join(f"{name}={_property(value)}" for name, value in fields.items())
        lines.append(f"::{command} {shown}::{_data(item.message + (f'. {item.remediation}' if item.remediation else ''))}")
    return "\n".join(lines)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
