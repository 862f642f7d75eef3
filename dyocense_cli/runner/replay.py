"""Run a recorded run again from its own snapshot and compare it stage by stage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from dyocense_cli.errors import DyocenseError, MissingExtraError, UnavailableError
from dyocense_cli.runner.changes import changes
from dyocense_cli.runner.memo import Held
from dyocense_cli.runner.order import Order
from dyocense_cli.runner.pipeline import PLAN, Ask, Stage
from dyocense_cli.runner.references import manifest_of
from dyocense_cli.runner.snapshot import snapshot_artifact
from dyocense_cli.runner.verify import require_whole

if TYPE_CHECKING:
    from dyocense_cli.ports import RunStore
    from dyocense_cli.runner.execute import Execution
    from dyocense_cli.runner.run import Kernel

__all__ = ["Compared", "Replay", "replay"]

#: What a replay starts from. Raw tables are read once, when a run is bound: the bound context is the snapshot of the world.
GIVEN: Final = ("goal", "context_spec", "model_spec", "context", "principal", "solver_options")
#: KPIs are equal when they differ by at most this part of their size.
KPI_TOLERANCE: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Compared:
    """One stage: ``equal``, ``differs``, ``verified`` (checked, not run again) or ``taken`` (from the record), with the reason."""

    stage: str
    state: str
    recorded: str
    replayed: str
    note: str = ""
    #: first field that differs, what it was and what it is
    path: str = ""
    old: str = ""
    new: str = ""


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of a replay."""

    run_id: str
    run_fingerprint: str
    stages: tuple[Compared, ...]
    versions: tuple[tuple[str, str, str], ...]  # name, recorded, here
    objective: tuple[float | None, float | None]
    kpis: tuple[tuple[str, float, float], ...]  # figures that differ: name, recorded, here
    warnings: tuple[str, ...] = field(default=())
    made_with: tuple[tuple[str, str], ...] = ()  # name and version of what made the record: this program, the solver

    @property
    def equal(self) -> bool:
        """Whether every stage gives the recorded bytes (or was verified where the record is not reproducible)."""
        return all(s.state != "differs" for s in self.stages)

    @property
    def same_kpis(self) -> bool:
        """Whether objective and every figure agree within the tolerance, whatever the bytes."""
        return not self.kpis and _close(*self.objective)

    @property
    def first(self) -> Compared | None:
        """The first stage that differs."""
        return next((s for s in self.stages if s.state == "differs"), None)


@dataclass(frozen=True, slots=True)
class _Record:
    """A stored run: its manifest, what each stage gave, and its artifacts."""

    runs: RunStore
    run_id: str
    manifest: dict[str, Any]
    outputs: dict[str, str]

    def read(self, name: str) -> Any:
        return snapshot_artifact(self.runs, self.run_id, name)


def replay(kernel: Kernel, runs: RunStore, run_id: str) -> Replay:
    """Run every stage of a run again, from its snapshot alone, and compare outputs by fingerprint.

    The answer of a port that is not here (another policy snapshot, a forecaster that is not installed) is taken from the record and said
    so; a solve that a clock stopped is verified by the independent checker, then all that follows is run from the recorded solution. Risk
    and reasons of which a clock cut a part are taken from the record, too.

    Raises
    ------
    StoreError
        DY5002 if the snapshot was altered, DY5003 if there is no such run.
    """
    require_whole(runs, run_id)
    manifest = manifest_of(runs, run_id)
    record = _Record(runs, run_id, manifest, {s["name"]: s["output"] for s in manifest["stages"]})
    options = manifest.get("options") or {}
    order = Order(
        goal="", use_cache=False, as_of=manifest["as_of"] or manifest["created_at"][:10], draft_reason=manifest["draft"],
        compile_policy=options.get("compile_policy", "true") == "true",
    )  # fmt: skip
    execution = kernel.execution(order)
    for name in GIVEN:
        _give(execution, record, name)
    if "sample" not in record.outputs and "artifacts/scenario_set.json" in manifest["files"]:
        _give(execution, record, "scenario_set")  # scenarios that a file stated
    notes = _take(execution, record)
    for stage in PLAN:
        if stage.name in record.outputs and stage.gives not in execution.held:
            execution.run((stage,))
    return _compared(execution, record, notes)


def _give(execution: Execution, record: _Record, name: str) -> None:
    from dyocense_cli.artifacts.codec import fingerprint

    value = record.read(name)
    held = Held(name, fingerprint(value), "")
    held.ident = held.fingerprint
    held.put(value)
    execution.held[name] = held


def _take(execution: Execution, record: _Record) -> dict[str, str]:
    """Give the execution what cannot be made again here; return the reason by stage."""
    manifest, recorded = record.manifest, record.outputs
    options = manifest.get("options") or {}
    notes = {"parse": "the goal of the snapshot", "bind": "the bound tables of the snapshot"}
    policy = _policy_differs(execution, manifest)
    if policy:
        notes.update({"admit": policy, "guard": policy})
    model = execution.held["goal"].value.forecast.model
    if "forecast" in recorded and (missing := _no_forecaster(execution, model)):
        notes["forecast"] = missing
    if "solve" in recorded:
        cut = [] if manifest["reproducible"] else _cut(record)
        notes.update(dict.fromkeys(cut, "a clock cut a part of it: the recorded one stands"))
        if not manifest["reproducible"] and not (cut and record.read("solution").reproducible):
            notes["solve"] = "stopped by the clock: verified, not run again"
        elif options.get("warm_start"):
            notes["solve"] = "started from another run's plan: verified, not run again"
            goal = execution.held["goal"].value
            if "compile" in recorded and (goal.freeze or goal.max_churn is not None or {"freeze", "max_churn"} & set(options)):
                notes["compile"] = "held to another run's plan: the model of the snapshot"
    for stage in PLAN:
        if stage.name in notes and stage.name in recorded and stage.gives not in execution.held:
            _give(execution, record, stage.gives)
    return {name: why for name, why in notes.items() if name in recorded}


