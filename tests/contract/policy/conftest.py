"""Fixtures of the policy port's suite."""

from __future__ import annotations

import contextlib
import functools
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dyocense_cli.adapters.policy.build import bundles
from dyocense_cli.adapters.policy.opa_managed import OpaManaged
from dyocense_cli.adapters.policy.opa_process import OpaProcess
from dyocense_cli.adapters.policy.opa_server import OpaServer
from dyocense_cli.adapters.policy.opa_wasm import OpaWasm
from dyocense_cli.adapters.policy.pack import Pack, load_pack
from dyocense_cli.adapters.policy.wire import Wire
from dyocense_cli.errors import UnavailableError
from tests.opa import opa_binary, org_data, write_fake

__all__ = ["await_true", "opa_binary", "running_opa"]


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """The shipped rules with data in which each has something to say."""
    import json

    folder = tmp_path_factory.mktemp("policies")
    (folder / "data.json").write_text(json.dumps(org_data()), encoding="utf-8")
    return load_pack(str(folder))


def await_true(ready: Callable[[], bool]) -> None:
    """Ask until it is so; a minute at the most."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(UnavailableError):
            if ready():
                return
        time.sleep(0.02)
    pytest.fail("it did not come to pass within a minute")


@contextlib.contextmanager
def running_opa(binary: str, pack: Pack, folder: Path) -> Iterator[str]:
    """An OPA server of somebody else's that holds a pack; yields its address."""
    for name, content in bundles(pack).items():
        (folder / name).write_bytes(content)
    argv = [binary, "run", "--server", "--disable-telemetry", "--addr", f"unix://{folder}/s", "-b", "base.tar.gz", "-b", "org.tar.gz"]
    process = subprocess.Popen(argv, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wire = Wire(f"unix://{folder}/s")
        await_true(lambda: wire.send("GET", "/health?bundles")[0] == 200)
        yield f"unix://{folder}/s"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="session")
def engines(pack: Pack, opa_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Every engine by name, each with the same pack."""
    cache = str(tmp_path_factory.mktemp("cache"))
    managed = OpaManaged(opa_binary, lambda: pack, cache=cache)
    with (
        tempfile.TemporaryDirectory(prefix="opa") as short,
        running_opa(opa_binary, pack, Path(short)) as url,
    ):  # socket paths end at 107 bytes
        yield {
            "opa_process": OpaProcess(opa_binary, pack, cache=cache),
            "opa_wasm": OpaWasm(pack, cache=cache),
            "opa_managed": managed,
            "opa_server": OpaServer(url),
        }
    managed.close()


@pytest.fixture
def fake_opa(tmp_path: Path) -> Any:
    """Return a maker of executables that stand in for `opa`: ``fake_opa(python_body)`` -> path."""
    return functools.partial(write_fake, tmp_path)
