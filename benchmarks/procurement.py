"""The procurement family: its data, its model file, and the same arrays written by hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.instances import procurement_data
from dyocense_cli.artifacts.context import Column, Context, Table
from dyocense_cli.artifacts.forecast import ScenarioSet, ScenarioTable
from dyocense_cli.artifacts.goal import Quantity
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.kernel.goaldsl.parse import parse_goal, parse_model
from dyocense_cli.kernel.optiguide.compile import compile_goal

__all__ = ["Instance", "by_hand", "compiled", "instance"]

MODEL = Path(__file__).parent / "models" / "procurement.yaml"
GOAL = "dsl: goal/v1\nid: bench\nmodel: procurement.yaml\ncontext: none.yaml\nrobust: {aggregation: mean}\n"
#: weight and level of the tail in the objective
TAIL, LEVEL = 0.3, 0.9


@dataclass(frozen=True, slots=True)
class Instance:
    """Data of one instance; S SKUs, J suppliers, T periods, W scenarios."""

    S: int
    J: int
    T: int
    W: int
    demand: np.ndarray
    lot: np.ndarray
    price: np.ndarray
    fixed: np.ndarray
    moq: np.ndarray
    most: np.ndarray
    lead: np.ndarray
    opening: np.ndarray
    hold: np.ndarray
    late: np.ndarray
    volume: np.ndarray
    capacity: np.ndarray
    late_max: np.ndarray
    budget: float
    store: float


def instance(S: int, J: int = 4, T: int = 12, W: int = 20, seed: int = 1) -> Instance:
    """Draw an instance; 4, 31, 311 and 3110 SKUs give about 1e4 … 1e7 nonzeros."""
    d = procurement_data(S, J=J, T=T, W=W, seed=seed)

    def of(name: str) -> np.ndarray:
        return np.asarray(d[name])

    return Instance(
        S, J, T, W, of("demand"), of("lot_size"), of("price"), of("order_cost"), of("moq"), of("most"), of("lead"), of("opening")[:, 0],
        of("holding_cost"), of("late_cost"), of("volume"), of("capacity"), of("owed_max"), float(of("budget")), float(of("storage")),
    )  # fmt: skip


def names(prefix: str, n: int) -> tuple[str, ...]:
    return tuple(f"{prefix}{i:06d}" for i in range(n))


def _keys(**labels: int) -> dict[str, Column]:
    grid = np.indices(tuple(labels.values()), np.int32).reshape(len(labels), -1)
    prefix = {"sku": "s", "supplier": "j", "period": "t"}
    return {k: Column(codes, None, names(prefix[k], n)) for (k, n), codes in zip(labels.items(), grid, strict=True)}


def _table(keys: dict[str, Column], **values: np.ndarray) -> Table:
    columns = {**keys, **{n: Column(np.ascontiguousarray(v, np.float64).reshape(-1)) for n, v in values.items()}}
    return Table(columns, next(iter(keys.values())).values.size)


def world(f: Instance) -> tuple[Context, ScenarioSet]:
    """Return an instance as a bound context and a scenario set."""
    periods = names("t", f.T)
    tables = {
        "skus": _table(_keys(sku=f.S), lot=f.lot, opening=f.opening, hold=f.hold, late=f.late, volume=f.volume, late_max=f.late_max),
        "suppliers": _table(_keys(supplier=f.J)),
        "offers": _table(_keys(sku=f.S, supplier=f.J), fixed=f.fixed, moq=f.moq, most=f.most),
        "prices": _table(_keys(sku=f.S, supplier=f.J, period=f.T), price=f.price),
        "rooms": _table(_keys(supplier=f.J, period=f.T), capacity=f.capacity),
    }
    starts = tuple(str(np.datetime64("2026-11-30") + 7 * i) for i in range(f.T))
    context = Context("", tables, {"budget": Quantity(f.budget), "store": Quantity(f.store)}, (), (), periods, starts, 7.0)
    demand = ScenarioTable(("sku", "period", "scenario"), {"sku": names("s", f.S), "period": periods}, f.demand)
    lead = ScenarioTable(("supplier", "scenario"), {"supplier": names("j", f.J)}, f.lead * 7.0, "day")
    return context, ScenarioSet(periods, tuple(range(f.W)), np.full(f.W, 1 / f.W), {"demand": demand, "lead_days": lead})


def compiled(f: Instance) -> OptiModel:
    """Compile an instance from the model file."""
    context, scenarios = world(f)
    return compile_goal(parse_goal(GOAL, file="bench.yaml"), parse_model(MODEL.read_text(), file=MODEL.name), context, scenarios)


@dataclass(frozen=True, slots=True)
class Hand:
    """Row-wise arrays written by hand."""

    cost: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    integrality: np.ndarray
    row_lower: np.ndarray
    row_upper: np.ndarray
    start: np.ndarray
    index: np.ndarray
    value: np.ndarray


class _Rows:
    """Preallocated row-wise arrays that blocks of equal row length are written into."""

    def __init__(self, most: int) -> None:
        self.index = np.empty(most, np.int32)
        self.value = np.empty(most)
        self.counts: list[np.ndarray] = []
        self.low: list[np.ndarray] = []
        self.high: list[np.ndarray] = []
        self.at = 0

    def block(self, rows: int, length: int, low: np.ndarray | float, high: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        stop = self.at + rows * length
        views = self.index[self.at : stop].reshape(rows, length), self.value[self.at : stop].reshape(rows, length)
        self.at = stop
        self.counts.append(np.full(rows, length, np.int32))
        self.limits(rows, low, high)
        return views

    def limits(self, rows: int, low: np.ndarray | float, high: np.ndarray | float) -> None:
        self.low.append(np.broadcast_to(low, (rows,)))
        self.high.append(np.broadcast_to(high, (rows,)))


def by_hand(f: Instance) -> Hand:
    """Write the instance's arrays directly, the way one does it for a single model."""
    S, J, T, W = f.S, f.J, f.T, f.W
    n, m, inf = S * J * T, S * T * W, np.inf
    at = np.arange
    x, y = at(n, dtype=np.int32).reshape(S, J, T), at(n, 2 * n, dtype=np.int32).reshape(S, J, T)
    stock, back = at(2 * n, 2 * n + m, dtype=np.int32).reshape(S, T, W), at(2 * n + m, 2 * n + 2 * m, dtype=np.int32).reshape(S, T, W)
    over, level = at(2 * n + 2 * m, 2 * n + 2 * m + W, dtype=np.int32), 2 * n + 2 * m + W
    K = 4 + J
    out = _Rows(6 * n + m * K + n + m + 2 * m + 2 * W + m)
    lots = np.repeat(f.lot, J * T)
    for limit, low, high in ((f.moq, 0.0, inf), (f.most, -inf, 0.0)):
        a, b = out.block(n, 2, low, high)
        a[:, 0], a[:, 1], b[:, 0], b[:, 1] = x.ravel(), y.ravel(), lots, -np.repeat(limit.ravel(), T)
    A, B = np.empty((S, T, W, K), np.int32), np.empty((S, T, W, K))
    A[..., 0], A[..., 1], B[..., 0], B[..., 1], B[..., 2], B[..., 3] = stock, back, 1, -1, -1, 1
    A[:, 1:, :, 2], A[:, 1:, :, 3], A[:, 0, :, 2:4] = stock[:, :-1], back[:, :-1], -1
    from_period = at(T)[:, None, None] - f.lead.T[None]
    A[..., 4:] = np.where(from_period[None] >= 0, x[:, at(J)[None, None], np.maximum(from_period, 0)], -1)
    B[..., 4:] = -f.lot[:, None, None, None]
    held = (A[0] >= 0).reshape(T * W, K)
    flat = np.flatnonzero(held)
    stop = out.at + S * flat.size
    np.take(A.reshape(S, -1), flat, axis=1, out=out.index[out.at : stop].reshape(S, -1))
    np.take(B.reshape(S, -1), flat, axis=1, out=out.value[out.at : stop].reshape(S, -1))
    out.at = stop
    out.counts.append(np.tile(held.sum(1).astype(np.int32), S))
    right = -f.demand.copy()
    right[:, 0] += f.opening[:, None]
    out.limits(m, right.ravel(), right.ravel())
    a, b = out.block(1, 2 * n, -inf, f.budget)
    a[0, :n], a[0, n:], b[0, :n], b[0, n:] = x.ravel(), y.ravel(), f.price.ravel() * lots, np.repeat(f.fixed.ravel(), T)
    a, b = out.block(J * T, S, -inf, f.capacity.ravel())
    a[:], b[:] = x.transpose(1, 2, 0).reshape(J * T, S), f.lot
    a, b = out.block(T * W, S, -inf, f.store)
    a[:], b[:] = stock.transpose(1, 2, 0).reshape(T * W, S), f.volume
    a, b = out.block(W, 2 * S * T + 2, 0.0, inf)
    a[:, 0], a[:, 1], b[:, :2] = over, level, 1
    a[:, 2 : 2 + S * T], a[:, 2 + S * T :] = stock.reshape(S * T, W).T, back.reshape(S * T, W).T
    b[:, 2 : 2 + S * T], b[:, 2 + S * T :] = -np.repeat(f.hold, T), -np.repeat(f.late, T)
    a, b = out.block(S, T * W, -inf, f.late_max)
    a[:], b[:] = back.reshape(S, T * W), 1 / W
    counts = np.concatenate(out.counts)
    start = np.zeros(counts.size + 1, np.int32)
    np.cumsum(counts, out=start[1:])
    n_cols = level + 1
    cost, upper, lower = np.zeros(n_cols), np.full(n_cols, inf), np.zeros(n_cols)
    cost[:n], cost[n : 2 * n] = f.price.ravel() * lots, np.repeat(f.fixed.ravel(), T)
    cost[2 * n : 2 * n + m].reshape(S, T, W)[:] = (1 - TAIL) * f.hold[:, None, None] / W
    cost[2 * n + m : 2 * n + 2 * m].reshape(S, T, W)[:] = (1 - TAIL) * f.late[:, None, None] / W
    cost[over], cost[level] = TAIL / W / (1 - LEVEL), TAIL
    upper[:n], upper[n : 2 * n], lower[level] = np.repeat(f.most.ravel(), T) / lots, 1, -inf
    whole = np.zeros(n_cols, np.uint8)
    whole[: 2 * n] = 1
    return Hand(
        cost, lower, upper, whole, np.concatenate(out.low), np.concatenate(out.high), start, out.index[: out.at], out.value[: out.at]
    )
