"""The commands, as data: name, module and one line of help; a module is imported when its command runs."""

from __future__ import annotations

# no import of dataclasses or typing here: general help would cost three empty interpreters

__all__ = ["COMMANDS", "Command", "general_help"]


class Command:
    """A command: function `name` of ``cli/<module>.py``, or its `app` for a group of commands."""

    __slots__ = ("group", "help", "module", "name")

    def __init__(self, name: str, help: str, *, group: bool = False, module: str = "") -> None:  # the parser's word
        self.name = name
        self.help = help
        self.group = group
        self.module = module or name


COMMANDS: tuple[Command, ...] = (
    Command("init", "make a project: goals, policies, fixtures and a first goal that solves"),
    Command("lint", "check goals, contexts and models, by our rules and by policy"),
    Command("forecast", "forecast demand and lead times as joint scenarios"),
    Command("compile", "turn a goal into an optimisation model"),
    Command("solve", "solve a model, or solve a run again"),
    Command("plan", "all of it: forecast, compile, solve, stress, explain, evidence"),
    Command("evidence", "why a line is what it is; write, show, query, report, export, verify, gc", group=True),
    Command("replay", "run a fingerprint again from its snapshot and compare"),
    Command("diff", "compare two runs: inputs, rules, order lines, KPIs"),
    Command("runs", "the run store: list, show, gc, push, pull, cache", group=True),
    Command("golden", "golden tests of goals: check, update, compare, shadow", group=True),
    Command("policy", "policy packages: build, test, explain", group=True),
    Command("serve", "HTTP API and workers for many tenants", group=True),
    Command("config", "effective settings and where each came from: show, validate", group=True),
    Command("doctor", "which engines are here, what is missing, how to get it"),
)


def general_help() -> str:
    """Return the help of the whole program; built from the table so that no command is imported."""
    width = max(len(c.name) for c in COMMANDS)
    lines = [
        "Usage: dyocense [--version] [--help] COMMAND [OPTIONS] [ARGS]",
        "",
        "A decision kernel: a goal in a page of YAML becomes a plan with its reasons.",
        "",
        "Commands:",
    ]
    lines += [f"  {c.name:<{width}}  {c.help}" for c in COMMANDS]
    lines += [
        "",
        "Help of a command:   dyocense COMMAND --help",
        "Completion:          source <(dyocense completion bash)    (or zsh; fish: … | source)",
        "A first plan:        dyocense init demo && cd demo && dyocense plan goals/weekly.yaml",
        "",
    ]
    return "\n".join(lines)
