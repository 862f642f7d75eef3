"""`dyocense diff A B`: what changed between two runs: inputs, rules, order lines, figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dyocense_cli.cli import exits
from dyocense_cli.cli.options import Json, Store, print_json, settings_of
from dyocense_cli.cli.page import Page

if TYPE_CHECKING:
    from dyocense_cli.kernel.plan.diff import LineChange, PlanDiff

__all__ = ["diff"]

_INPUTS = ("goal", "context", "scenario_set", "optimodel", "solver_options")
_TOLD = ("what", "old", "new", "cost", "service", "because")
#: differences of an input that are looked at for causes
_ALL = 5000


def diff(
    old: Annotated[str, typer.Argument(help="Earlier run.")] = "@prev",
    new: Annotated[str, typer.Argument(help="Later run.")] = "@last",
    markdown: Annotated[bool, typer.Option("--md", help="Print tables in Markdown.")] = False,
    most: Annotated[int, typer.Option("--most", help="Differences shown per input.", min=1)] = 10,
    store: Store = None,
    as_json: Json = False,
) -> int:
    """Compare two runs: what went in, which rules bind, which lines were added, removed, moved, resized or repriced, why, at what cost."""
    from dyocense_cli.kernel.plan.diff import diff_plans
    from dyocense_cli.runner.causes import causes
    from dyocense_cli.runner.changes import changes
    from dyocense_cli.runner.reasons import artifacts_of
    from dyocense_cli.runner.references import find_run, manifest_of
    from dyocense_cli.wiring import run_store

    runs = run_store(settings_of(store=store))
    ids = find_run(runs, old), find_run(runs, new)
    before, after = (artifacts_of(runs, run_id, (*_INPUTS, "plan")) for run_id in ids)
    inputs = {name: changes(before[name], after[name], most=_ALL) for name in _INPUTS if name in before and name in after}
    manifests = [manifest_of(runs, run_id) for run_id in ids]
    binding = _binding(before.get("plan"), after.get("plan"))
    lines = diff_plans(before["plan"], after["plan"]) if "plan" in before and "plan" in after else None
    document = {
        "old": _head(ids[0], manifests[0]),
        "new": _head(ids[1], manifests[1]),
        "inputs": {name: [{"path": c.path, "old": c.old, "new": c.new} for c in found[:most]] for name, found in inputs.items() if found},
        "binding": binding,
        **({} if lines is None else _lines(lines, causes(lines.changes, inputs, binding))),
        "held": _held(lines, after, manifests[1].get("options") or {}),
    }
    if as_json:
        print_json(document)
    else:
        page = Page()
        for line in _text(document, currency=after["plan"].currency if "plan" in after else "", markdown=markdown).split("\n"):
            page.line(line)
    return exits.DONE


def _head(run_id: str, manifest: dict[str, Any]) -> dict[str, str]:
    return {"run_id": run_id, **{k: manifest[k] for k in ("goal_id", "variant", "status", "run_fingerprint")}}


def _binding(old: Any, new: Any) -> dict[str, list[str]]:
    was, now = set(old.binding if old is not None else ()), set(new.binding if new is not None else ())
    return {"no_longer": sorted(was - now), "newly": sorted(now - was)}


def _held(found: PlanDiff | None, after: dict[str, Any], options: dict[str, str]) -> dict[str, Any]:
    """Return what the later run was asked to keep of an earlier plan, and whether it did: firm periods, the cap on churn."""
    goal = after["goal"]
    freeze = int(options.get("freeze", goal.freeze))
    cap = float(options["max_churn"]) if "max_churn" in options else goal.max_churn
    if found is None or "warm_start" not in options:
        return {}
    firm = set(after["context"].periods[:freeze])
    touched = [s.line for c in found.changes for s in (c.old, c.new) if s is not None and s.period in firm and c.what != "repriced"]
    return {"freeze": freeze, "touched": sorted(set(touched)), "max_churn": cap}


def _lines(found: PlanDiff, because: list[str]) -> dict[str, Any]:
    return {
        "lines": [{**_line(c), "because": why} for c, why in zip(found.changes, because, strict=True)],
        "unchanged": found.unchanged,
        "churn": found.churn,
        "turned": found.turned,
        "spend": found.spend,
        "objective": {"old": found.objective[0], "new": found.objective[1]},
        "kpis": [{"name": n, "old": a, "new": b} for n, a, b in found.kpis],
    }


def _line(change: LineChange) -> dict[str, Any]:
    ends = {
        end: None if step is None else {"line": step.line, "period": step.period, "date": step.date, "qty": step.qty, "price": step.price}
        for end, step in (("old", change.old), ("new", change.new))
    }
    return {"what": change.what, **change.keys, **ends, "cost": change.cost, "service": change.service}


def _text(document: dict[str, Any], *, currency: str, markdown: bool) -> str:
    out = [f"{document['old']['run_id']} → {document['new']['run_id']}  ({document['old']['status']} → {document['new']['status']})"]
    rows = [[name, c["path"], c["old"], c["new"]] for name, found in document["inputs"].items() for c in found]
    out += _table("Inputs", ["of", "where", "was", "is"], rows, markdown=markdown)
    for word, title in (("newly", "Rules that bind now"), ("no_longer", "Rules that no longer bind")):
        if document["binding"][word]:
            out += ["", f"{title}: {', '.join(document['binding'][word])}"]
    if "lines" in document:
        out += _table(
            "Order lines",
            ["what", "line", "of", "was", "is", f"cost {currency}".strip(), "service", "because"],
            [_row(c) for c in document["lines"]],
            markdown=markdown,
        )
        out.append(f"{len(document['lines'])} changed, {document['unchanged']} unchanged: {100 * document['churn']:.1f} % of lines changed")
        out += _kept(document)
        figures = [[k["name"], _number(k["old"]), _number(k["new"]), _delta(k["old"], k["new"])] for k in document["kpis"]]
        old, new = document["objective"]["old"], document["objective"]["new"]
        figures.insert(0, ["objective", _number(old), _number(new), _delta(old, new)])
        figures.insert(1, ["spend on lines", "", "", f"{document['spend']:+,.2f}"])
        out += _table("Figures", ["figure", "was", "is", "change"], figures, markdown=markdown)
    return "\n".join(out)


def _kept(document: dict[str, Any]) -> list[str]:
    """Say how far orders turned over, and what was held of the earlier plan."""
    held, turned = document["held"], document["turned"]
    cap = held.get("max_churn")
    bound = f", at most {100 * cap:g} % may" if cap is not None else ""
    out = [] if turned is None else [f"{100 * turned:.1f} % of what was ordered moved{bound}"]
    if held.get("freeze"):
        touched = ", ".join(held["touched"]) or "no line of them is touched"
        out.append(f"the first {held['freeze']} periods are firm: {touched}")
    return out


def _row(change: dict[str, Any]) -> list[str]:
    ends = [_end(change[e]) for e in ("old", "new")]
    line = (change["new"] or change["old"])["line"]
    keys = [str(v) for k, v in change.items() if k not in _TOLD]
    service = "" if change["service"] is None else f"{100 * change['service']:+.1f} %"
    return [change["what"], line, " ".join(keys), *ends, f"{change['cost']:+,.2f}", service, change["because"]]


def _end(end: dict[str, Any] | None) -> str:
    if end is None:
        return "–"
    price = f" at {end['price']:g}" if end["price"] is not None else ""
    when = end["date"] or end["period"]
    return f"{end['qty']:g}{f' in {when}' if when else ''}{price}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.4f}".rstrip("0").rstrip(".")


def _delta(old: float | None, new: float | None) -> str:
    return "" if old is None or new is None else f"{new - old:+,.6f}".rstrip("0").rstrip(".")


def _table(title: str, head: list[str], rows: list[list[str]], *, markdown: bool) -> list[str]:
    if not rows:
        return []
    if markdown:
        cells = [[c.replace("|", "\\|") for c in row] for row in rows]
        return [
            "",
            f"### {title}",
            "",
            "| " + " | ".join(head) + " |",
            "|" + "---|" * len(head),
            *("| " + " | ".join(r) + " |" for r in cells),
            "",
        ]
    widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in [head, *rows]]
    return ["", title, *("  " + line for line in lines)]
