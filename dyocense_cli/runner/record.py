"""What a run leaves behind: its files, its fingerprint and its manifest, written last."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dyocense_cli.artifacts.canonical import canonical_json
from dyocense_cli.artifacts.codec import encode
from dyocense_cli.artifacts.fingerprint import bytes_sha, json_sha
from dyocense_cli.artifacts.manifest import RunManifest
from dyocense_cli.runner.drafts import draft_of
from dyocense_cli.runner.ids import uuid7
from dyocense_cli.runner.nouns import resolve
from dyocense_cli.runner.pipeline import PLAN
from dyocense_cli.runner.signature import CHECKSUM, ENVELOPE, checksum_line, envelope
from dyocense_cli.runner.views import view_files

if TYPE_CHECKING:
    from dyocense_cli.runner.execute import Execution
    from dyocense_cli.runner.order import House, Order

__all__ = ["SNAPSHOT", "Record", "run_fingerprint", "seal", "status_of"]

#: Artifacts that a run keeps whole under ``artifacts/``, so that it replays from itself alone.
SNAPSHOT: Final = ("context_spec", "model_spec", "principal", "solver_options", *(stage.gives for stage in PLAN))

#: what a clock may have cut
_TIMED: Final = ("solution", "stress_report", "explanation")
_PRINTS: Final = {"goal": "goal_sha", "context": "context_sha", "scenario_set": "scenario_sha", "optimodel": "optimodel_sha"}


@dataclass(frozen=True, slots=True)
class Record:
    """A sealed run, ready to be committed."""

    run_id: str
    manifest: RunManifest
    files: dict[str, bytes]
    manifest_bytes: bytes


def status_of(execution: Execution) -> tuple[str, str]:
    """Return the run's status and termination: those of the plan, or DENIED where policy refused the goal."""
    admission = execution.held.get("admission")
    if admission is not None and not admission.value.allow:
        return "DENIED", "policy"
    solution = execution.held.get("solution")
    if solution is None:
        return "ERROR", "numerical"
    verdict = execution.held.get("verdict")
    if verdict is not None and not verdict.value.allow and solution.value.x is not None:
        return "DENIED", "policy"
    report = execution.held.get("check_report")
    if report is not None and not report.value.ok:
        return "ERROR", "numerical"
    return str(solution.value.status), str(solution.value.termination)


def run_fingerprint(execution: Execution, *, settings: str, version: str) -> tuple[str, dict[str, str]]:
    """Return the run's fingerprint and the fingerprints it is made of; with a solution also its plan's DNA, which is no part of it."""
    prints = {name: execution.held[key].fingerprint for key, name in _PRINTS.items() if key in execution.held}
    admission = execution.held.get("admission")
    prints["policy_snapshot"] = admission.value.policy_snapshot if admission is not None else ""
    prints["config_sha"] = json_sha(
        {"settings": settings, "solver": execution.held["solver_options"].fingerprint, "model": execution.held["model_spec"].fingerprint}
    )
    solution = execution.held.get("solution")
    solver = solution.value.backend_version if solution is not None else ""
    seed = execution.held["goal"].value.forecast.seed
    fingerprint = json_sha({**prints, "seed": seed, "package": version, "solver": solver})
    if solution is not None and "optimodel" in execution.held:
        plan = execution.held.get("plan")
        prints["plan_dna"] = resolve("kernel.optimizer.dna:plan_dna")(
            execution.held["optimodel"].value, solution.value, None if plan is None else plan.value
        )
    return fingerprint, prints


def _snapshot(execution: Execution) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for name in SNAPSHOT:
        held = execution.held.get(name)
        if held is None:
            continue
        document, arrays = execution.memo.document(held)
        files[f"artifacts/{name}.json"] = document
        files.update({f"artifacts/arrays/{place.removeprefix('sha256:')}.npy": data for place, data in arrays.items()})
    return files


def seal(house: House, order: Order, execution: Execution, fingerprint: str, prints: dict[str, str]) -> Record:
    """Assemble every file of a run and its manifest."""
    run_id = order.run_id or uuid7()
    status, termination = status_of(execution)
    solution = execution.held.get("solution")
    goal: Any = execution.held["goal"].value
    files = _snapshot(execution)
    files.update(view_files(house, execution, fingerprint=fingerprint, prints=prints, as_of=order.as_of))
    snapshot = json_sha({name: bytes_sha(data) for name, data in sorted(files.items())})
    files["telemetry.json"] = _telemetry(house, execution)
    hashes = {name: bytes_sha(data) for name, data in sorted(files.items())}
    manifest = RunManifest(
        run_id=run_id,
        run_fingerprint=fingerprint,
        goal_id=goal.id,
        variant=goal.variant,
        status=status,
        termination=termination,
        created_at=house.now(),
        as_of=order.as_of,
        seed=goal.forecast.seed,
        reproducible=all(execution.held[name].value.reproducible for name in _TIMED if name in execution.held),
        stages=tuple(execution.records),
        fingerprints=prints,
        versions=_versions(house, solution),
        settings=dict(house.shown_settings),
        files=hashes,
        evidence_ref=house.evidence_ref(fingerprint),
        snapshot_hash=snapshot,
        command=order.command,
        draft=draft_of({name: execution.held[name].value for name in ("admission", "verdict", "solution") if name in execution.held}),
        overrides=dict(order.overrides),
        tenant_id=house.principal.tenant_id,
        warnings=(*order.warnings, *execution.memo.warnings),
        options=_options(order, execution),
    )
    written = manifest_json(manifest)
    files[CHECKSUM] = checksum_line(written)
    if house.signing_key:
        files[ENVELOPE] = envelope(written, house.signing_key)
    return Record(run_id, manifest, files, written)


def _options(order: Order, execution: Execution) -> dict[str, str]:
    options = {"compile_policy": str(order.compile_policy).lower()}
    if "start" not in execution.held:
        return options
    asked = {"freeze": order.freeze, "max_churn": order.max_churn}
    kept = {name: f"{value:g}" for name, value in asked.items() if value is not None}
    start = execution.held["start"].ident.rpartition(" ")[2]
    return {**options, "warm_start": "true", **kept, **({"warm_from": start} if start else {})}


def manifest_json(manifest: RunManifest) -> bytes:
    """Return the manifest as an in-toto style statement: the files as subjects, the run as predicate; keys in order, readable."""
    body = encode(manifest).doc["body"]
    subjects = [{"name": name, "digest": {"sha256": sha.removeprefix("sha256:")}} for name, sha in manifest.files.items()]
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": "https://dyocense.dev/run/v1",
        "predicate": {k: v for k, v in body.items() if k != "files"},
    }
    return json.dumps(statement, indent=1, ensure_ascii=False, sort_keys=False).encode() + b"\n"


def _versions(house: House, solution: Any) -> dict[str, str]:
    versions = {"dyocense-cli": house.version}
    if solution is not None:
        versions[solution.value.backend] = solution.value.backend_version
    return versions


def _telemetry(house: House, execution: Execution) -> bytes:
    """Times and host facts, which enter no fingerprint."""
    solution = execution.held.get("solution")
    document = {
        "stages": {
            name: {"state": state, "seconds": round(execution.seconds.get(name, 0.0), 6)} for name, state in execution.states.items()
        },
        "solver": dict(solution.value.diagnostics) if solution is not None else {},
        "host": {"machine": platform.machine(), "system": platform.system(), "python": platform.python_version()},
        "written_at": house.now(),
        "digest": hashlib.sha256(canonical_json(dict(execution.states))).hexdigest(),
    }
    return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"
