"""A real process of the service: ``api PORT`` or ``worker SLOTS``, then a JSON object of settings.

A worker's runs are `newsvendor_child.py`, which is the kernel's own child where the request is not one of its own.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from dyocense_cli.serve.config import read_config
from dyocense_cli.serve.run import run_service
from dyocense_cli.serve.worker import run_worker

from .api import settings_for


def main(what: str, number: str, settings: str) -> int:
    more = json.loads(settings)
    resolved = settings_for(Path(more.pop("serve_state")), more.pop("database_url"), **more)
    if what == "api":
        return run_service(resolved, host="127.0.0.1", port=int(number), slots=0)
    child = str(Path(__file__).with_name("newsvendor_child.py"))
    return run_worker(read_config(resolved), slots=int(number), command=(sys.executable, "-S", child))


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
