"""Why an order line is what it is: forecast, scenarios, stock, rules, price, policy, and what it would cost elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dyocense_cli.artifacts.context import Context
from dyocense_cli.artifacts.forecast import ForecastSet, ScenarioSet
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.plan import Explanation, Plan, Step
from dyocense_cli.artifacts.policy import Admission, Verdict
from dyocense_cli.errors import StoreError
from dyocense_cli.kernel.evidence.claims import Claim, Input, Workings
from dyocense_cli.kernel.evidence.rows import RowIndex, cell

__all__ = ["Why", "why"]

#: A row is at its limit within this part of its size, as the checker has it.
TIGHT: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Why:
    """An order line and the claims that lead from it back to data rows and goal lines."""

    line: str
    step: Step
    claims: tuple[Claim, ...]


class _Held:
    """Artifacts in hand with their fingerprints, and where sources stand in files."""

    def __init__(self, artifacts: Mapping[str, Any], shas: Mapping[str, str], places: Mapping[str, str]) -> None:
        self.artifacts, self.shas, self.places = artifacts, shas, places
        self.workings = Workings(artifacts)

    def input(self, artifact: str, *path: Any, place: str = "") -> Input:
        return Input(artifact, self.shas[artifact], path, place)

    def claim(self, kind: str, how: str, inputs: tuple[Input, ...], say: Callable[[Any], str]) -> Claim:
        """Return a claim whose value is worked out the way anyone may work it out again."""
        draft = Claim(kind, "", "", how, inputs)
        value = self.workings.recompute(draft)
        return Claim(kind, say(value), value, how, inputs)


def why(line: str, artifacts: Mapping[str, Any], shas: Mapping[str, str], places: Mapping[str, str]) -> Why:
    """Return the reasons of an order line.

    Parameters
    ----------
    artifacts, shas : mapping
        Artifacts of the run and their fingerprints, by pipeline name; at least ``plan``.
    places : mapping
        ``file:line:column`` by source pointer (``goal:/limits/budget``).

    Raises
    ------
    StoreError
        DY5014 if the plan has no such line; the hint names near ones.
    """
    plan: Plan = artifacts["plan"]
    number = next((i for i, s in enumerate(plan.steps) if s.line.casefold() == line.casefold()), None)
    if number is None:
        near = [s.line for s in plan.steps if line.casefold() in s.line.casefold()][:3] or [s.line for s in plan.steps[:3]]
        raise StoreError(
            "DY5014", f"the plan has no line `{line}`", hints="use one of " + ", ".join(near) if near else "the plan has no lines"
        )
    held, step = _Held(artifacts, shas, places), plan.steps[number]
    claims = [
        *_order(held, plan, step, number),
        *_price(held, step, number),
        *_forecast(held, step),
        *_scenarios(held, step),
        *_stock(held, step),
        *_rows_at_limit(held, step),
        *_rules(held, plan),
        *_policy(held, step),
        *_alternative(held, step, number),
    ]
    return Why(step.line, step, tuple(claims))


def _say(template: str, **words: str | float) -> Callable[[Any], str]:
    """Return a sentence maker: `v` in the template is the claim's value."""
    return lambda value: template.format(v=value, **words)


def _order(held: _Held, plan: Plan, step: Step, number: int) -> Iterator[Claim]:
    where = held.input("plan", "steps", number, "qty")
    reason = f": {step.reason}" if step.reason else ""
    yield held.claim("order", "value", (where,), lambda q: f"{q:g} of {', '.join(step.keys.values())}{reason}")
    if step.lots is not None:
        text = f" ({step.rounding})" if step.rounding else ""
        yield held.claim("lots", "value", (held.input("plan", "steps", number, "lots"),), lambda n: f"{n:g} lots{text}")
    if step.cost is not None:
        yield held.claim("cost", "value", (held.input("plan", "steps", number, "cost"),), lambda c: f"costs {c:,.2f} {plan.currency}")


