"""Lint speed: one goal, a thousand goals, positions in a context of 100,000 lines, a CSV of a million rows; CPU seconds."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]


def cpu(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def process(*arguments: str, cwd: Path) -> float:
    """Return the CPU seconds of a command in a process of its own; the best of three."""
    return python("-m", "dyocense_cli", *arguments, cwd=cwd)


def python(*arguments: str, cwd: Path) -> float:
    """Return the CPU seconds of an interpreter in a process of its own; the best of three."""
    best = float("inf")
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=False,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return best


def row(what: str, seconds: float, budget: str, note: str = "") -> None:
    print(f"| {what} | {seconds:.3f} | {budget} | {note} |")


def goals(folder: Path) -> None:
    """Measure one goal and a thousand different ones, on the shipped grocery context."""
    import shutil

    for name in ("goals", "fixtures"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "dyocense.toml").write_text("")
    text = (folder / "goals" / "grocery-weekly.yaml").read_text()
    many = folder / "goals" / "many"
    many.mkdir()
    for i in range(1000):
        made = (
            text.replace("id: grocery-weekly", f"id: grocery-{i}").replace("15500", str(15000 + i)).replace("../fixtures", "../../fixtures")
        )
        (many / f"g{i}.yaml").write_text(made)
    row("yardstick: `import numpy`, process", python("-c", "import numpy", cwd=folder), "")
    row("one goal, process", process("lint", "goals/grocery-weekly.yaml", cwd=folder), "0.5", "rules, compiler's static passes and policy")
    row("one goal, process, no policy", process("lint", "goals/grocery-weekly.yaml", "--no-policy-check", cwd=folder), "0.5")
    row("1,000 goals, process", process("lint", "goals/many", "--format", "json", cwd=folder), "5")
    row("1,000 goals, no policy", process("lint", "goals/many", "--format", "json", "--no-policy-check", cwd=folder), "5")


def positions() -> None:
    """Measure reading with places against PyYAML's own composer on the same text."""
    from dyocense_cli.kernel.goaldsl.nodes import SpanMap
    from dyocense_cli.kernel.goaldsl.reader import BULK, read_yaml

    rows = "".join(f"      - sku: SKU-{i}\n        on_hand: {i % 97}\n" for i in range(50_000))
    text = f"dsl: context/v1\ncurrency: EUR\ntables:\n  stock:\n    rows:\n{rows}"
    root, _ = read_yaml(text, "c.yaml", BULK)
    ours = min(cpu(lambda: read_yaml(text, "c.yaml", BULK)) for _ in range(3))
    theirs = min(cpu(lambda: yaml.compose(text, Loader=yaml.CSafeLoader)) for _ in range(3))
    assert root is not None
    spans = SpanMap(root, "c.yaml")
    assert spans["/tables/stock/rows/49999/on_hand"].line == 100_005
    row("positions of 100,000 lines", ours, "1", f"{ours / theirs:.2f} x yaml.compose (which gives no duplicate keys and no limits)")


def csv(folder: Path) -> None:
    """Measure a history of a million rows: read and bound."""
    from dyocense_cli.adapters.workspace.directory import DirectoryWorkspace
    from dyocense_cli.kernel.context.bind import bind
    from dyocense_cli.kernel.goaldsl.parse import parse_context, parse_goal

    with (folder / "history.csv").open("w") as stream:
        stream.write("sku,date,quantity\n")
        stream.writelines(
            f"SKU-{i % 5000},{2022 + i // 5000 // 250}-{i // 5000 % 250 // 28 + 1:02d}-{i // 5000 % 28 + 1:02d},{i % 97}\n"
            for i in range(1_000_000)
        )
    spec = parse_context("dsl: context/v1\ncurrency: EUR\ntables: {history: {file: history.csv}}\n", file="c.yaml")
    goal = parse_goal("dsl: goal/v1\nid: g\nmodel: m\ncontext: c.yaml\n", file="g.yaml")
    workspace = DirectoryWorkspace(str(folder))
    tables = workspace.tables(spec)
    row("CSV of 1,000,000 rows, read", min(cpu(lambda: workspace.tables(spec)) for _ in range(3)), "2")
    row("the same, bound", min(cpu(lambda: bind(goal, spec, tables)) for _ in range(3)), "")


if __name__ == "__main__":
    print("| what | CPU s | budget s | note |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        goals(Path(name))
    positions()
    with tempfile.TemporaryDirectory() as name:
        csv(Path(name))
    print(f"\npeak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
