"""What to add to a context file so that units and currencies meet, and what the conversions of a bound context did to each row."""

from __future__ import annotations

import numpy as np

from dyocense_cli.artifacts.codec import Json
from dyocense_cli.artifacts.context import Context
from dyocense_cli.errors import Finding

__all__ = ["additions", "conversions"]


def additions(findings: tuple[Finding, ...], day: str | None) -> str:
    """Return the YAML that the missing conversions and rates need, empty where none is missing.

    Numbers are left open as ``?``: a conversion is never guessed, and a file with a ``?`` in it is refused.
    """
    gaps: dict[str, dict[tuple[str, str], list[str]]] = {"conversions": {}, "rates": {}}
    for finding in findings:
        key = {"DYO-X003": "conversions", "DYO-X004": "rates"}.get(finding.id)
        args = dict(finding.args)
        if key is not None and finding.severity == "error" and args.get("b") not in (None, "a known unit"):
            gaps[key].setdefault((args["a"], args["b"]), []).append(str(finding.where))
    lines: list[str] = []
    for key, pairs in gaps.items():
        lines += [f"{key}:"] if pairs else []
        for (a, b), places in pairs.items():
            said = f'"1 {a} = ? {b}"' if key == "conversions" else f"{{from: {a}, to: {b}, rate: ?, date: {day or '?'}}}"
            lines.append(f"  - {said}  # for {', '.join(dict.fromkeys(places))}")
    return "\n".join(lines)


def conversions(context: Context) -> dict[str, Json]:
    """Return, per column that was converted, from what to what, by which factor, and each row as written and as bound."""
    found: dict[str, Json] = {}
    for table, one in sorted(context.tables.items()):
        numbers = one.rows if one.rows is not None else np.arange(1, one.n_rows + 1)
        for name, column in sorted(one.columns.items()):
            if column.factor == 1.0:
                continue
            rows: list[Json] = [
                {"row": int(n), "written": float(f"{value / column.factor:.12g}"), "bound": float(value)}
                for n, value in sorted(zip(numbers.tolist(), column.values.tolist(), strict=True))
                if value == value  # noqa: PLR0124  # NaN is not itself
            ]
            found[f"{table}.{name}"] = {
                "from": column.written, "to": column.unit, "factor": column.factor, "file": one.file, "rows": rows,
            }  # fmt: skip
    return found
