"""A synthetic run recorded as the runner records one, for suites that need a stored run but no solver."""

from __future__ import annotations

import json
from typing import Any

from dyocense_cli.artifacts.canonical import canonical_json
from dyocense_cli.artifacts.codec import encode, fingerprint
from dyocense_cli.artifacts.fingerprint import bytes_sha, json_sha
from dyocense_cli.artifacts.manifest import RunManifest, StageRecord
from dyocense_cli.kernel.evidence.build import build
from dyocense_cli.kernel.report.facts import Facts
from dyocense_cli.kernel.report.html import render
from dyocense_cli.kernel.report.lines import plan_csv
from dyocense_cli.runner.memo import array_bytes
from dyocense_cli.runner.pipeline import PLAN
from dyocense_cli.runner.record import manifest_json
from dyocense_cli.runner.signature import CHECKSUM, ENVELOPE, checksum_line, envelope
from tests.synthetic_run import Case

__all__ = ["store_run"]


def store_run(
    runs: Any, run_id: str, case: Case, *, key_file: str = "", created: str = "2026-11-28T10:00:00Z", **about: Any
) -> RunManifest:
    """Commit a synthetic run and return its manifest."""
    held = dict(case.held)
    held["evidence_graph"] = build(*case.args(), run_fingerprint="sha256:" + run_id[-1] * 64)
    files: dict[str, bytes] = {}
    for name, artifact in held.items():
        if artifact is None:
            continue
        encoded = encode(artifact)
        places = {}
        for sha, array in encoded.arrays.items():
            data = array_bytes(array)
            places[sha] = bytes_sha(data)
            files[f"artifacts/arrays/{places[sha][7:]}.npy"] = data
        files[f"artifacts/{name}.json"] = canonical_json({**encoded.doc, "arrays": places})
    files["plan.csv"] = plan_csv(held["plan"]).encode()
    files["report.html"] = render(Facts.of(held, values=case.values)).encode()
    snapshot = json_sha({n: bytes_sha(d) for n, d in files.items()})
    files["telemetry.json"] = b"{}"
    stages = tuple(StageRecord(s.name, s.version, {}, fingerprint(held[s.gives]), "") for s in PLAN if held.get(s.gives) is not None)
    fields: dict[str, Any] = {
        "run_id": run_id,
        "run_fingerprint": "sha256:" + run_id[-1] * 64,
        "goal_id": held["goal"].id,
        "variant": held["goal"].variant,
        "status": str(held["plan"].status),
        "termination": str(held["plan"].termination),
        "created_at": created,
        "as_of": "2026-11-28",
        "seed": 7,
        "reproducible": True,
        "stages": stages,
        "fingerprints": {"goal_sha": str(fingerprint(held["goal"]))},
        "versions": {"dyocense-cli": "0.1.0", "highs": "1.12"},
        "settings": {},
        "files": {n: bytes_sha(d) for n, d in sorted(files.items())},
        "evidence_ref": "ladybug://run/" + run_id[-1] * 64,
        "snapshot_hash": snapshot,
    }
    manifest = RunManifest(**{**fields, **about})
    written = manifest_json(manifest)
    json.loads(written)
    files[CHECKSUM] = checksum_line(written)
    if key_file:
        files[ENVELOPE] = envelope(written, key_file)
    runs.commit(run_id, files, written)
    return manifest
