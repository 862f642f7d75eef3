"""Groups of version 2: limits below a group that was given to the service, which moves out of the way first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from dyocense_cli.adapters.sandbox import cgroups


def tree(folder: Path, *, living: list[int], enabled: str = "") -> Path:
    """Lay out the files of a delegated group, without a kernel behind them."""
    (folder / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    (folder / "cgroup.subtree_control").write_text(enabled)
    (folder / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in living))
    return folder


def test_controllers_are_asked_for_where_they_are_there(tmp_path: Path) -> None:
    own = tree(tmp_path, living=[])
    assert not cgroups.room(own, ("memory", "misc"))
    assert (own / "cgroup.subtree_control").read_text() == ""
    assert not cgroups.room(own)  # the files do not answer as a kernel does
    assert (own / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"
    assert cgroups.room(tree(tmp_path, living=[], enabled="cpu memory pids"))
    assert not cgroups.room(tmp_path / "nowhere")


def test_processes_of_others_are_left_where_they_are(tmp_path: Path) -> None:
    own = tree(tmp_path, living=[os.getpid()])
    assert not cgroups.room(own / "cgroup.procs")  # no folder
    apart = subprocess.run(["setsid", "--fork", "sh", "-c", "echo $$; exec sleep 60 >&- 2>&-"], capture_output=True, text=True, check=True)
    stranger = int(apart.stdout)
    try:
        tree(tmp_path, living=[os.getpid(), stranger])
        (own / "cgroup.subtree_control").chmod(0o400)
        (own / "cgroup.subtree_control").unlink()
        (own / "cgroup.subtree_control").symlink_to("/proc/self/cgroup")  # read, and refused when it is written
        assert not cgroups.room(own)
        assert not (own / "dyocense-home").exists()
    finally:
        os.kill(stranger, signal.SIGKILL)
    tree_of_own = tmp_path / "cgroup.procs"
    tree_of_own.write_text(f"{os.getpid()}\n{os.getppid()}\n")
    assert not cgroups.room(own)  # still refused, but they moved
    assert (own / "dyocense-home" / "cgroup.procs").read_text() == str(os.getppid())


UNIFIED = [p for p in (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified")) if (p / "cgroup.controllers").is_file()]


def delegable() -> list[tuple[Path, str]]:
    """Return groups that this process may make groups in, each with a controller to try."""
    found = []
    for root in UNIFIED:
        names = (root / "cgroup.controllers").read_text().split()
        if names and os.access(root / "cgroup.subtree_control", os.W_OK) and os.access(root / "cgroup.procs", os.W_OK):
            found.append((root, "pids" if "pids" in names else names[0]))
    return found


_SCRIPT = """
import os, subprocess, sys
from pathlib import Path
from dyocense_cli.adapters.sandbox import cgroups
root, own, name = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
own.mkdir()
(own / "cgroup.procs").write_text(str(os.getpid()))
kid = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
try:
    print(cgroups.room(own, (name,)), cgroups.room(own, (name,)))
    print(sorted(map(int, (own / "dyocense-home" / "cgroup.procs").read_text().split())) == sorted([os.getpid(), kid.pid]))
    (own / "dyocense-1-job").mkdir()
    print(any((own / "dyocense-1-job").glob(f"{name}*max")))
    (own / "dyocense-1-job").rmdir()
finally:
    kid.communicate(b"")
    (root / "cgroup.procs").write_text(str(os.getpid()))
    for folder in (own / "dyocense-home", own):
        folder.rmdir() if folder.exists() else None
"""


def on_a_real_tree(root: Path, name: str) -> None:
    before = (root / "cgroup.subtree_control").read_text().split()
    if name not in before:
        (root / "cgroup.subtree_control").write_text(f"+{name}")
    own = root / f"dyocense-test-{uuid.uuid4().hex}"
    done = subprocess.run([sys.executable, "-c", _SCRIPT, str(root), str(own), name], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["True"] * 4, done.stderr
    assert not own.exists()


if delegable():

    @pytest.mark.parametrize(("root", "name"), delegable())
    def test_a_kernel_gives_limits_once_the_service_has_moved(root: Path, name: str) -> None:
        on_a_real_tree(root, name)
