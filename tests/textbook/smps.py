"""Read two-stage stochastic programs in SMPS (core, time, stochastic file); Birge et al. (1987)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

INF = 1e30


@dataclass(slots=True)
class Core:
    """The core problem, minimised: entries by (row, column), right-hand sides by row, bounds by column."""

    rows: dict[str, str] = field(default_factory=dict)  # row -> E L G N
    cost: dict[str, float] = field(default_factory=dict)
    entries: dict[tuple[str, str], float] = field(default_factory=dict)
    right: dict[str, float] = field(default_factory=dict)
    lower: dict[str, float] = field(default_factory=dict)
    upper: dict[str, float] = field(default_factory=dict)
    columns: dict[str, bool] = field(default_factory=dict)  # column -> integer


@dataclass(slots=True)
class TwoStage:
    """A core, where its second stage starts, and scenarios as changes of (row, column) or (row, None) with probabilities."""

    core: Core
    second_columns: set[str]
    second_rows: set[str]
    scenarios: list[tuple[float, dict[tuple[str, str | None], float]]]


def _lines(path: Path) -> Iterator[tuple[bool, list[str]]]:
    for line in path.read_text(encoding="latin-1").splitlines():
        if line.strip() and not line.startswith("*"):
            yield not line[0].isspace(), line.split()


def read_core(path: Path) -> Core:
    core, section, whole, objective = Core(), "", False, ""
    for head, words in _lines(path):
        if head:
            section = words[0]
            continue
        if section == "ROWS":
            core.rows[words[1]] = words[0]
            objective = objective or (words[1] if words[0] == "N" else "")
        elif section == "COLUMNS":
            if "MARKER" in words[1]:
                whole = "INTORG" in words[2]
                continue
            core.columns[words[0]] = whole
            for row, value in zip(words[1::2], words[2::2], strict=True):
                if row == objective:
                    core.cost[words[0]] = float(value)
                elif core.rows[row] != "N":
                    core.entries[row, words[0]] = float(value)
        elif section == "RHS":
            pairs = words if len(words) % 2 == 0 else words[1:]
            core.right.update({row: float(v) for row, v in zip(pairs[::2], pairs[1::2], strict=True) if row != objective})
        elif section == "BOUNDS":
            _bound(core, words)
    core.rows = {row: kind for row, kind in core.rows.items() if kind != "N"}
    return core


def _bound(core: Core, words: list[str]) -> None:
    kind, column = words[0], words[2] if len(words) > 2 else words[1]
    value = float(words[3]) if len(words) > 3 else 0.0
    if kind in ("UP", "UI"):
        core.upper[column] = value
    elif kind in ("LO", "LI"):
        core.lower[column] = value
    elif kind == "FX":
        core.lower[column] = core.upper[column] = value
    elif kind in ("MI", "FR"):
        core.lower[column] = -INF
    elif kind == "BV":
        core.columns[column], core.upper[column] = True, 1.0


def read_two_stage(core_file: Path, time_file: Path, stoch_file: Path) -> TwoStage:
    """Return the program; scenarios of independent or block data are multiplied out."""
    core = read_core(core_file)
    periods = [words for head, words in _lines(time_file) if not head]
    columns, rows = list(core.columns), list(core.rows)
    second_column, second_row = periods[1][0], periods[1][1]
    return TwoStage(core, set(columns[columns.index(second_column) :]), set(rows[rows.index(second_row) :]), _scenarios(stoch_file, core))


def _scenarios(path: Path, core: Core) -> list[tuple[float, dict[tuple[str, str | None], float]]]:
    kind = ""
    groups: dict[str, list[tuple[float, dict[tuple[str, str | None], float]]]] = {}
    current: dict[tuple[str, str | None], float] = {}
    for head, words in _lines(path):
        if head:
            kind = words[0] if words[0] in ("INDEP", "BLOCKS", "SCENARIOS") else kind
        elif words[0] in ("BL", "SC"):
            current = {}
            groups.setdefault(words[1] if words[0] == "BL" else "", []).append((float(words[3]), current))
        elif kind == "INDEP":
            key = _key(core, words[0], words[1])
            groups.setdefault(str(key), []).append((float(words[-1]), {key: float(words[2])}))
        else:
            for row, value in zip(words[1::2], words[2::2], strict=True):
                current[_key(core, words[0], row)] = float(value)
    if kind == "SCENARIOS":
        return groups[""]
    if kind == "BLOCKS":  # later outcomes of a block change only what they name
        for outcomes in groups.values():
            for _, change in outcomes[1:]:
                for key, value in outcomes[0][1].items():
                    change.setdefault(key, value)
    out = []
    for combination in itertools.product(*groups.values()):
        probability, change = 1.0, {}
        for p, part in combination:
            probability *= p
            change |= part
        out.append((probability, change))
    return out


def _key(core: Core, column: str, row: str) -> tuple[str, str | None]:
    return (row, column) if column in core.columns else (row, None)
