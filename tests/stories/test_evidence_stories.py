"""S8, the object store down in mid-run; S9, a stale cache and a comment; S11, an audit in six months."""

from __future__ import annotations

from pathlib import Path

from tests.contract import s3_doors
from tests.stories.telling import tell


def test_s8_a_store_that_goes_away_loses_nothing(tmp_path: Path, minio: object) -> None:
    door = s3_doors.Door()
    shut = tmp_path / "shut"
    door.shut = lambda path, method: method == "PUT" and "plan.csv" in path and shut.exists()
    keys = {f"DYOCENSE_S3_{name.upper()}": value for name, value in s3_doors.keys(door.endpoint).items()}
    try:
        told = tell(tmp_path, "s08_store_down", STORE=s3_doors.bucket_url(), DOOR=str(shut), **keys)
    finally:
        door.close()
    assert told.count("[exit 7]") == 1
    assert "M of N files not yet uploaded" in told
    assert "all stages equal" in told
    assert "there already" in told
    assert "≠" not in told


def test_s11_an_audit_finds_reasons_equal_stages_and_a_changed_byte(tmp_path: Path) -> None:
    told = tell(tmp_path, "s11_audit")
    assert told.count("all stages equal") == 2
    assert told.count("[exit 8]") == 3
    assert "artifacts/context.json: was altered" in told


def test_s9_a_comment_runs_nothing_and_a_lead_time_only_what_rests_on_it(tmp_path: Path) -> None:
    told = tell(tmp_path, "s09_comment_and_lead_time")
    comment, rows, lead, foretold, flipped, _ = told.split("\n# ")[1:]
    assert comment.count("cached") == 16
    assert rows.count("run: ") == 1
    assert "forecast      cached" in lead
    for stage in ("compile", "solve", "evidence"):
        assert f"{stage:<13} run" in lead
    assert lead.count("fixtures/dairy/suppliers.csv row 3 lead_days 2 day → 9 day") == 14
    assert "as foretold: True" in foretold
    assert "altered; they were set aside; rebuilt" in flipped
    assert "[exit 1]" not in told
