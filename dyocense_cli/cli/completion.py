"""Shell completion: a script per shell that asks this program, and the words it answers with."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from dyocense_cli.cli.commands import COMMANDS
from dyocense_cli.errors import DyocenseError, UsageError

__all__ = ["candidates", "script"]

_BASH: Final = """# source <(dyocense completion bash)
COMP_WORDBREAKS=${COMP_WORDBREAKS//[@=:]/}
_dyocense() {
  local IFS=$'\\n'
  COMPREPLY=($(dyocense completion --words "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[/=:] ]]; then compopt -o nospace; fi
}
complete -F _dyocense dyocense
"""
_ZSH: Final = """#compdef dyocense
# source <(dyocense completion zsh)
_dyocense() {
  local -a found
  found=("${(@f)$(dyocense completion --words "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -Q -S '' -- ${(M)found:#*[\\/=:]}
  compadd -Q -- ${found:#(|*[\\/=:])}
}
(( $+functions[compdef] )) && compdef _dyocense dyocense
"""
_FISH: Final = """# dyocense completion fish | source
complete -c dyocense -f -a '(dyocense completion --words (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
"""
#: Words that options take, where they are few.
_VALUES: Final = {
    "--format": ("text", "json", "sarif", "junit", "github"),
    "--template": ("replenishment", "newsvendor", "lot-sizing", "custom"),
    "--export": ("mps", "lp", "pyomo", "mathspec", "latex"),
    "--policy-unavailable": ("draft",),
}
#: Arguments and options that name a run.
_RUNS: Final = frozenset({"reference", "references", "old", "new", "base", "candidate", "--warm-from", "--warm-start", "--scenarios"})
#: Runs of the store that are offered by their id.
_RECENT: Final = 20


def script(shell: str) -> str:
    """Return the completion script of a shell (bash, zsh or fish); DY1003 for another."""
    scripts = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
    if shell not in scripts:
        raise UsageError("DY1003", f"no completion for shell `{shell}`", hints="dyocense completion bash|zsh|fish")
    return scripts[shell]


def candidates(words: list[str]) -> list[str]:
    """Return what the last of the words after ``dyocense`` may become, sorted as a person expects; never an error."""
    *before, word = words or [""]
    try:
        found = _offered(before, word)
    except DyocenseError:
        found = []
    return [c for c in dict.fromkeys(found) if c.startswith(word)]


def _offered(before: list[str], word: str) -> Iterable[str]:
    if not before:
        return [c.name for c in COMMANDS] + ["completion", "help", *(["--help", "--version"] if word.startswith("-") else [])]
    entry = next((c for c in COMMANDS if c.name == before[0]), None)
    if entry is None:
        return {"help": [c.name for c in COMMANDS], "completion": ["bash", "zsh", "fish"]}.get(before[0], [])
    from dyocense_cli.cli.loading import load_command

    command: Any = load_command(entry)
    rest = before[1:]
    if entry.group:
        names = sorted(command.commands)
        if not rest:
            return names + _options(command, word)
        command, rest = command.commands.get(rest[0], command), rest[1:]
    return _of_command(command, rest, word)


def _of_command(command: Any, rest: list[str], word: str) -> Iterable[str]:
    flags = {name: p for p in command.params for name in p.opts if name.startswith("-")}
    previous = flags.get(rest[-1]) if rest else None
    if previous is not None and not getattr(previous, "is_flag", False):
        return _VALUES.get(rest[-1]) or (_runs() if rest[-1] in _RUNS else _files(word))
    if word.startswith("-"):
        return _options(command, word)
    places = [p for p in command.params if not p.opts[0].startswith("-")]
    given = sum(not w.startswith("-") and not _takes(flags, rest, i) for i, w in enumerate(rest))
    place = places[min(given, len(places) - 1)] if places and (given < len(places) or places[-1].nargs == -1) else None
    if place is None:
        return []
    if place.name in _RUNS:
        return [*_runs(), *(_files(word) if "/" in word else [])]
    offered = {"goal": _goals, "model": _runs}.get(place.name)  # a model to solve is a file or a run
    return [*(offered() if offered else []), *_files(word)]


def _takes(flags: dict[str, Any], rest: list[str], i: int) -> bool:
    """Say whether a word is the value of the option before it."""
    option = flags.get(rest[i - 1]) if i else None
    return option is not None and not getattr(option, "is_flag", False)


def _options(command: Any, word: str) -> list[str]:
    shown = [name for p in command.params for name in (*p.opts, *p.secondary_opts) if name.startswith("--")]
    return [*shown, "--help"] if word.startswith("-") else []


def _goals() -> list[str]:
    return sorted(p.as_posix() for p in Path("goals").glob("*.yaml"))


def _files(word: str) -> list[str]:
    base, _, start = word.rpartition("/")
    folder = Path(base + "/" if base or word.startswith("/") else ".")
    if not folder.is_dir():
        return []
    lead = f"{base}/" if "/" in word else ""
    entries = [p for p in folder.iterdir() if start.startswith(".") or not p.name.startswith(".")]
    return sorted(f"{lead}{p.name}{'/' if p.is_dir() else ''}" for p in entries)


def _runs() -> list[str]:
    """Return ways to name a run: the last ones, one per goal, ids."""
    from dyocense_cli import wiring
    from dyocense_cli.cli.options import settings_of
    from dyocense_cli.runner.references import manifest_of

    runs = wiring.run_store(settings_of())
    recent = runs.list()[-_RECENT:]
    goals = dict.fromkeys("@" + str(manifest_of(runs, r)["goal_id"]) for r in reversed(recent))
    return ["@last", "@prev", *sorted(goals), *reversed(recent)]
