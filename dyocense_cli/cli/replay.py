"""`dyocense replay`: run a recorded run again from its snapshot and compare it stage by stage."""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dyocense_cli.cli import exits
from dyocense_cli.cli.options import Json, Store, print_json, settings_of
from dyocense_cli.errors import UsageError

if TYPE_CHECKING:
    from dyocense_cli.runner.replay import Replay

__all__ = ["replay"]


def replay(
    reference: Annotated[str, typer.Argument(help="Run: fingerprint, id, prefix, @last, @goal.")] = "@last",
    bundle: Annotated[str | None, typer.Option("--bundle", help="Replay the run in this zip.", show_default=False)] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            help="Compare figures, not bytes, with another version: its Python program, a checkout, a wheel, or a version number.",
            show_default=False,
        ),
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Compare with the record; a replay always does.")] = True,
    store: Store = None,
    as_json: Json = False,
) -> int:
    """Run a fingerprint again from its snapshot alone and compare every stage with the record.

    Exit codes: 0 all equal (with --against: all figures equal), 8 something differs or the snapshot was altered.
    """
    del verify
    if against is not None and Path(against).exists():
        return _elsewhere(against, reference, bundle, store, as_json=as_json)
    found, made_with = _replayed(reference, bundle, store)
    if against is not None and against not in made_with:
        raise UsageError(
            "DY1004", f"version {against} is neither here nor the one of the record", hints="use one of " + ", ".join(sorted(made_with))
        )
    figures = against is not None
    good = found.same_kpis if figures else found.equal
    if as_json:
        print_json(_document(found, good=good))
    else:
        _show(found, figures=figures)
    return exits.DONE if good else exits.MISMATCH


def _replayed(reference: str, bundle: str | None, store: str | None) -> tuple[Replay, set[str]]:
    """Replay in a cache of its own, so that nothing known here can stand in for a stage."""
    from dyocense_cli import wiring
    from dyocense_cli.cli.evidence import opened
    from dyocense_cli.runner.references import find_run, manifest_of
    from dyocense_cli.runner.replay import replay as run_again
    from dyocense_cli.runner.verify import require_whole

    settings = settings_of(store=store)
    runs = opened(settings, bundle)
    run_id = runs.list()[0] if bundle else find_run(runs, reference)
    require_whole(runs, run_id)
    manifest = manifest_of(runs, run_id)
    with tempfile.TemporaryDirectory(prefix="dyocense-replay-") as folder:
        known = settings.path("cache") / "policy"
        if known.is_dir():
            (Path(folder) / "policy").symlink_to(known)  # compiled policy, by the hash of its source
        wanted = {"cache": folder, "tier": _tier(runs, run_id) or settings["tier"], "graph": "none"}
        kernel = wiring.build(dataclasses.replace(settings, values={**settings.values, **wanted}))
        found = run_again(kernel, runs, run_id)
        return found, {kernel.house.version, str(manifest["versions"].get("dyocense-cli", ""))}


def _tier(runs: Any, run_id: str) -> str:
    from dyocense_cli.runner.snapshot import snapshot_artifact

    return str(snapshot_artifact(runs, run_id, "principal").tier)


def _elsewhere(against: str, reference: str, bundle: str | None, store: str | None, *, as_json: bool) -> int:
    """Let another installation replay the run; its own version is the one that is compared."""
    from dyocense_cli import wiring
    from dyocense_cli.cli.candidate import candidate

    asked = ["replay", reference, "--against", _recorded(reference, bundle, store)]
    asked += [part for flag, value in (("--bundle", bundle), ("--store", store)) if value for part in (flag, value)]
    with candidate(against, here=wiring.package_version()) as other:
        done = other.call(*asked, *(["--json"] if as_json else []))
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    return done.returncode


def _recorded(reference: str, bundle: str | None, store: str | None) -> str:
    from dyocense_cli.cli.evidence import opened
    from dyocense_cli.runner.references import find_run, manifest_of

    runs = opened(settings_of(store=store), bundle)
    run_id = runs.list()[0] if bundle else find_run(runs, reference)
    return str(manifest_of(runs, run_id)["versions"]["dyocense-cli"])


def _document(found: Replay, *, good: bool) -> dict[str, Any]:
    first = found.first
    return {
        "run_id": found.run_id,
        "run_fingerprint": found.run_fingerprint,
        "equal": found.equal,
        "same_kpis": found.same_kpis,
        "good": good,
        "stages": [dataclasses.asdict(s) for s in found.stages],
        "first_difference": None
        if first is None
        else {"stage": first.stage, "path": first.path, "recorded": first.old, "replayed": first.new},
        "objective": list(found.objective),
        "kpis": [list(k) for k in found.kpis],
        "versions": [list(v) for v in found.versions],
        "made_with": [list(v) for v in found.made_with],
        "warnings": list(found.warnings),
    }


def _show(found: Replay, *, figures: bool) -> None:
    marks = {"equal": "=", "differs": "≠", "verified": "✓", "taken": "·"}
    for stage in found.stages:
        note = f"  {stage.note}" if stage.note else ""
        typer.echo(f"  {marks[stage.state]} {stage.stage:<14} {stage.state}{note}")
    for name, recorded, here in found.versions:
        typer.echo(f"  {name} {recorded} in the record, {here} here")
    if found.made_with:
        typer.echo("made with " + ", ".join(f"{name} {version}" for name, version in found.made_with))
    first = found.first
    same = sum(s.state != "differs" for s in found.stages)
    typer.echo(f"{same} of {len(found.stages)} stages equal")
    if first is not None:
        where = f" at {first.path}: recorded {first.old}, now {first.new}" if first.path else f" ({first.note})"
        typer.echo(f"first difference: stage {first.stage}{where}")
        old, new = found.objective
        if old is not None and new is not None:
            typer.echo(f"objective {old:,.6g} recorded, {new:,.6g} now, difference {new - old:+,.6g}")
    if first is not None or figures:
        typer.echo(
            "figures are equal" if found.same_kpis else "figures differ: " + ", ".join(f"{n} {a:g} → {b:g}" for n, a, b in found.kpis[:5])
        )
    sys.stdout.flush()
