"""The service as the README starts it: its very commands, in a folder with goals and fixtures, with nothing configured."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from dyocense_cli.adapters.sandbox.bubblewrap import bubblewrap_works

from .api import REPO


def _commands() -> str:
    text = (REPO / "README.md").read_text("utf-8").partition("## Serve it")[2]
    return text.partition("```sh\n")[2].partition("```")[0]


def _listens(port: str) -> bool:
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", int(port))) == 0


@pytest.mark.timeout(900)
def test_the_commands_of_the_readme_plan_the_weekly_groceries(tmp_path: Path) -> None:
    if not bubblewrap_works() or shutil.which("curl") is None:
        pytest.skip("needs bubblewrap and curl: make services-up")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = str(s.getsockname()[1])
    for name in ("goals", "fixtures"):
        shutil.copytree(REPO / name, tmp_path / name)
    program = tmp_path / "bin" / "dyocense"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m dyocense_cli "$@"\n')
    program.chmod(0o755)
    script = _commands().replace("dyocense serve &", f"dyocense serve --port {port} 2>serve.log &").replace("8000", port)
    assert script.count(port) >= 3
    plain = {k: v for k, v in os.environ.items() if not k.startswith("DYOCENSE_")}
    environment = {**plain, "PATH": f"{program.parent}:{os.environ['PATH']}", "PYTHONPATH": str(REPO)}
    with (tmp_path / "out").open("wb") as out:
        done = subprocess.Popen(["bash", "-e", "-c", script], cwd=tmp_path, env=environment, stdout=out, start_new_session=True)
        try:
            assert done.wait() == 0, (tmp_path / "serve.log").read_text()
            ready, answer = (json.loads(part) for part in (tmp_path / "out").read_text().replace("}{", "}\n{", 1).splitlines())
            assert ready["status"] == "ready"
            token = subprocess.run(["dyocense", "serve", "token", "--tenant", "acme"], cwd=tmp_path, env=environment, capture_output=True)
            headers = {"Authorization": f"Bearer {token.stdout.decode().strip()}"}
            while answer["status"] in ("queued", "running"):  # a busy machine takes longer than the wait
                time.sleep(0.5)
                answer = httpx.get(f"http://127.0.0.1:{port}/runs/{answer['run_id']}", headers=headers).json()
        finally:
            os.killpg(done.pid, signal.SIGTERM)
            while _listens(port):
                time.sleep(0.1)
    assert answer["status"] == "succeeded", answer
    assert answer["result"]["status"] in ("OPTIMAL", "FEASIBLE")
    assert len(answer["result"]["steps"]) > 20
    assert {"report.html", "plan.csv"} <= set(answer["artifacts"])
