"""Fixtures of the policy port's suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dyocense_cli.adapters.policy.opa_managed import OpaManaged
from dyocense_cli.adapters.policy.opa_process import OpaProcess
from dyocense_cli.adapters.policy.opa_wasm import OpaWasm
from dyocense_cli.adapters.policy.pack import Pack, load_pack
from tests.opa import opa_binary, org_data

__all__ = ["opa_binary"]


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """The shipped rules with data in which each has something to say."""
    import json

    folder = tmp_path_factory.mktemp("policies")
    (folder / "data.json").write_text(json.dumps(org_data()), encoding="utf-8")
    return load_pack(str(folder))


@pytest.fixture(scope="session")
def engines(pack: Pack, opa_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Every engine by name, each with the same pack."""
    cache = str(tmp_path_factory.mktemp("cache"))
    managed = OpaManaged(opa_binary, lambda: pack, cache=cache)
    yield {"opa_process": OpaProcess(opa_binary, pack, cache=cache), "opa_wasm": OpaWasm(pack, cache=cache), "opa_managed": managed}
    managed.close()


@pytest.fixture
def fake_opa(tmp_path: Path) -> Any:
    """Return a maker of executables that stand in for `opa`: ``fake_opa(python_body)`` -> path."""
    import sys

    def make(body: str, *, version: str = "Version: 1.22.2") -> str:
        path = tmp_path / "opa"
        script = (
            f"#!{sys.executable} -ES\nimport json, os, signal, sys, time\n"
            f"if sys.argv[1:] == ['version']:\n    print({version!r})\n    sys.exit(0)\n{body}\n"
        )
        path.write_text(script, encoding="utf-8")
        path.chmod(0o755)
        return str(path)

    return make
