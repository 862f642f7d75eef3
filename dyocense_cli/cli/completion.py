"""Shell completion: commands, goals under goals/ and run references."""

from __future__ import annotations

from typing import Final

from dyocense_cli.cli.commands import COMMANDS
from dyocense_cli.errors import UsageError

__all__ = ["script"]

_BASH: Final = """_dyocense() {{
  local word=${{COMP_WORDS[COMP_CWORD]}}
  if [ "$COMP_CWORD" -eq 1 ]; then COMPREPLY=($(compgen -W "{names}" -- "$word"));
  elif [[ $word == @* ]]; then COMPREPLY=($(compgen -W "@last @prev" -- "$word"));
  else COMPREPLY=($(compgen -f -- "$word")); fi
}}
complete -o filenames -F _dyocense dyocense
"""
_ZSH: Final = "#compdef dyocense\nautoload -U +X bashcompinit && bashcompinit\n" + _BASH
_FISH: Final = 'complete -c dyocense -n "__fish_use_subcommand" -f -a "{names}"\n'


def script(shell: str) -> str:
    """Return the completion script of a shell (bash, zsh or fish); DY1003 for another."""
    scripts = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
    if shell not in scripts:
        raise UsageError("DY1003", f"no completion for shell `{shell}`", hints="dyocense completion bash|zsh|fish")
    return scripts[shell].format(names=" ".join(c.name for c in COMMANDS))
