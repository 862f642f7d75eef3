"""What the machine may do to a command: closed and full streams, other encodings, places that cannot be written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dyocense_cli.cli.app import _other
from tests.cli.project import dyocense, environment

GOAL = "goals/farm.yaml"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A planned project, so that every further plan of its goal is known."""
    folder = tmp_path_factory.mktemp("hostile")
    assert dyocense("init", ".", "--template", "custom", cwd=folder).code == 0
    assert dyocense("plan", GOAL, cwd=folder).code == 0
    return folder


def shell(script: str, cwd: Path) -> tuple[int, str]:
    """Run a line of shell in which `$d` is the command; return its code and what reached the pipe."""
    done = subprocess.run(
        ["sh", "-c", script], cwd=cwd, env=environment(d=f"{sys.executable} -m dyocense_cli"), capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("command", ["--help", "runs list", f"plan {GOAL}", f"plan {GOAL} --json"])
def test_a_full_output_is_an_error_and_no_bug(project: Path, command: str) -> None:
    code, text = shell(f"$d {command} >/dev/full", project)
    assert code == 7
    assert "error[DY4703]: cannot write: No space left on device" in text
    assert "Traceback" not in text


def test_a_limit_on_memory_that_only_the_graph_exceeds_keeps_the_run(tmp_path: Path) -> None:
    assert dyocense("init", ".", "--template", "custom", cwd=tmp_path).code == 0
    code, text = shell(f"ulimit -v 3000000; $d plan {GOAL}", tmp_path)
    assert code == 7, text
    assert "error[DY4406]: the graph cannot be opened" in text
    assert "the run is kept" in text


@pytest.mark.parametrize(
    "error", [MemoryError(), ImportError("x.so: failed to map segment from shared object"), OSError(12, "Cannot allocate memory")]
)
def test_memory_that_is_refused_is_no_bug(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    assert _other(error, ["plan"], as_json=False) == 7
    assert "error[DY4703]: out of memory" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["--help", "runs list", f"plan {GOAL} --json"])
def test_closed_streams_are_what_the_caller_wanted(project: Path, command: str) -> None:
    assert shell(f"$d {command} >&-", project)[0] == 0
    code, text = shell(f"$d {command} 2>&-", project)
    assert code == 0
    assert text


def encoded(encoding: str, *arguments: str, cwd: Path) -> tuple[int, bytes]:
    """Run the command with streams of an encoding; return its code and the bytes of standard output."""
    done = subprocess.run(
        [sys.executable, "-m", "dyocense_cli", *arguments],
        cwd=cwd,
        env=environment(PYTHONIOENCODING=encoding),
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_stream_that_lacks_signs_gets_plain_letters(project: Path, encoding: str) -> None:
    code, out = encoded(encoding, "plan", GOAL, cwd=project)
    assert code == 0
    assert "objective -108,390.00 USD" in out.decode(encoding)
    assert b"?" not in out
    code, out = encoded(encoding, "plan", "goals/größe.yaml", "--json", cwd=project)
    assert code == 3
    assert "größe.yaml" in json.loads(out.decode("utf-8"))["error"]["message"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("plan", GOAL, "--xlsx", "nowhere/plan.xlsx"), "cannot use `nowhere/plan.xlsx`: No such file or directory"),
        (("plan", GOAL, "--store", GOAL), "goals/farm.yaml`: File exists"),
        (("plan", GOAL, "--store", "ftp://place/runs"), "error[DY4303]: `ftp://place/runs` is not a store"),
        (("plan", GOAL, "--policy", "polices"), "error[DY1026]: there is no folder of policies `polices` (flag)"),
        (("lint", GOAL, "--output", "nowhere/findings"), "error[DY1025]: cannot use `nowhere/findings`"),
        (("compile", GOAL, "--export", "mps", "--out", f"{GOAL}/x"), "error[DY1025]: cannot use `goals/farm.yaml/x`: Not a directory"),
        (("init", GOAL), "error[DY1025]"),
    ],
)
def test_a_place_that_cannot_be_used_is_named(project: Path, arguments: tuple[str, ...], said: str) -> None:
    done = dyocense(*arguments, cwd=project)
    assert done.code == 2, done.err
    assert said in done.err
    assert "bug of this program" not in done.err


def test_a_misspelt_setting_of_policies_is_not_taken_for_none(project: Path) -> None:
    done = dyocense("lint", GOAL, cwd=project, DYOCENSE_POLICIES="polices")
    assert done.code == 2
    assert "environment DYOCENSE_POLICIES" in done.err
