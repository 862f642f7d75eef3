"""Find a run by what a person types: id, prefix, fingerprint, @last, @prev, @goal_id or a path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyocense_cli.errors import UsageError

if TYPE_CHECKING:
    from dyocense_cli.ports import RunStore

__all__ = ["find_run", "manifest_of", "read_json"]


def read_json(runs: RunStore, run_id: str, name: str) -> dict[str, Any]:
    """Return a JSON file of a run."""
    document: dict[str, Any] = json.loads(runs.read(run_id, name))
    return document


def manifest_of(runs: RunStore, run_id: str) -> dict[str, Any]:
    """Return the predicate of a run's manifest: the run itself, with its files' hashes under ``files``."""
    statement = read_json(runs, run_id, "manifest.json")
    files = {s["name"]: "sha256:" + s["digest"]["sha256"] for s in statement["subject"]}
    predicate: dict[str, Any] = {**statement["predicate"], "files": files}
    return predicate


def find_run(runs: RunStore, reference: str) -> str:
    """Return the id of the run that a reference names.

    Raises
    ------
    UsageError
        DY1007 if no run, or more than one, is meant.
    """
    known = runs.list()
    if not known:
        raise UsageError("DY1007", "there are no runs yet", hints="dyocense plan goals/NAME.yaml")
    if reference in ("@last", "@prev"):
        back = 1 if reference == "@last" else 2
        if len(known) < back:
            raise UsageError("DY1007", "there is only one run", hints="dyocense runs list")
        return known[-back]
    if reference.startswith("@"):
        return _of_goal(runs, known, reference[1:])
    name = Path(reference).name if "/" in reference else reference
    if name in known:
        return name
    return _by_prefix(runs, known, name)


def _of_goal(runs: RunStore, known: list[str], goal: str) -> str:
    for run_id in reversed(known):
        if manifest_of(runs, run_id)["goal_id"] == goal:
            return run_id
    raise UsageError("DY1007", f"no run of goal `{goal}`", hints="dyocense runs list")


def _by_prefix(runs: RunStore, known: list[str], name: str) -> str:
    by_id = [r for r in known if r.startswith(name)]
    if not by_id:
        digits = name.removeprefix("dyo1-plan-").removeprefix("sha256:")
        by_id = [r for r in known if digits and _fingerprint(runs, r).startswith(digits)][-1:]
    if len(by_id) == 1:
        return by_id[0]
    if by_id:
        raise UsageError("DY1007", f"`{name}` names {len(by_id)} runs", hints=f"type more of it: {by_id[0]}, {by_id[1]}")
    raise UsageError("DY1007", f"no run is named `{name}`", hints="dyocense runs list")


def _fingerprint(runs: RunStore, run_id: str) -> str:
    return str(manifest_of(runs, run_id)["run_fingerprint"]).removeprefix("sha256:")
