"""Help is quick: it imports neither data libraries nor solvers."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dyocense_cli.cli.commands import COMMANDS

HEAVY = ("numpy", "scipy", "pandas", "highspy", "ortools", "duckdb", "pyomo", "statsmodels", "statsforecast", "numba", "pint", "neo4j", "minio", "dbos", "fastapi")


def imported(*arguments: str) -> tuple[str, set[str]]:
    """Run the command with -X importtime; return its output and the names of all imported modules."""
    done = subprocess.run([sys.executable, "-X", "importtime", "-m", "dyocense_cli", *arguments], capture_output=True, text=True, check=True)
    return done.stdout, {line.rsplit("|", 1)[-1].strip().partition(".")[0] for line in done.stderr.splitlines() if line.startswith("import time:")}


def test_general_help_imports_neither_numpy_nor_a_solver_nor_the_option_parser() -> None:
    text, modules = imported("--help")
    assert [c.name for c in COMMANDS if c.name not in text] == []
    assert modules.isdisjoint((*HEAVY, "typer", "rich", "yaml"))


@pytest.mark.parametrize("command", [c.name for c in COMMANDS])
def test_help_of_every_command_imports_no_data_library(command: str) -> None:
    text, modules = imported(command, "--help")
    assert "Usage:" in text
    assert modules.isdisjoint(HEAVY)
