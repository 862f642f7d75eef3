"""A real worker process with the kernel's own child. Arguments: a JSON object of settings; `serve_state` and `database_url` among them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from dyocense_cli.serve.config import read_config
from dyocense_cli.serve.worker import run_worker

from .api import settings_for

if __name__ == "__main__":
    more = json.loads(sys.argv[1])
    settings = settings_for(Path(more.pop("serve_state")), more.pop("database_url"), **more)
    raise SystemExit(run_worker(read_config(settings), slots=1))
