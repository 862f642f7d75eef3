"""Which protections are active here: told by /healthz, doctor and each run's evidence."""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Any

from dyocense_cli.errors import DyocenseError
from dyocense_cli.ports import SandboxLimits
from dyocense_cli.serve.config import ServeConfig
from dyocense_cli.wiring_service import sandbox_named

__all__ = ["active_protections"]


def active_protections(config: ServeConfig) -> dict[str, Any]:
    """Return the sandbox and what it holds, by running an empty job in it.

    Raises
    ------
    UnavailableError
        DY4701 when the configured sandbox cannot be had here: the service does not fall back to a weaker one unasked.
    """
    with tempfile.TemporaryDirectory() as folder:
        sandbox = sandbox_named(config.sandbox, env={"PATH": os.environ.get("PATH", "")}, readable=(), hidden=())
        ended = sandbox.run([sys.executable, "-I", "-S", "-c", ""], cwd=folder, stdin=b"", limits=SandboxLimits(20.0, 256 << 20))
    if ended.reason != "done" or ended.exit_code != 0:
        raise DyocenseError("DY4701", f"the sandbox `{config.sandbox}` does not work here: {ended.stderr.decode('utf-8', 'replace')[:200]}")
    return {"sandbox": config.sandbox, "holds": sorted(sandbox.features), "protections": list(ended.protections)}
