"""Build policies/ into the shipped pack (pack.json, policy.wasm). usage: build_policies.py [OPA]"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from dyocense_cli.adapters.policy.build import build_base

ROOT = Path(__file__).resolve().parent.parent

if __name__ == "__main__":
    opa = sys.argv[1] if len(sys.argv) > 1 else shutil.which("opa")
    if opa is None:
        sys.exit("no opa on PATH: build one with scripts/services, or name it")
    for file in build_base(str(ROOT / "policies"), str(ROOT / "dyocense_cli/adapters/policy/base"), opa=opa):
        print(Path(file).relative_to(ROOT))
