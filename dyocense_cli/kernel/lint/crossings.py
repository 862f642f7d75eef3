"""X rules: what goal, model and context say of one another."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from dyocense_cli.artifacts.codec import fingerprint
from dyocense_cli.artifacts.goal import Quantity, RuleSpec
from dyocense_cli.artifacts.rules import near
from dyocense_cli.errors import Finding
from dyocense_cli.kernel.lint.case import Case, check
from dyocense_cli.kernel.lint.demand import history_span
from dyocense_cli.kernel.lint.procurement import supply_of
from dyocense_cli.optimodel.expr import ExpressionError, parse
from dyocense_cli.optimodel.expr.nodes import Compare, Name, Node, Text, names, walk

__all__ = ["FRESH_DAYS", "SEASON"]

#: Days after which prices and stock are called old.
FRESH_DAYS: Final = 30
#: Periods of one season by length of a period.
SEASON: Final = {"day": 7, "week": 52, "month": 12, "quarter": 4}
_PLAIN_METHODS: Final = frozenset({"naive", "mean", "ses", "croston", "sba", "tsb", "drift", "window", "imapa", "adida"})
_SHOWN: Final = 20


def _quantities(case: Case) -> Iterator[tuple[str, Quantity]]:
    for name, weight in case.goal.objective.items():
        yield f"/objective/{name}", weight
    for limit, settings in case.goal.limits.items():
        for setting, value in settings.items():
            if isinstance(value, Quantity):
                yield f"/limits/{limit}/{setting}", value
            elif isinstance(value, Mapping):
                for label, inner in value.items():
                    if isinstance(inner, Quantity):
                        yield f"/limits/{limit}/{setting}/{label}", inner


def _wanted(case: Case, pointer: str) -> str | None:
    """Return the unit that the model declares for a limit's setting."""
    parts = pointer.split("/")
    if case.model is None or parts[1] != "limits":
        return None
    for limit in case.model.limits:
        for setting in limit.settings if limit.name == parts[2] else ():
            if setting.name == parts[3]:
                return setting.unit
    return None


@check("DYO-X003")
def unit_unknown(case: Case) -> Iterator[Finding]:
    """Find units of the goal that are none, or that do not convert to what the model declares."""
    for pointer, quantity in _quantities(case):
        if not quantity.unit:
            continue
        have = case.unit(quantity.unit)
        wanted = _wanted(case, pointer)
        want = case.unit(wanted) if wanted else None
        if have is None:
            yield case.found("DYO-X003", pointer, f"`{quantity.unit}` is no known unit", a=quantity.unit, b=wanted or "a known one")
        elif want is not None and not have.fits(want) and not _foreign(case, quantity.unit):
            message = f"`{quantity.unit}` does not convert to `{_shown(case, wanted)}`"
            yield case.found("DYO-X003", pointer, message, a=quantity.unit, b=_shown(case, wanted))
    yield from _unstated(case)


def _unstated(case: Case) -> Iterator[Finding]:
    """Warn of a column without a unit in a table that states units: it is taken in the unit of its place, which may not be meant."""
    for table, found in case.context.tables.items() if case.context is not None else ():
        if any(c.written for c in found.columns.values()):
            for name, column in found.columns.items():
                if column.unit and not column.written and column.unit not in ("period", "%") and column.labels is None:
                    message = f"`{table}.{name}` states no unit, others of its table do; it is taken in `{column.unit}`"
                    yield case.found("DYO-X003", "/context", message, severity="warning", a="nothing", b=column.unit)


def _shown(case: Case, unit: str | None) -> str:
    return (unit or "").replace("currency", case.context.currency if case.context is not None else "currency")


def _foreign(case: Case, text: str) -> str | None:
    """Return a currency of `text` that is not the context's and has no rate to it."""
    unit = case.unit(text)
    if case.context is None or unit is None:
        return None
    for name, _ in unit.powers:
        if len(name) == 3 and name.isupper() and name != case.context.currency:
            return name
    return None


@check("DYO-X004")
def currency_without_rate(case: Case) -> Iterator[Finding]:
    """Find amounts of the goal in a currency that the context gives no rate for."""
    for pointer, quantity in _quantities(case):
        other = _foreign(case, quantity.unit) if quantity.unit else None
        if other is not None and case.context is not None:
            home = case.context.spans.get("/currency")
            place = f" ({home})" if home is not None else ""
            message = f"the goal is in {other} here, the context in {case.context.currency}{place}, and there is no rate"
            yield case.found("DYO-X004", pointer, message, a=other, b=case.context.currency)