def _price(held: _Held, step: Step, number: int) -> Iterator[Claim]:
    context: Context | None = held.artifacts.get("context")
    if context is None or "offers" not in context.tables:
        return
    index = RowIndex(context)
    rows = index.matching("offers", step.keys)
    prices = context.tables["offers"].columns.get("price")
    if not rows or prices is None:
        return
    row = next((r for r in rows if step.price is not None and cell(prices, r) == step.price), rows[0])
    at = index.place("offers", row)
    by = context.edit_of("offers", "price", at.row)
    place = str(at) + (f", changed by --set {by}" if by else "")
    where = held.input("context", "tables", "offers", "columns", "price", row, place=place)
    yield held.claim("price", "value", (where,), lambda p: f"price {p:g} {prices.unit or ''}".strip() + f" ({place})")
    if step.cost is not None:
        qty = held.input("plan", "steps", number, "qty")
        yield held.claim("purchase", "product", (qty, where), lambda v: f"purchase at that price: {v:,.2f}")
    least = context.tables["offers"].columns.get("moq")
    if least is not None and step.qty <= float(least.values[row]) * (1.0 + TIGHT):
        where = held.input("context", "tables", "offers", "columns", "moq", row, place=str(at))
        yield held.claim("minimum", "value", (where,), lambda v: f"no less than {v:g} may be ordered, and no more is needed ({at})")


def _forecast(held: _Held, step: Step) -> Iterator[Claim]:
    forecast: ForecastSet | None = held.artifacts.get("forecast_set")
    if forecast is None:
        return
    series = list(zip(forecast.skus, forecast.locations, strict=True))
    key = (step.keys.get("sku", ""), step.keys.get("location", "main"))
    if key not in series:
        return
    i = series.index(key)
    where = (held.input("forecast_set", "mean", (i,)),)
    method = forecast.reports[i].method if i < len(forecast.reports) else "stated"
    yield held.claim("forecast", "sum", where, lambda v: f"forecast demand {v:,.1f} over {forecast.h} periods by {method}")
    if i < len(forecast.reports) and forecast.reports[i].quality == "poor":
        poor = (held.input("forecast_set", "reports", i, "reason"),)
        yield held.claim("history", "value", poor, lambda r: f"history is poor: {r}")


def _scenarios(held: _Held, step: Step) -> Iterator[Claim]:
    scenarios: ScenarioSet | None = held.artifacts.get("scenario_set")
    table = scenarios.tables.get("demand") if scenarios is not None else None
    if scenarios is None or table is None:
        return
    period = _arrival(held, step)
    wanted = {"sku": step.keys.get("sku", ""), "location": step.keys.get("location", "main"), "period": period}
    at = tuple(table.labels[d].index(wanted[d]) for d in table.dims[:-1] if wanted.get(d) in table.labels.get(d, ()))
    if len(at) != len(table.dims) - 1:
        return
    where = (held.input("scenario_set", "tables", "demand", "values", at), held.input("scenario_set", "probability"))
    n = len(scenarios.scenario_ids)
    yield held.claim("scenarios", "mean", where, lambda v: f"demand in {period}: {v:,.1f} on average over {n} scenarios")
    yield held.claim("scenarios", "p95", where, lambda v: f"demand in {period}: at most {v:,.1f} in 95 % of them")


def _arrival(held: _Held, step: Step) -> str:
    model: OptiModel | None = held.artifacts.get("optimodel")
    periods = model.dims.get("period", ()) if model is not None else ()
    if model is not None and step.arrives and model.period_starts:
        index = sum(start <= step.arrives for start in model.period_starts) - 1
        if 0 <= index < len(periods):
            return periods[index]
    return step.period or (periods[0] if periods else "")


def _stock(held: _Held, step: Step) -> Iterator[Claim]:
    context: Context | None = held.artifacts.get("context")
    if context is None:
        return
    index = RowIndex(context)
    keys = {k: v for k, v in step.keys.items() if k in ("sku", "location")}
    for table, column, words in (("stock", "on_hand", "on hand"), ("orders", "quantity", "on order")):
        rows = index.matching(table, keys)
        if not rows or column not in context.tables[table].columns:
            continue
        inputs = tuple(held.input("context", "tables", table, "columns", column, r, place=str(index.place(table, r))) for r in rows)
        where = "; ".join(i.place for i in inputs)
        yield held.claim("netted", "sum", inputs, _say("{v:g} {words} ({where})", words=words, where=where))


