"""Read capacitated lot-sizing instances of Trigeiro, Thomas and McClain (1989)."""

from __future__ import annotations

from pathlib import Path

from tests.textbook.files import write


def _numbers(line: str) -> list[float] | None:
    try:
        return [float(word) for word in line.split()]
    except ValueError:
        return None


def lot_sizing_files(folder: Path, file: Path) -> Path:
    """Write an instance as files of the lot-sizing model; return its goal.

    The file states items and periods, a number we do not use, the capacity per period, one line per item (unit time, holding cost, setup
    time, setup cost), then demand by period, more than a page's width of items one below another.
    """
    rows = [r for line in file.read_text().splitlines() if (r := _numbers(line))]
    n, t = int(rows[0][0]), int(rows[0][1])
    items = [(f"i{i:02d}", *rows[3 + i][:4]) for i in range(n)]
    demand: list[tuple[object, ...]] = []
    first, at = 0, 3 + n
    while first < n:
        page = rows[at : at + t]
        demand += [(f"i{first + i:02d}", f"t{p + 1}", page[p][i]) for i in range(len(page[0])) for p in range(t)]
        first, at = first + len(page[0]), at + t
    tables = {"items": ("item unit_time hold setup_time setup_cost", items), "demand": ("item period quantity", demand)}
    return write(folder, tables, model="lot_sizing", periods=t, parameters=f"capacity: {rows[2][0]}")
