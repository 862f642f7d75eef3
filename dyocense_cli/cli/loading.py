"""Import a command when it is wanted."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import typer

from dyocense_cli.cli.commands import Command

__all__ = ["load_command"]


def load_command(command: Command) -> Callable[..., Any]:
    """Import a command and return it ready to be called with ``args``."""
    module = importlib.import_module(f"dyocense_cli.cli.{command.module}")
    if command.group:
        return typer.main.get_command(module.app)
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(command.name)(getattr(module, command.name))
    return typer.main.get_command(single)
