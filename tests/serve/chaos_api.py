"""A real API process without workers. Arguments: state folder, database URL, tenants file, port."""

from __future__ import annotations

import sys
from pathlib import Path

from dyocense_cli.serve.run import run_service

from .api import settings_for

if __name__ == "__main__":
    state, url, tenants, port = sys.argv[1:]
    raise SystemExit(
        run_service(settings_for(Path(state), url, tenants=tenants, sandbox="rlimits"), host="127.0.0.1", port=int(port), slots=0)
    )
