"""The report formats: SARIF fits its schema, JUnit is XML, annotations and JSON carry every field."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from dyocense_cli.artifacts.rules import coded, finding
from dyocense_cli.errors import Finding, Ref, Span
from dyocense_cli.kernel.lint import formats

#: What SARIF 2.1.0 asks of the parts that are used here (sections 3.13 to 3.35 and 3.49 of the standard); nothing else is allowed.
TEXT: dict[str, Any] = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}, "additionalProperties": False}  # fmt: skip
LEVEL = {"enum": ["none", "note", "warning", "error"]}


def closed(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


NUMBER = {"type": "integer", "minimum": 1}
REGION = closed(["startLine"], startLine=NUMBER, startColumn=NUMBER, endLine=NUMBER, endColumn=NUMBER)
ARTIFACT = closed(["uri"], uri={"type": "string", "pattern": r"^[A-Za-z0-9\-._~/%]+$"})
LOCATION = closed(["physicalLocation"], physicalLocation=closed(["artifactLocation"], artifactLocation=ARTIFACT, region=REGION))
RULE = closed(
    ["id"], id={"type": "string", "minLength": 1}, shortDescription=TEXT, fullDescription=TEXT, help=TEXT,
    defaultConfiguration=closed([], level=LEVEL),
)  # fmt: skip
RESULT = closed(
    ["message"], ruleId={"type": "string"}, ruleIndex={"type": "integer", "minimum": 0}, level=LEVEL, message=TEXT,
    locations={"type": "array", "items": LOCATION}, partialFingerprints={"type": "object", "additionalProperties": {"type": "string"}},
    properties={"type": "object", "additionalProperties": {"type": "string"}},
    suppressions={"type": "array", "items": closed(["kind"], kind={"enum": ["inSource", "external"]}, justification={"type": "string"})},
)  # fmt: skip
DRIVER = closed(["name"], name={"type": "string"}, version={"type": "string"}, rules={"type": "array", "uniqueItems": True, "items": RULE})
RUN = closed(
    ["tool"], tool=closed(["driver"], driver=DRIVER), results={"type": "array", "items": RESULT},
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
)  # fmt: skip
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {"$schema": {"type": "string"}, "version": {"const": "2.1.0"}, "runs": {"type": "array", "items": RUN}},
    "additionalProperties": False,
}

HOSTILE = "a <b> & \"c\" 'd' ]]> \x00\x1b[31m \ud800 \u202e 🥛\n::error::x%0A"
FINDINGS: tuple[Finding, ...] = (
    finding("DYO-S002", "`x` has no field `y`", where=Span("goals/ä b.yaml", 3, 5, 3, 9), pointer="/x/y", fix="Remove it."),
    finding("DYO-X001", HOSTILE, where=Ref("offers.csv", 7, "sku"), near="MILK"),
    finding("DYO-G001", "no owner"),
    coded("DY2301", "no column", where=Span("c.yaml", 1, 1), remediation="add it"),
    Finding("POL-V001", "error", "denied", waived="ann: until spring", source="policy", package="vendors"),
)


def test_sarif_fits_its_schema() -> None:
    log = formats.sarif(FINDINGS, version="1.0")
    Draft202012Validator(SARIF).validate(log)
    rules = log["runs"][0]["tool"]["driver"]["rules"]
    assert [rules[r["ruleIndex"]]["id"] for r in log["runs"][0]["results"]] == [f.id for f in FINDINGS]
    first = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert first == {
        "artifactLocation": {"uri": "goals/%C3%A4%20b.yaml"},
        "region": {"startLine": 3, "startColumn": 5, "endLine": 3, "endColumn": 9},
    }
    assert log["runs"][0]["results"][4]["suppressions"] == [{"kind": "external", "justification": "ann: until spring"}]
    Draft202012Validator(SARIF).validate(formats.sarif((), version="1.0"))


def test_a_row_of_a_table_stands_one_line_below_its_header() -> None:
    region = formats.sarif(FINDINGS[1:2], version="1")["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert region["startLine"] == 8


def test_junit_is_xml_with_one_case_per_file() -> None:
    root = ET.fromstring(formats.junit({"bad.yaml": FINDINGS, "warned.yaml": FINDINGS[2:3], "clean.yaml": ()}))
    suite = root[0]
    assert (suite.get("tests"), suite.get("failures")) == ("3", "1")
    assert [case.get("name") for case in suite] == ["bad.yaml", "warned.yaml", "clean.yaml"]
    failure = suite[0].find("failure")
    assert failure is not None
    assert failure.get("type") == "DYO-S002"
    assert "waived by ann" in (suite[0].findtext("system-out") or "")
    assert ET.fromstring(formats.junit({"warned.yaml": FINDINGS[2:3]}, strict=True))[0].get("failures") == "1"


def test_annotations_are_one_line_each() -> None:
    lines = formats.github(FINDINGS).split("\n")
    assert len(lines) == len(FINDINGS)
    assert lines[0].startswith("::error file=goals/ä b.yaml,line=3,col=5,title=DYO-S002 unknown field,endLine=3,endColumn=9::`x` has no")
    assert "%0A::error::x%250A" in lines[1]
    assert lines[4].startswith("::notice ")


@pytest.mark.parametrize("item", FINDINGS, ids=lambda f: f.id)
def test_json_carries_every_field(item: Finding) -> None:
    fields = {"id", "severity", "title", "message", "args", "file", "line", "column", "exact", "pointer", "remediation", "docs", "source",
              "package", "waived"}  # fmt: skip
    made = formats.finding_json(item)
    assert fields <= set(made)
    json.dumps(made)


def test_counts_leave_waived_findings_aside() -> None:
    assert formats.counts(FINDINGS) == {"error": 3, "warning": 1, "info": 0, "waived": 1}
