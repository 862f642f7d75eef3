"""Entry point: `dyocense` and `python -m dyocense_cli`."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; general help and the version answer before anything else is imported."""
    arguments = sys.argv[1:]
    if arguments in ([], ["--help"], ["-h"], ["help"]):
        from dyocense_cli.cli.commands import general_help

        sys.stdout.write(general_help())
        return
    from dyocense_cli.cli.app import run
    from dyocense_cli.runner.patience import leave

    leave(run(arguments))


if __name__ == "__main__":
    main()
