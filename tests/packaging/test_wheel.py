"""The wheel that users install: it holds all data files and plans in an empty folder without a network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
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


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of a new environment that has the wheel, and sees the dependencies that are installed here."""
    place = tmp_path_factory.mktemp("environment")
    venv.create(place, with_pip=False)
    program = place / "bin" / "python"
    site = Path(subprocess.run([program, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], capture_output=True, text=True, check=True).stdout.strip())
    with zipfile.ZipFile(wheel) as archive:  # unpacking is installing, for a wheel without scripts of its own
        archive.extractall(site)
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    (site / "sitecustomize.py").write_text(NO_NETWORK, "utf-8")
    return program


def run(python: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8", "DYOCENSE_OPA": ""}
    return subprocess.run([python, "-P", "-m", "dyocense_cli", *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False)


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


@pytest.mark.parametrize(("template", "goal", "objective"), [("newsvendor", "goals/papers.yaml", -80.81), ("custom", "goals/farm.yaml", -108390.0)])
def test_an_empty_folder_becomes_a_plan_offline(python: Path, tmp_path: Path, template: str, goal: str, objective: float) -> None:
    made = run(python, tmp_path, "init", "demo", "--template", template)
    assert made.returncode == 0, made.stderr
    planned = run(python, tmp_path / "demo", "plan", goal, "--json")
    assert planned.returncode == 0, planned.stderr
    assert json.loads(planned.stdout)["objective"] == pytest.approx(objective, rel=1e-6)
