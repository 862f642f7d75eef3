"""METADATA of rules is read without an engine, and a rule without it fails."""

from __future__ import annotations

import pytest

from dyocense_cli.errors import InputError
from dyocense_cli.kernel.policy.catalogue import catalogue, package_of

RULE = """package dyocense.rules.house

# METADATA
# title: Too short
# custom:
#   id: POL-H001
#   severity: error
#   message: "{title} is short"
#   remediation: Write more.
deny contains f if f := {"id": "POL-H001", "path": [], "args": {}}
"""


def test_a_documented_rule_is_listed() -> None:
    assert catalogue({"house.rego": RULE}) == {
        "POL-H001": {
            "title": "Too short",
            "id": "POL-H001",
            "severity": "error",
            "message": "{title} is short",
            "remediation": "Write more.",
            "effect": "",
            "package": "dyocense.rules.house",
            "file": "house.rego",
        }
    }


@pytest.mark.parametrize("field", ["title", "id", "severity", "message", "remediation"])
def test_a_rule_that_lacks_a_field_fails(field: str) -> None:
    text = "\n".join(line for line in RULE.splitlines() if not line.lstrip("# ").startswith(f"{field}:")) + "\n"
    with pytest.raises(InputError, match=f"METADATA lacks {field}") as caught:
        catalogue({"house.rego": text})
    assert caught.value.code == "DY3003"
    assert str(caught.value.where) == "house.rego:3:1"


def test_a_rule_that_is_told_but_not_documented_fails_at_its_place() -> None:
    with pytest.raises(InputError, match="rule POL-H002 has no METADATA in package") as caught:
        catalogue({"house.rego": RULE + 'warn contains {"id": "POL-H002", "path": [], "args": {}}\n'})
    assert str(caught.value.where) == "house.rego:11:23"


def test_an_id_belongs_to_one_package() -> None:
    other = RULE.replace("rules.house", "rules.other")
    with pytest.raises(InputError, match="rule POL-H001 is documented twice"):
        catalogue({"a.rego": RULE, "b.rego": other})


@pytest.mark.parametrize("bad", ["severity: fatal", "id: HOUSE-1"])
def test_ids_and_severities_are_of_their_form(bad: str) -> None:
    field = bad.partition(":")[0]
    text = "\n".join(f"#   {bad}" if line.startswith(f"#   {field}:") else line for line in RULE.splitlines())
    with pytest.raises(InputError, match="METADATA has id"):
        catalogue({"house.rego": text + "\n"})


def test_metadata_that_is_not_yaml_fails() -> None:
    with pytest.raises(InputError, match="METADATA is not YAML"):
        catalogue({"house.rego": RULE.replace("# title: Too short", "# title: [")})


def test_the_package_is_read_past_comments() -> None:
    assert package_of("x.rego", "# METADATA\n# title: x\npackage dyocense.rules.a.b # why\n") == "dyocense.rules.a.b"
