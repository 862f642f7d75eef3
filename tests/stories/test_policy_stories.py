"""S3, a denied vendor; S7, OPA missing and back."""

from __future__ import annotations

import json
from pathlib import Path

from jsonschema import Draft202012Validator

from tests.opa import opa_binary
from tests.stories.telling import tell
from tests.unit.kernel.lint.test_formats import SARIF

__all__ = ["opa_binary"]


def test_s3_a_denied_vendor_is_refused_obeyed_and_waived(tmp_path: Path, opa_binary: str) -> None:
    told = tell(tmp_path, "s03_denied_vendor", opa=opa_binary)
    assert told.count("[exit 4]") == 4
    assert "(True, False)" in told
    assert "[('POL-V001', 'without it', True)]" in told
    Draft202012Validator(SARIF).validate(json.loads((tmp_path / "work" / "bakery" / "lint.sarif").read_text("utf-8")))


def test_s7_no_verdict_is_no_denial_and_a_draft_is_no_plan(tmp_path: Path) -> None:
    told = tell(tmp_path, "s07_opa_missing")
    assert "[exit 7]" in told
    assert "http://127.0.0.1:1" in told