@check("DYO-X005")
def item_without_offer(case: Case) -> Iterator[Finding]:
    """Find items that no supplier offers, or none that policy allows."""
    supply = supply_of(case)
    if supply is None or case.context is None or "skus" not in case.context.tables:
        return
    allowed = np.array([name not in case.denied for name in supply.suppliers] + [False])
    offered = np.bincount(supply.offers.sku[allowed[supply.offers.supplier]], minlength=len(supply.skus)) > 0
    rows = {name: i for i, name in enumerate(case.context.tables["skus"].columns["sku"].text())}
    for i in np.flatnonzero(~offered)[:_SHOWN].tolist():
        name = supply.skus[i]
        yield case.in_table("DYO-X005", "skus", rows[name], "sku", f"no allowed supplier offers {name}")


@check("DYO-X006")
def start_off_the_boundary(case: Case) -> Iterator[Finding]:
    """Find a start that cuts the periods of the history, or a monthly start that not every month has."""
    start, every = case.goal.horizon.start, case.goal.horizon.every.split()[-1].removesuffix("s")
    if start is None:
        return
    first = dt.date.fromisoformat(start)
    if every in {"month", "quarter", "year"} and first.day > 28:
        fix = first.replace(day=28).isoformat()
        yield case.found("DYO-X006", "/horizon/start", f"day {first.day} is not in every month", date=fix, period="months")
    history = case.context.tables.get("history") if case.context is not None else None
    dates = history.columns["date"].labels if history is not None and "date" in history.columns else None
    if every != "week" or not dates or len(dates) < 2:
        return
    days = {dt.date.fromisoformat(d).weekday() for d in dates}
    if len(days) == 1 and first.weekday() not in days:
        shift = (first.weekday() - days.pop()) % 7
        fix = (first - dt.timedelta(days=shift)).isoformat()
        message = f"the weeks of the history start on a {dt.date.fromisoformat(dates[0]):%A}, the horizon on a {first:%A}"
        yield case.found("DYO-X006", "/horizon/start", message, date=fix, period="whole weeks")


@check("DYO-X007")
def history_too_short(case: Case) -> Iterator[Finding]:
    """Find a history shorter than two seasons under a method that may be seasonal."""
    span = history_span(case)
    season = SEASON.get(case.goal.horizon.every)
    if span is None or season is None or case.goal.forecast.model in _PLAIN_METHODS:
        return
    if case.context is not None and case.context.scenarios_table is None and span[2] < 2 * season:
        message = f"the history covers {span[2]} periods of a {case.goal.horizon.every}, two seasons are {2 * season}"
        yield case.found("DYO-X007", "/forecast/model", message)


@check("DYO-X008")
def context_not_pinned(case: Case) -> Iterator[Finding]:
    """Find a context whose fingerprint is not the one the goal pins."""
    if case.goal.pin and case.context is not None:
        found = fingerprint(case.context)
        if found != case.goal.pin:
            yield case.found("DYO-X008", "/pin", f"the context is {found[:19]}…, the goal pins {case.goal.pin[:19]}…")


@check("DYO-X009")
def context_is_old(case: Case) -> Iterator[Finding]:
    """Find a context whose newest date lies more than `FRESH_DAYS`, or two periods where those are longer, before the start."""
    span = history_span(case)
    start = case.goal.horizon.start
    if case.context is None or start is None:
        return
    newest = max(filter(None, (case.context.as_of, span[1] if span else None)), default=None)
    if newest is None:
        return
    age = (dt.date.fromisoformat(start) - dt.date.fromisoformat(newest)).days
    if age > max(FRESH_DAYS, 2 * case.context.period_days):
        yield case.found("DYO-X009", "/context", f"the newest date of the context is {age} days before the start", date=newest)


@check("DYO-X010")
def used_by_nothing(case: Case) -> Iterator[Finding]:
    """Find suppliers without an offer, and items with neither demand nor an offer."""
    supply = supply_of(case)
    if supply is None or case.context is None:
        return
    tables = case.context.tables
    if "suppliers" in tables:
        rows = {name: i for i, name in enumerate(tables["suppliers"].columns["supplier"].text())}
        idle = np.bincount(supply.offers.supplier[supply.offers.supplier >= 0], minlength=len(supply.suppliers)) == 0
        for i in np.flatnonzero(idle)[:_SHOWN].tolist():
            name = supply.suppliers[i]
            yield case.in_table("DYO-X010", "suppliers", rows[name], "supplier", f"supplier {name} offers nothing")
    if "skus" in tables and "history" in tables:
        rows = {name: i for i, name in enumerate(tables["skus"].columns["sku"].text())}
        for i in np.flatnonzero(np.isnan(supply.mean))[:_SHOWN].tolist():
            name = supply.skus[i]
            yield case.in_table("DYO-X010", "skus", rows[name], "sku", f"item {name} has no demand in the history")


