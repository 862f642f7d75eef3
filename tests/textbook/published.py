"""Published two-stage programs as files of the generic two-stage model."""

from __future__ import annotations

from pathlib import Path

from tests.published import published_file
from tests.textbook.files import write
from tests.textbook.smps import INF, TwoStage, read_two_stage

#: name -> core, time, stochastic file
PUBLISHED = {
    "lands": ("lands.cor", "lands.tim", "lands.sto"),
    "pltexpa-2-6": ("pltexpa-2.cor", "pltexpa-2.tim", "pltexpa-2-6.sto"),
    "stormg2-8": ("stormg2.cor", "stormg2.tim", "stormg2-8.sto"),
    "sizes-3": ("sizes.cor", "sizes.tim", "sizes-3.sto"),
    "sizes-10": ("sizes.cor", "sizes.tim", "sizes-10.sto"),
    "sslp_5_25-50": ("sslp_5_25-50.cor", "sslp_5_25-50.tim", "sslp_5_25-50.sto"),
    "dcap233-200": ("dcap233-200.cor", "dcap233-200.tim", "dcap233-200.sto"),
}


def two_stage_files(folder: Path, core: str, time: str, stoch: str) -> Path:
    """Write a published program into a folder; return its goal."""
    return write(folder, _tables(read_two_stage(published_file(core), published_file(time), published_file(stoch))), model="two_stage", scenarios="outcomes")


def _tables(p: TwoStage) -> dict[str, tuple[str, list[tuple[object, ...]]]]:
    c = p.core
    total = sum(q for q, _ in p.scenarios)
    tables: dict[str, tuple[str, list[tuple[object, ...]]]] = {
        "outcomes": ("scenario probability", [(i, q / total) for i, (q, _) in enumerate(p.scenarios)]),
    }
    for stage in (1, 2):
        mine = [col for col in c.columns if (col in p.second_columns) == (stage == 2)]
        whole = {col: "whole" if c.columns[col] else "real" for col in mine}
        # An integer column without bounds is a 0/1 choice in this family of files.
        rows = [(col, whole[col], c.cost.get(col, 0.0), c.lower.get(col, 0.0), c.upper.get(col, INF)) for col in mine]
        tables[f"cols{stage}"] = ("col kind cost lower upper", rows)
        tables[f"rows{stage}"] = ("row sense right", [
            (row, sense, c.right.get(row, 0.0)) for row, sense in c.rows.items() if (row in p.second_rows) == (stage == 2)
        ])
    blocks: dict[str, list[tuple[object, ...]]] = {"a": [], "t": [], "w": [], "dt": [], "dw": [], "dright": []}
    for (row, col), value in c.entries.items():
        blocks["a" if row not in p.second_rows else "w" if col in p.second_columns else "t"].append((row, col, value))
    for i, (_, change) in enumerate(p.scenarios):
        for (row, col), value in change.items():
            if col is None:
                blocks["dright"].append((row, i, value - c.right.get(row, 0.0)))
            else:
                delta = value - c.entries.get((row, col), 0.0)
                blocks["dw" if col in p.second_columns else "dt"].append((row, col, i, delta))
    headers = {"a": "row1 col1 value", "t": "row2 col1 value", "w": "row2 col2 value", "dt": "row2 col1 scenario value",
               "dw": "row2 col2 scenario value", "dright": "row2 scenario value"}
    tables |= {name: (headers[name], [r for r in rows if r[-1]]) for name, rows in blocks.items() if any(r[-1] for r in rows)}
    return tables
