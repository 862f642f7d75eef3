"""A real worker process whose runs are `newsvendor_child.py`. Arguments: state folder, database URL, tenants file, slots, sandbox."""

from __future__ import annotations

import sys
from pathlib import Path

from dyocense_cli.serve.config import read_config
from dyocense_cli.serve.worker import run_worker

from .api import settings_for


def main(state: str, url: str, tenants: str, slots: str, sandbox: str) -> int:
    config = read_config(settings_for(Path(state), url, tenants=tenants, sandbox=sandbox))
    child = str(Path(__file__).with_name("newsvendor_child.py"))
    return run_worker(config, slots=int(slots), command=(sys.executable, "-I", "-S", child))


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
