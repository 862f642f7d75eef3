"""The pages of the rules: why each matters, an example that breaks it and one that does not.

The texts beside this module are the source of `docs/reference/rules.md` and of the tests: every example is linted, and the mark ``‸``
stands where the finding must point.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["FILES", "MARK", "Block", "Page", "parse_base", "parse_pages"]

MARK: Final = "‸"
#: The texts, in order of stages.
FILES: Final = ("yaml.txt", "schema.txt", "crossings.txt", "feasible.txt", "objective.txt", "keeping.txt")


@dataclass(frozen=True, slots=True)
class Block:
    """A file of an example; `raw` if it stands for the whole file, else its keys replace those of the base."""

    file: str
    text: str
    raw: bool


@dataclass(frozen=True, slots=True)
class Page:
    """A rule's page; `stated` if its examples need scenarios that the context states."""

    rule: str
    why: str
    bad: tuple[Block, ...]
    good: tuple[Block, ...]
    stated: bool


def parse_pages(text: str) -> dict[str, Page]:
    """Return the pages of one of `FILES` by rule."""
    pages = {}
    for part in re.split(r"^# (?=[A-Z])", text, flags=re.MULTILINE)[1:]:
        head, *blocks = re.split(r"^--- (?=bad|good)", part.strip() + "\n", flags=re.MULTILINE)
        title, _, why = head.partition("\n")
        rule, _, flag = title.partition(" ")
        made: dict[str, list[Block]] = {"bad": [], "good": []}
        for block in blocks:
            first, _, body = block.partition("\n")
            kind, *words = first.split()
            made[kind].append(Block(words[-1], _unescaped(body), "raw" in words))
        pages[rule] = Page(rule, why.strip(), tuple(made["bad"]), tuple(made["good"]), flag == "stated")
    return pages


def _unescaped(text: str) -> str:
    return re.sub(r"\\u([0-9a-f]{4})", lambda m: chr(int(m[1], 16)), text)


def parse_base(text: str) -> dict[str, str]:
    """Return the files that examples are laid over, by name, and what `stated` examples add to the context."""
    out = {}
    for part in re.split(r"^--- ", text, flags=re.MULTILINE)[1:]:
        name, _, body = part.partition("\n")
        out[name.strip()] = body
    return out
