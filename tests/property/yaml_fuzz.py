"""Seeded YAML fuzzing: mutations of real files, and text grown from a grammar."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

__all__ = ["cases", "grown", "mutated"]

SPICE = (
    "[", "]", "{", "}", "&a ", "*a", "!!python/object:os.system ", "!x ", "<<: *a", "? ", "- ", ": ", "\t", "\r\n", "\r", "\n---\n", "\n...\n",
    "'", '"', '"\\x00"', '"\\ud800"', "|\n", ">+\n", "#", "%YAML 1.1\n", "%", "@", "`", ".nan", "-.inf", "1e999", "9" * 40, "-0", "0x1F", "012",
    "1:30", "no", "~", "null", "\x00", "\x07", "\u202e", "\u200b", "\ufeff", "\x85", "\u2028", "\ud800", "🥛", "é" * 50, "a" * 5000, "[" * 100,
    "{a: " * 80, "- " * 200, "\n" * 50, "!!binary |\n  R0lGODlhDAAMAIQAAP", "=", "~: ~", "[[[]]]: 1", "dsl: goal/v1\n", "dsl: model/v1\n",
)  # fmt: skip
WORDS = (
    "dsl", "goal/v1", "id", "model", "context", "horizon", "periods", "every", "week", "start", "limits", "budget", "max", "8000 EUR", "95 %",
    "objective", "cost", "constraints", "expression", "sum(x)", "relax", "false", "true", "solver", "time_limit", "20 s", "explain", "track",
    "tables", "rows", "file", "sql", "units", "parameters", "variables", "dims", "bounds", "lower", "stage", "terms", "sense", "minimize",
)  # fmt: skip


def mutated(text: str, others: Sequence[str], chance: random.Random) -> str:
    """Return `text` after one to eight random edits."""
    for _ in range(chance.randint(1, 8)):
        at, end = sorted((chance.randint(0, len(text)), chance.randint(0, len(text))))
        end = min(end, at + chance.choice((1, 1, 3, 20, 200)))
        kind = chance.randrange(7)
        if kind == 0:
            text = text[:at] + text[end:]
        elif kind == 1:
            text = text[:at] + chance.choice(SPICE) + text[at:]
        elif kind == 2:
            text = text[:at] + text[at:end] * chance.choice((2, 3, 30)) + text[end:]
        elif kind == 3:
            text = text[:at] + chr(chance.choice((chance.randrange(128), chance.randrange(0x3000), chance.randrange(0x11000)))) + text[end:]
        elif kind == 4:
            lines = text.split("\n")
            i, j = chance.randrange(len(lines)), chance.randrange(len(lines))
            lines[i], lines[j] = lines[j], " " * chance.randrange(9) + lines[i]
            text = "\n".join(lines)
        elif kind == 5:
            other = chance.choice(others)
            text = text[:at] + other[chance.randrange(len(other)) :][:400] + text[end:]
        else:
            text = text.replace(chance.choice(WORDS), chance.choice((*WORDS, *SPICE)), 1)
    return text


def grown(chance: random.Random, depth: int = 0, indent: int = 0) -> str:
    """Return text from a loose YAML grammar: block and flow maps and lists, scalars of every style, some of it broken."""
    kind = chance.randrange(8 if depth < 12 else 3)
    pad = " " * indent
    if kind <= 2:
        return _scalar(chance)
    if kind <= 4:
        keys = [_scalar(chance) for _ in range(chance.randint(0, 5))]
        return "".join(f"\n{pad}{key}: {grown(chance, depth + 1, indent + chance.choice((1, 2, 2, 2, 4)))}" for key in keys) + "\n"
    if kind == 5:
        return "".join(f"\n{pad}- {grown(chance, depth + 1, indent + 2)}" for _ in range(chance.randint(0, 5))) + "\n"
    if kind == 6:
        return "[" + ", ".join(grown(chance, depth + 2, indent + 1).replace("\n", " ") for _ in range(chance.randint(0, 4))) + "]"
    pairs = (f"{_scalar(chance)}: {grown(chance, depth + 2, indent + 1)}".replace("\n", " ") for _ in range(chance.randint(0, 4)))
    return "{" + ", ".join(pairs) + "}"


def _scalar(chance: random.Random) -> str:
    word = chance.choice(WORDS)
    style = chance.randrange(12)
    if style == 0:
        return chance.choice(SPICE)
    if style == 1:
        return f'"{word}\\n{chance.choice(SPICE)}"'
    if style == 2:
        return f"'{word}'"
    if style == 3:
        return str(chance.randint(-(10 ** chance.randrange(25)), 10 ** chance.randrange(25)))
    if style == 4:
        return repr(chance.uniform(-1e3, 1e3))
    if style == 5:
        return f"&a{chance.randrange(3)} {word}"
    if style == 6:
        return f"*a{chance.randrange(3)}"
    return word


def cases(seeds: Sequence[str], count: int, *, seed: int) -> Iterator[str]:
    """Yield `count` texts, two mutations for each grown one."""
    chance = random.Random(seed)
    for i in range(count):
        yield grown(chance) if i % 3 == 2 else mutated(chance.choice(seeds), seeds, chance)
