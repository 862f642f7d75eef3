"""Find the block structure of a model: which families order, hold and owe, and which rules couple the blocks.

Everything is read from the rules' linear forms, O(families), before anything is ground. What does not fit is said by name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dyocense_cli.artifacts.optimodel import Var
from dyocense_cli.kernel.optimizer.decompose.linear import Affine, LinearRule, Reader, Term, Unsuitable
from dyocense_cli.optimodel.evaluate import existing
from dyocense_cli.optimodel.named import Named

__all__ = ["Shape", "block_dims", "detect", "scalar"]


@dataclass(frozen=True, slots=True)
class Shape:
    """Roles of families and rules.

    `block`, `source`, `time`, `scenario` are dims. `order` quantities (family `order`) flow into the position that `balance` carries:
    `held` and `owed` are its positive and negative part; `level` instead of `held` is a running total (capacity) that `cover`
    compares with need. `switch` is the order's binary, bound by `links`; `caps` bound single orders. `service` is the blocks' own row
    over `owed`; all rules of `coupling` are shared; families of `master` belong to no block.
    """

    block: tuple[str, ...]
    source: tuple[str, ...]
    time: str
    scenario: str
    order: str
    switch: str
    held: str
    owed: str
    level: str
    balance: LinearRule
    cover: LinearRule | None
    links: tuple[LinearRule, ...]
    caps: tuple[LinearRule, ...]
    service: LinearRule | None
    coupling: tuple[LinearRule, ...]
    master: tuple[str, ...]
    objective: Affine


def scalar(value: Named) -> float | None:
    """Return the one number of a coefficient, None if it varies."""
    flat = value.data.reshape(-1)
    return float(flat[0]) if flat.size and np.all(flat == flat[0]) else None


def detect(reader: Reader) -> Shape:
    """Return the shape for the block programs.

    Raises
    ------
    Unsuitable
        With the reason of the rule that came closest.
    """
    rules = reader.rules()
    objective = reader.objective()
    reasons = []
    for rule in rules:
        if rule.op == "==" and any(_one_back(t) for t in rule.terms):
            try:
                return _around(reader, rule, rules, objective)
            except Unsuitable as reason:
                reasons.append(str(reason))
    raise Unsuitable(reasons[0] if reasons else "no rule carries a stock from one period to the next")


def _one_back(term: Term) -> bool:
    return bool(term.var) and term.lag is not None and not term.lag.offset.dims and float(term.lag.offset.data) == 1.0


def _carried(rule: LinearRule) -> tuple[dict[str, float], str]:
    """Return the families that stand in a rule now and one period back with opposite coefficients, and the dim of time."""
    found: dict[str, float] = {}
    along = ""
    for back in rule.terms:
        if not _one_back(back):
            continue
        assert back.lag is not None
        now = [t for t in rule.of(back.var) if t.lag is None and not t.summed]
        if not now:  # an inflow that arrives one period later
            continue
        if len(now) != 1 or len(rule.of(back.var)) != 2:
            raise Unsuitable(f"rule `{rule.name}`: `{back.var}` is not carried once from one {back.lag.along} to the next")
        a, b = scalar(now[0].coef), scalar(back.coef)
        if a is None or b is None or a + b != 0:
            raise Unsuitable(f"rule `{rule.name}`: `{back.var}` is carried at a changing rate (spoilage, growth)")
        if along and along != back.lag.along:
            raise Unsuitable(f"rule `{rule.name}` carries along two dims")
        found[back.var], along = a, back.lag.along
    if not found:
        raise Unsuitable(f"rule `{rule.name}` carries nothing over")
    return found, along


def _around(reader: Reader, balance: LinearRule, rules: list[LinearRule], objective: Affine) -> Shape:
    carried, time = _carried(balance)
    where = f"rule `{balance.name}`"
    if len(set(map(abs, carried.values()))) != 1 or len(carried) > 2:
        raise Unsuitable(f"{where} carries {', '.join(f'`{n}`' for n in sorted(carried))}, not one position")
    inflow = [t for t in balance.terms if t.var and t.var not in carried]
    if not inflow:
        raise Unsuitable(f"{where} has no inflow")
    order = inflow[0].var
    unlike = sorted({t.var for t in inflow} - {order})
    if unlike:
        lost = [n for n in [*unlike, order] if reader.vars[n].stage == 2]
        raise Unsuitable(f"{where}: `{(lost or unlike)[0]}` is not carried over" + (" (unmet demand is lost)" if lost else ""))
    if reader.vars[order].stage == 2 or "scenario" in reader.vars[order].dims:
        raise Unsuitable(f"{where}: `{order}` is decided per scenario")
    if len(inflow) > 1:
        raise Unsuitable(f"{where}: `{order}` enters more than once")
    held, owed = _sides(where, carried, inflow[0])
    level, cover = "", None
    if not owed and "scenario" not in reader.vars[held].dims:
        cover, owed = _cover(reader, held, rules)
        level, held = (held, "") if cover is not None else ("", held)
    scenario = "scenario" if any("scenario" in reader.vars[n].dims for n in (held, owed) if n) else ""
    block = tuple(d for d in balance.dims if d not in {time, "scenario"})
    source = tuple(d for d in reader.vars[order].dims if d not in {time, *block})
    _check_inflow(reader, where, inflow[0], block=block, source=source, time=time)
    return _classify(reader, rules, Shape(
        block, source, time, scenario, order, "", held, owed, level, balance, cover, (), (), None, (), (), objective,
    ))


def _sides(where: str, carried: dict[str, float], inflow: Term) -> tuple[str, str]:
    """Return the families that an inflow raises and lowers."""
    sign = -float(np.sign(inflow.coef.data).reshape(-1)[0])
    up = [n for n, a in carried.items() if np.sign(a) == sign]
    down = [n for n, a in carried.items() if np.sign(a) == -sign]
    if not np.all(np.sign(inflow.coef.data) == -sign) or len(up) != 1 or len(down) > 1:
        raise Unsuitable(f"{where}: `{inflow.var}` does not raise one stock")
    return up[0], down[0] if down else ""


def _cover(reader: Reader, level: str, rules: list[LinearRule]) -> tuple[LinearRule | None, str]:
    """Return the rule ``level + owed ≥ need`` and its `owed` family, where a running total must cover needs."""
    for rule in rules:
        if level not in rule.families or len(rule.families) > 2 or rule.op == "==":
            continue
        terms = [t for t in rule.terms if t.var]
        if any(t.summed or t.lag is not None for t in terms) or len(terms) != len(rule.families):
            continue
        if {np.sign(c) for c in (scalar(t.coef) for t in terms) if c is not None} == {1.0 if rule.op == ">=" else -1.0}:
            others = sorted(rule.families - {level})
            sizes = {scalar(t.coef) for t in terms}
            if len(sizes) == 1 and (not others or reader.vars[others[0]].type == "float"):
                return rule, others[0] if others else ""
    return None, ""


def _check_inflow(reader: Reader, where: str, inflow: Term, *, block: tuple[str, ...], source: tuple[str, ...], time: str) -> None:
    dims = reader.vars[inflow.var].dims
    missing = [d for d in (*block, time) if d not in dims]
    if missing:
        raise Unsuitable(f"{where}: `{inflow.var}` has no dim `{missing[0]}`")
    if inflow.summed != set(source):
        raise Unsuitable(f"{where}: `{inflow.var}` is not summed over exactly {list(source)}")
    if not set(inflow.coef.dims) <= set(block):
        raise Unsuitable(f"{where}: the lot of `{inflow.var}` differs between {', '.join(sorted(set(inflow.coef.dims) - set(block)))}")
    if inflow.lag is not None and (inflow.lag.along != time or time in inflow.lag.offset.dims):
        raise Unsuitable(f"{where}: the delay of `{inflow.var}` changes with `{time}`")


def _plain(rule: LinearRule, *families: str) -> bool:
    """Say whether a rule has each family once, neither summed nor shifted, and constants."""
    terms = [t for t in rule.terms if t.var]
    return rule.families == set(families) and len(terms) == len(families) and not any(t.summed or t.lag is not None for t in terms)


def _is_switch(var: Var) -> bool:
    return var.type == "bool" or (var.type == "int" and var.lb == 0 and var.ub in {1, "1"})


def _is_link(reader: Reader, rule: LinearRule, order: str, switch: str) -> bool:
    alike = set(reader.vars[switch].dims) == set(reader.vars[order].dims)
    return alike and _is_switch(reader.vars[switch]) and _plain(rule, order, switch)


def _classify(reader: Reader, rules: list[LinearRule], shape: Shape) -> Shape:
    order_dims = set(reader.vars[shape.order].dims)
    links: list[LinearRule] = []
    caps: list[LinearRule] = []
    coupling: list[LinearRule] = []
    switch, service = "", None
    for rule in rules:
        if rule in (shape.balance, shape.cover):
            continue
        others = sorted(rule.families - {shape.order})
        pair = others[0] if len(others) == 1 else ""
        if pair and switch in {"", pair} and rule.op != "==" and _is_link(reader, rule, shape.order, pair):
            switch = pair
            links.append(rule)
        elif _plain(rule, shape.order) and rule.op == "<=" and set(rule.dims) == order_dims:
            caps.append(rule)
        elif service is None and rule.families == {shape.owed} and rule.op == "<=" and rule.dims and set(rule.dims) == set(shape.block):
            service = rule
        else:
            coupling.append(rule)
    roles = {shape.order, switch, shape.held, shape.owed, shape.level} - {""}
    master = tuple(n for n in reader.vars if n not in roles)
    _check_roles(reader, shape, roles, master)
    if shape.cover is not None and shape.cover.exists is not None and not np.all(shape.cover.exists.data):
        raise Unsuitable(f"rule `{shape.cover.name}` does not hold everywhere")
    if shape.level and any(shape.level in r.families for r in coupling):
        raise Unsuitable(f"`{shape.level}` stands in a shared rule")
    return replace(shape, switch=switch, links=tuple(links), caps=tuple(caps), service=service, coupling=tuple(coupling), master=master)


def _check_roles(reader: Reader, shape: Shape, roles: set[str], master: tuple[str, ...]) -> None:
    for name in master:
        if set(reader.vars[name].dims) & set(shape.block):
            raise Unsuitable(f"variable `{name}` is per {' and '.join(shape.block)} but neither ordered, held nor owed")
    position = {shape.held, shape.owed, shape.level} - {""}
    for name in sorted(position):
        var = reader.vars[name]
        if var.lb != 0 or var.ub is not None or var.type != "float" or not existing(reader.model, var, reader.evaluator).all():
            raise Unsuitable(f"variable `{name}` is not any number from 0 up for every {' and '.join(var.dims)}")
    expected = {*shape.block, shape.time, *([shape.scenario] if shape.scenario else [])}
    for name in sorted({shape.held, shape.owed} - {""}):
        if set(reader.vars[name].dims) != expected:
            raise Unsuitable(f"variable `{name}` is over {', '.join(reader.vars[name].dims)}, not {', '.join(sorted(expected))}")
    if not roles:
        raise Unsuitable("no roles")


def block_dims(reader: Reader, rules: list[LinearRule]) -> list[tuple[str, int, int]]:
    """Return (dim, labels, rows that couple its labels) per dim that could split the model, best first.

    A rule couples a dim when it sums over it, shifts along it, or holds a variable that lacks it together with one that has it.
    """
    out = []
    for dim, size in reader.sizes.items():
        having = [v for v in reader.vars.values() if dim in v.dims]
        if size < 2 or dim == "scenario" or not having:
            continue
        rows = 0
        for rule in rules:
            terms = [t for t in rule.terms if t.var and dim in reader.vars[t.var].dims]
            loose = [t for t in rule.terms if t.var and dim not in reader.vars[t.var].dims]
            if any(dim in t.summed or (t.lag is not None and t.lag.along == dim) for t in terms) or (terms and loose):
                rows += int(np.prod([reader.sizes[d] for d in rule.dims]))
        out.append((dim, size, rows))
    return sorted(out, key=lambda item: (item[2] / item[1], -item[1], item[0]))
