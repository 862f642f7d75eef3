"""`plan --stress std RUN`: how a plan stands under the named shocks, and which scenario hurts it most."""

from __future__ import annotations

from typing import Any

from dyocense_cli.cli import exits
from dyocense_cli.cli.options import print_json, settings_of
from dyocense_cli.cli.page import Column, Page
from dyocense_cli.errors import UsageError

__all__ = ["BATTERIES", "show_battery", "stressed"]

BATTERIES = ("std",)


def stressed(reference: str, *, store: str | None, as_json: bool) -> int:
    """Print the stress table of a recorded run.

    Raises
    ------
    UsageError
        DY1008 if the run has no plan that was stressed.
    """
    from dyocense_cli.runner.reasons import artifacts_of
    from dyocense_cli.runner.references import find_run
    from dyocense_cli.wiring import run_store

    runs = run_store(settings_of(store=store))
    run_id = find_run(runs, reference)
    held = artifacts_of(runs, run_id, ("stress_report", "scenario_set", "plan"))
    if "stress_report" not in held:
        raise UsageError("DY1008", f"run {run_id} holds no plan that was stressed", hints="name a run that ended with a plan")
    show_battery(held["stress_report"], held.get("scenario_set"), held["plan"].currency, as_json=as_json, run_id=run_id)
    return exits.DONE


def show_battery(report: Any, scenarios: Any, currency: str, *, as_json: bool = False, run_id: str = "") -> None:
    """Print the shocks, the dearest first, and the dearest scenario of the widest set that the plan was played on."""
    from dyocense_cli.runner.nouns import resolve

    rows = resolve("kernel.stress.worst:battery_rows")(report, scenarios)
    worst = resolve("kernel.stress.worst:worst_scenario")(report, scenarios)
    if as_json:
        print_json({"run_id": run_id, "battery": "std", "shocks": rows, "worst": worst, "notes": list(report.notes)})
        return
    page = Page()
    page.line(f"Stress, battery std ({currency})")
    page.table(
        [
            Column("shock", [r["shock"] for r in rows]),
            Column("mean cost", [f"{r['cost']:,.2f}" for r in rows], right=True),
            Column("change", [f"{r['cost_delta']:+,.2f}" for r in rows], right=True),
            Column("service", [_percent(r["service"], "") for r in rows], right=True),
            Column("change", [_percent(r["service_delta"], "+") for r in rows], right=True),
            Column("worst scenario", [_worst(r) for r in rows], last=True),
        ]
    )
    if worst:
        page.line(_named(worst, currency))
    for note in report.notes:
        page.line(f"note: {note}")


def _percent(value: float | None, sign: str) -> str:
    return "–" if value is None else f"{100 * value:{sign}.1f} %"


def _worst(row: dict[str, Any]) -> str:
    return "–" if row["worst_scenario"] is None else f"{row['worst_scenario']} at {row['cost_worst']:,.2f}"


def _named(worst: dict[str, Any], currency: str) -> str:
    said = [f"demand {100 * worst['demand']:+.1f} %"] if "demand" in worst else []
    said += [f"{supplier} late, {days:g} days" for supplier, days in worst.get("leads", {}).items()]
    about = f": {', '.join(said)}" if said else ""
    among = f"{worst['of']} {worst['set'].replace('_', '-')} scenarios"
    return f"Worst of {among}: {worst['scenario']} at {worst['cost']:,.2f} {currency} (mean {worst['mean']:,.2f}){about}"
