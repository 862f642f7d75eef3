"""Instance families as OptiModels, from a seed: procurement under scenarios, lot sizing, service stock, capacity planning."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dyocense_cli.artifacts.optimodel import OptiModel, Param, Robust, Rule, Steps, Term, Var

__all__ = ["capacity", "lot_sizing", "procurement", "procurement_data", "service_stock", "trigeiro"]

Data = dict[str, "np.ndarray | float"]


def labels(prefix: str, n: int) -> tuple[str, ...]:
    return tuple(f"{prefix}{i:0{len(str(n - 1))}d}" for i in range(n))


def procurement_data(
    S: int,
    *,
    J: int = 4,
    T: int = 12,
    W: int = 20,
    seed: int = 1,
    budget: float = 1.0,
    bud: float = 1.3,
    beta: float = 0.9,
    capf: float = 1.8,
    storef: float = 1.5,
) -> Data:
    """Return the arrays of a procurement instance: S SKUs, J suppliers, T periods, W scenarios of demand and lead time."""
    r = np.random.default_rng(seed)
    base = r.lognormal(3.5, 0.6, S)
    season = 1 + 0.3 * np.sin(np.arange(T) * 2 * np.pi / 12 + r.uniform(0, 6, (S, 1)))
    demand = np.round(r.gamma(8, 1 / 8, (S, T, W)) * base[:, None, None] * season[:, :, None])
    lot = r.choice([1.0, 5.0, 10.0, 12.0], S)
    price = np.round(r.uniform(5, 40, S)[:, None, None] * r.uniform(0.85, 1.2, (1, J, 1)) * r.uniform(0.95, 1.05, (S, J, T)), 2)
    fixed = np.round(r.uniform(20, 120, (S, J)), 1)
    moq = np.ceil(base[:, None] * r.uniform(0.5, 2.5, (S, J)) / lot[:, None]) * lot[:, None]
    most = np.maximum(np.ceil(base[:, None] * 8 / lot[:, None]) * lot[:, None], moq)
    usual = r.integers(1, 3, J)
    lead = usual[:, None] + (r.random((J, W)) < 0.25)
    on_hand = np.ceil(demand[:, :3].sum(1).max(1) * 0.9)
    volume = np.round(r.uniform(0.2, 2.0, S), 2)
    chance = np.full(W, 1 / W)
    mean = demand.mean(2)
    need = np.maximum(mean.sum(1) - on_hand, 0)
    spend = (need * price.mean(2).min(1)).sum() + (fixed.min(1) * need / np.maximum(moq.min(1), base * 2)).sum()
    room = np.tile(np.ceil(capf * mean.sum(0).mean() / J * r.uniform(0.9, 1.4, J))[:, None], (1, T))
    opening = np.zeros((S, T))
    opening[:, 0] = on_hand
    return {
        "demand": demand,
        "lot_size": lot,
        "price": price,
        "order_cost": fixed,
        "moq": moq,
        "most": most,
        "lead": lead.astype(np.int64),
        "opening": opening,
        "holding_cost": np.round(0.02 * price.mean((1, 2)), 3),
        "late_cost": np.round(0.5 * price.mean((1, 2)), 3),
        "volume": volume,
        "chance": chance,
        "capacity": room,
        "budget": float(bud * spend * budget),
        "storage": float(storef * (volume * (on_hand * 1.1 + 2.5 * base)).sum()),
        "owed_max": (1 - beta) * np.einsum("stw,w->s", demand, chance),
    }


PROCUREMENT_DIMS = {
    "demand": ("sku", "period", "scenario"),
    "lot_size": ("sku",),
    "price": ("sku", "supplier", "period"),
    "order_cost": ("sku", "supplier"),
    "moq": ("sku", "supplier"),
    "most": ("sku", "supplier"),
    "lead": ("supplier", "scenario"),
    "opening": ("sku", "period"),
    "holding_cost": ("sku",),
    "late_cost": ("sku",),
    "volume": ("sku",),
    "chance": ("scenario",),
    "capacity": ("supplier", "period"),
    "budget": (),
    "storage": (),
    "owed_max": ("sku",),
}


def params(data: Data, dims: dict[str, tuple[str, ...]]) -> dict[str, Param]:
    return {
        k: Param(dims[k], np.asarray(v, dtype=None if k == "lead" else float), dtype="i8" if k == "lead" else "f8") for k, v in data.items()
    }


def procurement(S: int, **options: float) -> OptiModel:
    """Return the procurement model: lots with minimum orders, backlog, service per SKU, budget, capacity, storage and tail risk."""
    data = procurement_data(S, **options)  # type: ignore[arg-type]
    J, T, W = np.shape(data["price"])[1], np.shape(data["price"])[2], np.size(data["chance"])
    spi, spt = ("sku", "period", "scenario"), ("sku", "supplier", "period")
    return OptiModel(
        dims={"sku": labels("K", S), "supplier": labels("S", J), "period": labels("t", T), "scenario": tuple(str(w) for w in range(W))},
        ordered=("period",),
        params=params(data, PROCUREMENT_DIMS),
        vars=(
            Var("lots", spt, "int"),
            Var("place", spt, "bool"),
            Var("stock", spi, stage=2),
            Var("owed", spi, stage=2),
            Var("excess", ("scenario",), stage=2),
            Var("threshold", ()),
        ),
        exprs={
            "order": "lots * lot_size",
            "trouble": "sum(holding_cost * stock + late_cost * owed, over=[sku, period])",
            "spend": "sum(price * order) + sum(order_cost * place)",
            "arrivals": "sum(shift(order, along=period, offset=lead, edge=0), over=supplier)",
        },
        sense="min",
        terms=(Term("cost", "spend"), Term("trouble", "mean(trouble)", 0.7), Term("risk", "threshold + mean(excess) * 10", 0.3)),
        rules=(
            Rule("moq", spt, "order >= moq * place"),
            Rule("most", spt, "order <= most * place"),
            Rule("balance", spi, "stock - owed == shift(stock - owed, along=period, offset=1, edge=0) + opening + arrivals - demand"),
            Rule("budget", (), "spend <= budget"),
            Rule("capacity", ("supplier", "period"), "sum(order, over=sku) <= capacity"),
            Rule("storage", ("period", "scenario"), "sum(volume * stock, over=sku) <= storage"),
            Rule("tail", ("scenario",), "excess + threshold >= trouble"),
            Rule("service", ("sku",), "sum(chance * owed, over=[period, scenario]) <= owed_max"),
        ),
        robust=Robust(W, "mean"),
        probability=np.asarray(data["chance"]),
        steps=Steps("order", spt, price="price"),
        currency="EUR",
    )


def _lot_sizing(
    demand: np.ndarray, *, unit: np.ndarray, hold: np.ndarray, setup_time: np.ndarray, setup_cost: np.ndarray, room: np.ndarray
) -> OptiModel:
    N, T = demand.shape
    rest = np.cumsum(demand[:, ::-1], axis=1)[:, ::-1]
    data: Data = {
        "demand": demand,
        "unit_time": unit,
        "holding_cost": hold,
        "setup_time": setup_time,
        "setup_cost": setup_cost,
        "room": room,
        "rest": rest,
    }
    ip = ("item", "period")
    dims: dict[str, tuple[str, ...]] = {"demand": ip, "room": ("period",), "rest": ip}
    dims |= dict.fromkeys(("unit_time", "holding_cost", "setup_time", "setup_cost"), ("item",))
    return OptiModel(
        dims={"item": labels("I", N), "period": labels("t", T)},
        ordered=("period",),
        params=params(data, dims),
        vars=(Var("make", ip), Var("setup", ip, "bool"), Var("stock", ip)),
        exprs={},
        sense="min",
        terms=(Term("holding", "sum(holding_cost * stock)"), Term("setups", "sum(setup_cost * setup)")),
        rules=(
            Rule("balance", ip, "stock == shift(stock, along=period, offset=1, edge=0) + make - demand"),
            Rule("setups", ip, "make <= rest * setup"),
            Rule("time", ("period",), "sum(unit_time * make + setup_time * setup, over=item) <= room"),
        ),
        robust=Robust(1, "mean"),
        probability=np.ones(1),
    )


def lot_sizing(N: int, T: int, *, seed: int, tight: float = 1.25) -> OptiModel:
    """Return capacitated multi-item lot sizing with setup times, no backlog."""
    r = np.random.default_rng(seed)
    demand = r.integers(0, 60, (N, T)).astype(float)
    setup_time = r.integers(5, 20, N).astype(float)
    mean = demand.sum(0).mean() + 0.5 * setup_time.sum()
    least = np.ceil((np.cumsum(demand.sum(0)) / np.arange(1, T + 1)).max() + setup_time.sum())
    return _lot_sizing(
        demand,
        unit=np.ones(N),
        hold=r.integers(1, 5, N).astype(float),
        setup_time=setup_time,
        setup_cost=r.integers(50, 400, N).astype(float),
        room=np.full(T, max(np.ceil(tight * mean), least)),
    )


def _numeric(line: str) -> bool:
    return all(w.replace(".", "", 1).isdigit() for w in line.split())


def trigeiro(path: Path) -> OptiModel:
    """Return a lot-sizing instance with setup times from a data file: items and periods; a one; capacity; unit time, holding cost,
    setup time and setup cost per item; demand per period, in groups of columns one below another."""
    rows = [[float(w) for w in line.split()] for line in path.read_text().splitlines() if line.split() and _numeric(line)]
    n, t = int(rows[0][0]), int(rows[0][1])
    items = np.array([r[:4] for r in rows[3 : 3 + n]])
    groups: list[list[list[float]]] = []
    at = 3 + n
    while sum(len(g[0]) for g in groups) < n:
        groups.append(rows[at : at + t])
        at += t
    demand = np.concatenate([np.array(g) for g in groups], axis=1).T
    return _lot_sizing(
        demand, unit=items[:, 0], hold=items[:, 1], setup_time=items[:, 2], setup_cost=items[:, 3], room=np.full(t, rows[2][0])
    )


def _first(values: np.ndarray, T: int) -> np.ndarray:
    """Return values in the first of T periods, 0 later."""
    out = np.zeros((values.size, T))
    out[:, 0] = values
    return out


def service_stock(N: int, T: int, W: int, *, seed: int) -> OptiModel:
    """Return stock under scenarios with one source, backlog, a service level over all items and a spending limit per week."""
    r = np.random.default_rng(seed)
    demand = r.poisson(r.uniform(3, 20, (N, 1, 1)), (N, T, W)).astype(float)
    cost = r.uniform(2, 20, N).round(2)
    data: Data = {
        "demand": demand,
        "cost": cost,
        "setup": r.uniform(10, 60, N).round(1),
        "hold": (0.03 * cost).round(3),
        "late": (0.4 * cost).round(3),
        "chance": np.full(W, 1 / W),
        "lead": np.array(1),
        "start": _first(r.integers(5, 30, N), T),
        "spend_max": float(2.2 * (cost * demand.mean((1, 2))).sum() + 200),
        "most": demand.sum(1).max(1),
        "level": 0.1,
    }
    dims: dict[str, tuple[str, ...]] = {
        "start": ("item", "week"),
        "demand": ("item", "week", "scenario"),
        "chance": ("scenario",),
        "lead": (),
        "spend_max": (),
        "level": (),
    }
    dims |= dict.fromkeys(("cost", "setup", "hold", "late", "most"), ("item",))
    iws, iw = ("item", "week", "scenario"), ("item", "week")
    return OptiModel(
        dims={"item": labels("P", N), "week": labels("w", T), "scenario": tuple(str(w) for w in range(W))},
        ordered=("week",),
        params=params(data, dims),
        vars=(Var("qty", iw, "int", ub="most"), Var("buy", iw, "bool"), Var("on_hand", iws, stage=2), Var("backlog", iws, stage=2)),
        exprs={},
        sense="min",
        terms=(
            Term("buying", "sum(cost * qty) + sum(setup * buy)"),
            Term("keeping", "mean(sum(hold * on_hand + late * backlog, over=[item, week]))"),
        ),
        rules=(
            Rule(
                "flow",
                iws,
                "on_hand + shift(backlog, along=week, offset=1, edge=0) + demand == backlog + shift(on_hand, along=week, "
                "offset=1, edge=0) + shift(qty, along=week, offset=lead, edge=0) + start",
            ),
            Rule("buys", iw, "qty <= most * buy"),
            Rule(
                "service",
                (),
                "sum(chance * backlog, over=[item, week, scenario]) <= level * sum(chance * demand, over=[item, week, scenario])",
            ),
            Rule("spending", ("week",), "sum(cost * qty + setup * buy, over=item) <= spend_max"),
        ),
        robust=Robust(W, "mean"),
        probability=np.full(W, 1 / W),
    )


def capacity(N: int, T: int, W: int, *, seed: int) -> OptiModel:
    """Return capacity planning: plants build modules that arrive a year later, need above it is bought in, money per year is short."""
    r = np.random.default_rng(seed)
    need = (r.uniform(20, 60, (N, 1, 1)) * (1 + 0.15 * np.arange(T))[None, :, None] * r.uniform(0.8, 1.25, (N, T, W))).round()
    data: Data = {
        "need": need,
        "module": r.choice([5.0, 8.0, 10.0], N),
        "build_cost": r.uniform(60, 140, (N, 2)).round(),
        "site_cost": r.uniform(100, 300, N).round(),
        "upkeep": r.uniform(0.5, 2.0, N).round(2),
        "buy_in": r.uniform(8, 20, N).round(1),
        "have": _first((need[:, 0].mean(1) * 0.8).round(), T),
        "money": np.full(T, 140.0 * N),
    }
    dims: dict[str, tuple[str, ...]] = {
        "have": ("plant", "year"),
        "need": ("plant", "year", "scenario"),
        "build_cost": ("plant", "kind"),
        "money": ("year",),
    }
    dims |= dict.fromkeys(("module", "site_cost", "upkeep", "buy_in"), ("plant",))
    pky, pys, py = ("plant", "kind", "year"), ("plant", "year", "scenario"), ("plant", "year")
    return OptiModel(
        dims={"plant": labels("F", N), "kind": ("new", "used"), "year": labels("y", T), "scenario": tuple(str(w) for w in range(W))},
        ordered=("year",),
        params=params(data, dims),
        vars=(Var("build", pky, "int", ub=6.0), Var("site", pky, "bool"), Var("cap", py), Var("bought", pys, stage=2)),
        exprs={},
        sense="min",
        terms=(
            Term("invest", "sum(build_cost * build) + sum(site_cost * site)"),
            Term("upkeep", "sum(upkeep * cap)"),
            Term("bought", "mean(sum(buy_in * bought, over=[plant, year]))"),
        ),
        rules=(
            Rule(
                "growth",
                py,
                "cap == shift(cap, along=year, offset=1, edge=0) + have + sum(module * shift(build, "
                "along=year, offset=1, edge=0), over=kind)",
            ),
            Rule("cover", pys, "cap + bought >= need"),
            Rule("sites", pky, "build <= 6 * site"),
            Rule("funds", ("year",), "sum(build_cost * build + site_cost * site, over=[plant, kind]) <= money"),
        ),
        robust=Robust(W, "mean"),
        probability=np.full(W, 1 / W),
    )
