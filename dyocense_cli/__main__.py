"""Entry point: `dyocense` and `python -m dyocense_cli`."""

from __future__ import annotations

import os
import sys

__all__ = ["main"]


def _streams() -> None:
    """Open what the caller closed, and write what a stream's encoding lacks in its nearest plain letters."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115  # imports nothing, stays open
        stream = getattr(sys, name)
        if str(stream.encoding).lower().replace("-", "") != "utf8":
            from dyocense_cli.cli.plain import in_plain_letters

            in_plain_letters(stream)


def main() -> None:
    """Run the command line; general help and the version answer before anything else is imported."""
    _streams()
    arguments = sys.argv[1:]
    if arguments in ([], ["--help"], ["-h"], ["help"]):
        from dyocense_cli.cli.commands import general_help

        try:
            sys.stdout.write(general_help())
            sys.stdout.flush()
            return
        except OSError:  # said below as any other error is
            pass
    from dyocense_cli.cli.app import run
    from dyocense_cli.runner.patience import leave

    leave(run(arguments))


if __name__ == "__main__":
    main()