def _cut(record: _Record) -> list[str]:
    """Name the stages after the solve of which a clock cut a part."""
    return [s.name for s in PLAN if s.name in ("stress", "explain") and s.name in record.outputs and not record.read(s.gives).reproducible]


def _policy_differs(execution: Execution, manifest: dict[str, Any]) -> str:
    if manifest["draft"]:
        return "policy was not evaluated"
    try:
        here = execution.ports.policy().snapshot()
    except (UnavailableError, MissingExtraError) as error:
        return f"no policy engine here ({error.message})"
    there = manifest["fingerprints"].get("policy_snapshot", "")
    return "" if here == there else "another policy is in force here; the recorded answer stands"


def _no_forecaster(execution: Execution, model: str) -> str:
    try:
        execution.ports.forecaster(model)
    except DyocenseError as error:
        return f"the forecaster is not here ({error.message})"
    return ""


def _compared(execution: Execution, record: _Record, notes: dict[str, str]) -> Replay:
    manifest, recorded = record.manifest, record.outputs
    stages = []
    for stage in PLAN:
        if stage.name not in recorded:
            continue
        held = execution.held.get(stage.gives)
        here = held.fingerprint if held is not None else ""
        if stage.name == "solve" and stage.name in notes:
            stages.append(_verified(execution, recorded["solve"], here, notes["solve"]))
        elif stage.name in notes and (isinstance(stage, Ask) or stage.name in ("stress", "explain")):
            stages.append(Compared(stage.name, "taken", recorded[stage.name], here, notes[stage.name]))
        elif here == recorded[stage.name]:
            stages.append(Compared(stage.name, "equal", recorded[stage.name], here, notes.get(stage.name, "")))
        else:
            stages.append(_differs(execution, record, stage))
    versions = tuple((n, v, w) for n, v, w in _versions(execution, manifest) if v != w)
    old, new = record.read("plan") if "interpret" in recorded else None, execution.held["plan"].value if "plan" in execution.held else None
    objectives = (getattr(old, "objective", None), getattr(new, "objective", None))
    made_with = tuple((name, str(version)) for name, version in manifest["versions"].items())
    kpis = tuple(_kpis(old, new))
    return Replay(record.run_id, manifest["run_fingerprint"], tuple(stages), versions, objectives, kpis, made_with=made_with)


def _verified(execution: Execution, recorded: str, here: str, note: str) -> Compared:
    """Check a recorded solution: rules, objective and bound, by code that shares nothing with the solver."""
    solution, report = execution.held["solution"].value, execution.held["check_report"].value
    if here != recorded or not report.ok:
        what = report.violations[0] if report.violations else None
        return Compared(
            "solve", "differs", recorded, here, note, what.what if what else "solution", "holds", "violated" if what else "other bytes"
        )
    if solution.x is not None and not _close(solution.objective, report.objective):
        return Compared("solve", "differs", recorded, here, note, "objective", str(solution.objective), str(report.objective))
    if solution.bound is not None and solution.objective is not None:
        above = solution.bound - solution.objective
        above = above if execution.held["optimodel"].value.sense == "min" else -above
        if above > KPI_TOLERANCE * max(1.0, abs(solution.objective)):
            return Compared("solve", "differs", recorded, here, note, "bound", str(solution.bound), f"beyond {solution.objective}")
    return Compared("solve", "verified", recorded, here, note)


def _differs(execution: Execution, record: _Record, stage: Stage | Ask) -> Compared:
    held, recorded = execution.held.get(stage.gives), record.outputs[stage.name]
    if held is None:
        return Compared(stage.name, "differs", recorded, "", "did not run here")
    found = changes(record.read(stage.gives), held.value, most=1)
    first = found[0] if found else None
    if first is None:
        return Compared(stage.name, "differs", recorded, held.fingerprint, "other bytes of equal values")
    return Compared(stage.name, "differs", recorded, held.fingerprint, "", first.path, first.old, first.new)


def _versions(execution: Execution, manifest: dict[str, Any]) -> list[tuple[str, str, str]]:
    here = {"dyocense-cli": execution.version}
    solution = execution.held.get("solution")
    if solution is not None:
        here[solution.value.backend] = solution.value.backend_version
    return [(name, str(version), here.get(name, "not here")) for name, version in manifest["versions"].items()]


def _close(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is b
    return abs(a - b) <= KPI_TOLERANCE * max(1.0, abs(a), abs(b))


def _kpis(old: Any, new: Any) -> list[tuple[str, float, float]]:
    if old is None or new is None:
        return []
    before, after = _flat(old.kpis), _flat(new.kpis)
    names = [*before, *(n for n in after if n not in before)]
    pairs = [(n, before.get(n, float("nan")), after.get(n, float("nan"))) for n in names]
    return [(n, a, b) for n, a, b in pairs if not _close(a, b)]


def _flat(kpis: Any) -> dict[str, float]:
    out: dict[str, float] = {}
    for name, value in kpis.items():
        if isinstance(value, (int, float)):
            out[name] = float(value)
        else:
            out.update({f"{name}.{key}": float(v) for key, v in value.items()})
    return out