def _parsed(rule: RuleSpec) -> list[tuple[str, Node]]:
    """Return the parts of a rule that parse, by field; the compiler judges those that do not."""
    out = []
    for field, text in (("expression", rule.expression), ("where", rule.where)):
        if text:
            try:
                out.append((field, parse(text)))
            except ExpressionError:
                continue
    return out


def _pointer(case: Case, rule: RuleSpec, field: str) -> str:
    full = f"/constraints/{rule.name}/{field}"
    return full if full in case.goal.spans else f"/constraints/{rule.name}"


@check("DYO-X011")
def matches_nothing(case: Case) -> Iterator[Finding]:
    """Find constraints that compare a column with a label that no table has."""
    if case.context is None:
        return
    for rule in case.goal.constraints:
        for field, node in _parsed(rule):
            for part in walk(node):
                label = _compared(part)
                if label is None:
                    continue
                known = _labels(case, label[0])
                if known and label[1] not in known:
                    meant = near(label[1], known)
                    hint = f"; nearest is {meant!r}" if meant else ""
                    message = f"`{rule.name}` asks for {label[0]} {label[1]!r}, which no row has{hint}"
                    yield case.found("DYO-X011", _pointer(case, rule, field), message)


def _compared(node: Node) -> tuple[str, str] | None:
    """Return column and label of a comparison such as ``region == 'local'``."""
    if not isinstance(node, Compare) or node.op != "==":
        return None
    for a, b in ((node.left, node.right), (node.right, node.left)):
        if isinstance(a, Name) and isinstance(b, Text):
            return a.id, b.value
    return None


def _labels(case: Case, column: str) -> frozenset[str]:
    assert case.context is not None
    found: set[str] = set()
    if column == "period":
        found.update(case.context.periods)
    for table in case.context.tables.values():
        if column in table.columns:
            found.update(table.columns[column].labels or ())
    return frozenset(found)


@check("DYO-X012")
def unknown_name(case: Case) -> Iterator[Finding]:
    """Find constraints that name what the model does not declare."""
    model = case.model
    if model is None:
        return
    known = {d.name for group in (model.dims, model.params, model.vars, model.exprs, model.kpis, model.terms) for d in group}
    known |= {d.name for d in model.piecewise} | set(model.settings) | {"probability"}
    known |= {s.name for limit in model.limits for s in limit.settings}
    for rule in case.goal.constraints:
        for field, node in _parsed(rule):
            for name in sorted(names(node) - known):
                meant = near(name, known)
                hint = f"; did you mean `{meant}`?" if meant else ""
                options = meant or ", ".join(sorted(v.name for v in model.vars))
                message = f"`{rule.name}` names `{name}`, which the model does not declare{hint}"
                yield case.found("DYO-X012", _pointer(case, rule, field), message, names=options)


@check("DYO-X013")
def price_breaks(case: Case) -> Iterator[Finding]:
    """Find offers whose price breaks do not start at the least order, or whose price rises with the quantity."""
    offers = case.context.tables.get("offers") if case.context is not None else None
    supply = supply_of(case)
    if offers is None or supply is None or "min_qty" not in offers.columns:
        return
    location = offers.columns.get("location")
    where = location.values if location is not None else np.zeros(offers.n_rows)
    least = np.nan_to_num(offers.columns["min_qty"].values)
    order = np.lexsort((least, where, supply.offers.supplier, supply.offers.sku))
    keys = np.stack([supply.offers.sku[order], supply.offers.supplier[order], where[order]])
    new = np.concatenate([[True], (keys[:, 1:] != keys[:, :-1]).any(axis=0)])
    start = 0
    for i in range(len(order)):
        row = int(order[i])
        name = f"{supply.skus[supply.offers.sku[row]]} from {supply.suppliers[supply.offers.supplier[row]]}"
        if new[i]:
            start = i
            gap = least[row] > max(1.0, supply.offers.moq[row], supply.offers.lot[row])
            if gap:
                yield case.in_table("DYO-X013", "offers", row, "min_qty", f"{name}: no price below a quantity of {least[row]:g}")
        elif supply.offers.price[row] > supply.offers.price[int(order[i - 1])] and i > start:
            message = f"{name}: the price rises to {supply.offers.price[row]:g} from a quantity of {least[row]:g}"
            yield case.in_table("DYO-X013", "offers", row, "price", message)