def _rows_at_limit(held: _Held, step: Step) -> Iterator[Claim]:
    """Return the rules whose own row for this line is at its limit: a minimum order, an offer's capacity."""
    model: OptiModel | None = held.artifacts.get("optimodel")
    solution = held.artifacts.get("solution")
    if model is None or solution is None or solution.x is None:
        return
    for i, rule in enumerate(model.rules):
        if not rule.dims or not set(rule.dims) <= set(step.keys):
            continue
        rows = held.workings.rows(i)
        here = tuple(model.dims[d].index(step.keys[d]) for d in rule.dims)
        tight = rows.op != "==" and rows.exists[here] and rows.slack[here] <= TIGHT * rows.scale[here]
        if not tight or not (rows.left[here] or rows.right[here]):
            continue
        place = held.places.get(rule.source, rule.source)
        inputs = (held.input("optimodel", "rules", i, here, place=place), held.input("solution", "x"))
        said = _say("{name} is at its limit on this line: {v:g} {op} {limit:g} ({place})", name=rule.origin or rule.name, op=rows.op,
                    limit=float(rows.right[here]), place=place)  # fmt: skip
        yield held.claim("row", "row", inputs, said)


def _rules(held: _Held, plan: Plan) -> Iterator[Claim]:
    model: OptiModel | None = held.artifacts.get("optimodel")
    explanation: Explanation | None = held.artifacts.get("explanation")
    if model is None:
        return
    sentences = {b.name: b for b in explanation.binding} if explanation is not None else {}
    for name in plan.binding:
        rule = next((r for r in model.rules if name in (r.name, r.origin)), None)
        source = rule.source if rule is not None else ""
        place = held.places.get(source, source)
        said = sentences[name].sentence if name in sentences and sentences[name].sentence else (rule.intent if rule is not None else name)
        if name in plan.activities:
            where = (held.input("plan", "activities", name, place=place),)
            yield held.claim(
                "rule", "value", where, _say("rule {n} is at its limit, {v:,.6g}: {said} ({place})", n=name, said=said, place=place)
            )
        if plan.shadow_prices.get(name):
            where = (held.input("plan", "shadow_prices", name, place=place),)
            yield held.claim("rule price", "value", where, _say("loosening {n} by one unit is worth {v:,.4g}", n=name))


def _policy(held: _Held, step: Step) -> Iterator[Claim]:
    admission: Admission | None = held.artifacts.get("admission")
    verdict: Verdict | None = held.artifacts.get("verdict")
    if admission is not None:
        for supplier in sorted(admission.denied_suppliers):
            where = (held.input("admission", "denied_suppliers", supplier),)
            yield held.claim("policy", "value", where, _say("policy {v} rules out supplier {supplier}", supplier=supplier))
        for i, cap in enumerate(admission.caps):
            if cap.supplier in (None, step.keys.get("supplier")):
                of = cap.supplier or cap.category or "all"
                said = _say("policy {rule} holds the spend on {of} to {v:,.2f} over the {over}", rule=cap.rule, of=of, over=cap.over)
                yield held.claim("policy", "value", (held.input("admission", "caps", i, "max"),), said)
    for name, decision in (("admission", admission), ("verdict", verdict)):
        if decision is not None and decision.policy_snapshot:
            where = (held.input(name, "policy_snapshot"),)
            what = "goal" if name == "admission" else "plan"
            yield held.claim("policy", "value", where, _say("the {what} was decided under policy {v:.19}…", what=what))


def _alternative(held: _Held, step: Step, number: int) -> Iterator[Claim]:
    explanation: Explanation | None = held.artifacts.get("explanation")
    if explanation is not None and explanation.alternatives.get(step.line):
        where = (held.input("explanation", "alternatives", step.line),)
        yield held.claim("alternative", "value", where, lambda text: f"next cheapest: {text}")
    context: Context | None = held.artifacts.get("context")
    table = context.tables.get("offers") if context is not None else None
    if context is None or table is None or "price" not in table.columns or "supplier" not in step.keys:
        return
    index = RowIndex(context)
    prices, suppliers = table.columns["price"], table.columns["supplier"]
    own = index.matching("offers", step.keys)
    shared = {k: v for k, v in step.keys.items() if k != "supplier"}
    found = [(cell(prices, r), r) for r in index.matching("offers", shared) if cell(suppliers, r) != step.keys["supplier"]]
    priced = sorted((float(p), r) for p, r in found if isinstance(p, float))
    if not priced or not own:
        return
    row, name = priced[0][1], cell(suppliers, priced[0][1])
    place = str(index.place("offers", row))
    path = ("tables", "offers", "columns", "price")
    inputs = (
        held.input("plan", "steps", number, "qty"),
        held.input("context", *path, row, place=place),
        held.input("context", *path, own[0], place=str(index.place("offers", own[0]))),
    )
    yield held.claim(
        "alternative", "difference", inputs, lambda v: f"the cheapest other offer, of {name}, differs by {v:+,.2f} in price ({place})"
    )
