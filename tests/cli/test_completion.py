"""Shell completion: what a shell asks this program, and what bash makes of the answers."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dyocense_cli.cli.completion import candidates
from tests.cli.project import dyocense, environment


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("completion")
    assert dyocense("init", ".", "--template", "newsvendor", cwd=folder).code == 0
    assert dyocense("plan", "goals/papers.yaml", "--quiet", cwd=folder).code == 0
    shims = folder / "shims"
    shims.mkdir()
    (shims / "dyocense").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m dyocense_cli "$@"\n', "utf-8")
    (shims / "dyocense").chmod(0o755)
    return folder


def words(project: Path, *typed: str) -> list[str]:
    """Return what the program answers a shell; in this process, for a shell asks often."""
    with contextlib.chdir(project):
        return candidates(list(typed))


def test_commands_groups_options_goals_and_values_are_offered(project: Path) -> None:
    assert words(project, "pl") == ["plan"]
    assert {"plan", "lint", "golden", "completion"} <= set(words(project, ""))
    assert words(project, "golden", "") == ["check", "compare", "shadow", "update"]
    assert words(project, "golden", "sh") == ["shadow"]
    assert words(project, "plan", "")[0] == "goals/papers.yaml"
    assert words(project, "plan", "goals/p") == ["goals/papers.yaml"]
    assert {"--set", "--select", "--pareto", "--help"} <= set(words(project, "plan", "goals/papers.yaml", "--"))
    assert words(project, "init", "--template", "n") == ["newsvendor"]
    assert words(project, "lint", "--format", "s") == ["sarif"]
    assert words(project, "completion", "") == ["bash", "zsh", "fish"]


def test_runs_are_offered_by_reference_goal_and_id(project: Path) -> None:
    (run_id,) = [p.name for p in (project / "runs").iterdir() if p.is_dir()]
    assert words(project, "replay", "") == ["@last", "@prev", "@papers", run_id]
    assert words(project, "replay", "@p") == ["@prev", "@papers"]
    assert words(project, "diff", "@last", run_id[:5]) == [run_id]
    assert words(project, "golden", "shadow", "@last", "@l") == ["@last"]
    assert words(project, "plan", "goals/papers.yaml", "--warm-from", "@l") == ["@last"]


@pytest.mark.parametrize("typed", [("nothing", ""), ("plan", "goals/papers.yaml", "--set", "x"), ("diff", "a", "b", ""), ("golden", "no", "")])
def test_what_cannot_be_completed_is_silence(project: Path, typed: tuple[str, ...]) -> None:
    assert words(project, *typed) == []


def test_outside_a_project_nothing_is_wrong(tmp_path: Path) -> None:
    assert words(tmp_path, "replay", "@") == ["@last", "@prev"]
    assert words(tmp_path, "plan", "") == []


def ask(shell: str, project: Path, body: str) -> list[str]:
    path = f"{project / 'shims'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run([shell, "-c", body], cwd=project, env=environment(PATH=path), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("line", "expected"),
    [("dyocense pl", ["plan"]), ("dyocense golden u", ["update"]), ("dyocense replay @la", ["@last"]), ("dyocense plan goals/p", ["goals/papers.yaml"])],
)
def test_bash_completes_what_was_typed(project: Path, line: str, expected: list[str]) -> None:
    typed = " ".join(shlex.quote(w) for w in line.split(" "))
    body = f'source <(dyocense completion bash); COMP_WORDS=({typed}); COMP_CWORD={len(line.split(" ")) - 1}; _dyocense; printf "%s\\n" "${{COMPREPLY[@]}}"'
    bash = shutil.which("bash")
    assert bash is not None
    assert ask(bash, project, body) == expected


def test_no_shell_but_three_has_a_script(project: Path) -> None:
    done = dyocense("completion", "tcsh", cwd=project)
    assert (done.code, "bash|zsh|fish" in done.err) == (2, True)
    for shell in ("bash", "zsh", "fish"):
        assert "dyocense completion --words" in dyocense("completion", shell, cwd=project).out
