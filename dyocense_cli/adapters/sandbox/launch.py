"""Start of a sandboxed process: join cgroups, set limits, die with the parent, then become the command.

Run by path with an isolated interpreter, so that limits are set in a process of its own and never between fork and exec of a
program with threads. Arguments: a JSON object ``{"rlimits": {name: number}, "cgroups": [folder]}``, then the command.
"""

import ctypes
import json
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Set up this process and replace it by the command."""
    setup = json.loads(sys.argv[1])
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == 1:
            raise SystemExit("the parent is gone")
    for folder in setup["cgroups"]:
        with open(folder + "/cgroup.procs", "w", encoding="ascii") as procs:  # noqa: PTH123  # no pathlib: start time counts
            procs.write(str(os.getpid()))
    for name, value in setup["rlimits"].items():
        kind = getattr(resource, name)
        _, hard = resource.getrlimit(kind)
        limit = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (limit, limit))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606  # the command is the caller's list


if __name__ == "__main__":
    main()
