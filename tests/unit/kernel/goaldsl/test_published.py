"""The published JSON Schemas are those that check files, and agree with them."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from dyocense_cli.kernel.goaldsl.nodes import plain
from dyocense_cli.kernel.goaldsl.parse import kind_of, read_context, read_goal, read_model
from dyocense_cli.kernel.goaldsl.published import SCHEMAS, json_schema, schema_text
from dyocense_cli.kernel.goaldsl.reader import read_yaml

ROOT = Path(__file__).parents[4]
READ = {"goal": read_goal, "context": read_context, "model": read_model}
SHIPPED = sorted(
    path for folder in ("goals", "fixtures", "dyocense_cli/models") for path in (ROOT / folder).rglob("*.yaml") if kind_of(path.read_text())
)


@pytest.mark.parametrize("kind", sorted(SCHEMAS))
def test_the_published_schema_is_the_one_that_checks(kind: str) -> None:
    published = (files("dyocense_cli.models") / "schemas" / f"{kind}.schema.json").read_text("utf-8")
    assert published == schema_text(kind), "run scripts/make_schemas.py"
    Draft202012Validator.check_schema(json_schema(kind))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_shipped_files_pass_both(path: Path) -> None:
    text = path.read_text("utf-8")
    kind = kind_of(text)
    assert kind is not None
    artifact, findings = READ[kind](text, file=path.name)
    assert artifact is not None, findings
    root, _ = read_yaml(text, path.name)
    assert root is not None
    Draft202012Validator(json_schema(kind)).validate(plain(root))


@pytest.mark.parametrize(
    "more",
    [
        "modle: x\n",
        "horizon: {periods: 0}\n",
        "limits: 3\n",
        "robust: {aggregation: max}\n",
        "forecast: {reduce: {}}\n",
        "solver: {seed: x}\n",
    ],
)
def test_wrong_files_fail_both(more: str) -> None:
    text = "dsl: goal/v1\nid: g\nmodel: m\ncontext: c\n" + more
    assert read_goal(text, file="g")[0] is None
    root, _ = read_yaml(text, "g")
    assert root is not None
    assert not Draft202012Validator(json_schema("goal")).is_valid(plain(root))
