"""The wheel that users install: it holds all data files and plans in an empty folder without a network."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from tests.cli.project import ROOT

#: Any attempt to reach another machine ends the program.
NO_NETWORK = """
import socket
def refuse(*_args, **_keywords):
    raise SystemExit("the network was asked for")
socket.getaddrinfo = refuse
socket.socket.connect = refuse
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel offline, with the build tools that are installed."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("*.whl")
    return built


def _uv() -> list[str]:
    """Return the command of uv: the module that `make setup` installs, or a program."""
    if importlib.util.find_spec("uv") is not None:
        return [sys.executable, "-m", "uv"]
    found = shutil.which("uv")
    if found is None:
        pytest.skip("needs uv: pip install uv")
    return [found]


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an empty environment into which the wheel and its pinned dependencies were installed.

    They come from uv's cache, which `make setup` filled; only where that has gone is the index asked.
    """
    place = tmp_path_factory.mktemp("environment") / "env"
    venv.create(place, with_pip=False)
    program = place / "bin" / "python"
    install = [*_uv(), "pip", "install", "-q", "--python", str(program), "-r", str(ROOT / "requirements" / "run.txt"), str(wheel)]
    for offline in (["--offline"], []):
        done = subprocess.run([*install, *offline], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            break
    else:
        pytest.skip("needs the pinned packages in uv's cache, or a package index")
    (site,) = place.glob("lib/python3*/site-packages")
    (site / "sitecustomize.py").write_text(NO_NETWORK, "utf-8")
    return program


def run(python: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command that the wheel installed, without a network."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8", "DYOCENSE_OPA": ""}
    return subprocess.run([python.parent / "dyocense", *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False)


def test_every_data_file_is_in_the_wheel(wheel: Path) -> None:
    tracked = subprocess.run(["git", "ls-files", "dyocense_cli"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    assert sorted(set(tracked) - held) == []
    for ending in (".wasm", ".schema.json", ".j2", "replenishment.yaml", "goals/farm.yaml", ".sql"):
        assert any(name.endswith(ending) for name in held), ending


def test_the_wheel_names_its_commands(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith("entry_points.txt"))
        text = archive.read(name).decode("utf-8")
    assert "dyocense = dyocense_cli.__main__:main" in text
    assert "[pytest11]" in text


def test_the_installed_package_is_the_one_of_the_wheel(python: Path, tmp_path: Path) -> None:
    done = subprocess.run([python, "-P", "-c", "import dyocense_cli; print(dyocense_cli.__file__)"], cwd=tmp_path, env={}, capture_output=True, text=True, check=False)
    assert done.stdout.strip().startswith(str(python.parent.parent)), done.stderr
    version = run(python, tmp_path, "--version")
    assert (version.returncode, version.stdout.startswith("dyocense 0.")) == (0, True), version.stderr


def test_the_package_runs_as_a_module_too(python: Path, tmp_path: Path) -> None:
    done = subprocess.run([python, "-P", "-m", "dyocense_cli", "--version"], cwd=tmp_path, env={}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, run(python, tmp_path, "--version").stdout), done.stderr


#: What keeps the test of the large template short; the template itself plans in under a minute.
SMALL = ("--set", "horizon.periods=4", "--set", "forecast.num_scenarios=8", "--set", "forecast.reduce.to=2", "--set", "solver.mip_gap=0.1")


@pytest.mark.parametrize(
    ("template", "goal", "objective", "flags"),
    [
        ("replenishment", "goals/weekly.yaml", None, SMALL),
        ("newsvendor", "goals/papers.yaml", -80.81, ()),
        ("lot-sizing", "goals/line.yaml", 3726.0, ("--set", "solver.mip_gap=0.01")),
        ("custom", "goals/farm.yaml", -108390.0, ()),
    ],
)
def test_an_empty_folder_becomes_a_plan_offline(
    python: Path, tmp_path: Path, template: str, goal: str, objective: float | None, flags: tuple[str, ...]
) -> None:
    made = run(python, tmp_path, "init", "demo", "--template", template)
    assert made.returncode == 0, made.stderr
    assert goal in made.stdout
    planned = run(python, tmp_path / "demo", "plan", goal, "--json", *flags)
    assert planned.returncode == 0, planned.stderr
    document = json.loads(planned.stdout)
    assert document["gap"] <= 0.1
    if objective is not None:
        assert document["objective"] == pytest.approx(objective, rel=1e-6 if not flags else 0.02)


def test_another_version_replays_from_its_wheel(python: Path, wheel: Path, tmp_path: Path) -> None:
    assert run(python, tmp_path, "init", ".", "--template", "newsvendor").returncode == 0
    assert run(python, tmp_path, "plan", "goals/papers.yaml", "--quiet").returncode == 0
    done = run(python, tmp_path, "golden", "shadow", "--against", str(wheel))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "1 of 1 run good"), done.stdout + done.stderr


def test_the_source_archive_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    made = subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path], cwd=ROOT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    again = subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], cwd=source, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(tmp_path / wheel.name) as other:
        assert {n: one.read(n) for n in one.namelist()} == {n: other.read(n) for n in other.namelist()}
