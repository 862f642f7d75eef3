"""Every claim of a reason is worked out again from artifacts alone."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from dyocense_cli.artifacts.codec import decode, encode, fingerprint
from dyocense_cli.errors import StoreError
from dyocense_cli.kernel.evidence.claims import Workings
from dyocense_cli.kernel.evidence.why import Why, why
from tests.synthetic_run import synthetic

PLACES = {"goal:/limits/budget": "goals/shop.yaml:17:3"}


def _stored(lines: int = 8) -> dict[str, Any]:
    """Return the artifacts as they come back from a store."""
    return {name: decode(type(a), encode(a).doc, encode(a).arrays) for name, a in synthetic(lines).held.items()}


def _why(artifacts: dict[str, Any], line: str) -> Why:
    return why(line, artifacts, {n: fingerprint(a) for n, a in artifacts.items()}, PLACES)


def test_every_claim_of_every_line_holds_and_names_an_artifact_in_hand() -> None:
    artifacts = _stored()
    shas = {n: fingerprint(a) for n, a in artifacts.items()}
    workings = Workings(artifacts)
    for step in artifacts["plan"].steps:
        found = _why(artifacts, step.line)
        assert {"order", "price", "forecast", "scenarios", "netted", "rule", "policy", "alternative"} <= {c.kind for c in found.claims}
        for claim in found.claims:
            assert claim.inputs
            assert claim.text
            assert all(shas[i.artifact] == i.sha for i in claim.inputs)
            assert workings.holds(claim), claim


def test_a_changed_artifact_breaks_the_claim_that_rests_on_it() -> None:
    artifacts = _stored()
    found = _why(artifacts, "PO-0001")
    plan = artifacts["plan"]
    steps = (dataclasses.replace(plan.steps[0], qty=plan.steps[0].qty + 1), *plan.steps[1:])
    changed = {**artifacts, "plan": dataclasses.replace(plan, steps=steps)}
    broken = [c.kind for c in found.claims if not Workings(changed).holds(c)]
    assert broken == ["order", "purchase", "alternative"]


def test_a_price_names_the_row_of_the_file_it_was_read_from() -> None:
    artifacts = _stored()
    claim = next(c for c in _why(artifacts, "po-0005").claims if c.kind == "price")
    row = claim.inputs[0].path[-1]
    assert isinstance(row, int)
    assert claim.inputs[0].pointer == f"tables.offers.columns.price[{row}]"
    assert claim.inputs[0].place == f"offers.csv, row {int(artifacts['context'].tables['offers'].rows[row])}"


def test_a_rule_names_the_line_it_was_written_at() -> None:
    texts = [c.text for c in _why(_stored(), "PO-0001").claims if c.kind == "rule"]
    assert any("goals/shop.yaml:17:3" in t for t in texts)


def test_an_unknown_line_names_near_ones() -> None:
    with pytest.raises(StoreError, match="DY5014") as caught:
        _why(_stored(), "PO-1")
    assert "PO-0001" in caught.value.hints[0]
