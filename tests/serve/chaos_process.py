"""Real processes of the service, made by forking one that has imported everything: a start costs a tenth of a new interpreter's.

Reads lines ``{"what": "api" or "worker", "number": port or slots, "log": file, "settings": {…}}`` and answers each with a process id.
A worker's runs are `newsvendor_child.py`, which is the kernel's own child where the request is not one of its own.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from dyocense_cli.adapters.queue import worker as _worker  # noqa: F401  # what both kinds need is imported here
from dyocense_cli.adapters.sql import accounts, figures, migrate, outbox, runs  # noqa: F401
from dyocense_cli.serve.config import read_config
from dyocense_cli.serve.run import run_service
from dyocense_cli.serve.worker import run_worker

from .api import settings_for

CHILD = (sys.executable, "-S", str(Path(__file__).with_name("newsvendor_child.py")))


def run(what: str, number: int, settings: dict[str, Any]) -> int:
    resolved = settings_for(Path(settings.pop("serve_state")), settings.pop("database_url"), **settings)
    if what == "api":
        return run_service(resolved, host="127.0.0.1", port=number, slots=0)
    return run_worker(read_config(resolved), slots=number, command=CHILD)


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead need no burial
    for line in sys.stdin:
        asked = json.loads(line)
        if pid := os.fork():
            print(pid, flush=True)
            continue
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(log, stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        code = 1
        try:
            code = run(asked["what"], asked["number"], asked["settings"])
        finally:
            os._exit(code)


if __name__ == "__main__":
    main()
