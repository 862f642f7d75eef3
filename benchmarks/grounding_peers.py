"""The procurement family built with other modelling layers; each builder returns a loaded solver and how to solve its LP relaxation."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.procurement import LEVEL, TAIL, Instance, by_hand, compiled

__all__ = ["BUILDERS"]

Built = Callable[[], float]


def _quiet() -> Any:
    import highspy

    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    return solver


def _pass(shape: tuple[int, int, int], layout: int, arrays: tuple[np.ndarray, ...], whole: np.ndarray) -> Any:
    solver = _quiet()
    cost, lower, upper, row_lower, row_upper, start, index, value = arrays
    solver.passModel(*shape, layout, 1, 0.0, cost, lower, upper, row_lower, row_upper, start, index, value, whole.astype(np.int32))
    return solver


def _relaxed(solver: Any, n_cols: int) -> float:
    import highspy

    kinds = [highspy.HighsVarType.kContinuous] * n_cols
    solver.changeColsIntegrality(n_cols, np.arange(n_cols, dtype=np.int32), np.array(kinds))
    solver.run()
    return float(solver.getInfo().objective_function_value)


def hand(f: Instance) -> Built:
    h = by_hand(f)
    shape = (h.cost.size, h.row_lower.size, h.index.size)
    solver = _pass(shape, 2, (h.cost, h.lower, h.upper, h.row_lower, h.row_upper, h.start, h.index, h.value), h.integrality)
    return lambda: _relaxed(solver, shape[0])


def ours(f: Instance) -> Built:
    from dyocense_cli.kernel.optimizer.ground import ground

    model = f if not isinstance(f, Instance) else compiled(f)
    g = ground(model)
    shape = (g.n_cols, g.n_rows, g.nnz)
    solver = _pass(shape, 1, (g.cost, g.lower, g.upper, g.row_lower, g.row_upper, g.start, g.index, g.value), g.integrality)
    return lambda: _relaxed(solver, shape[0])


def linopy_builder(f: Instance) -> Built:
    import linopy
    import xarray as xr

    s, j, t, w = (np.arange(n) for n in (f.S, f.J, f.T, f.W))

    def A(a, *d):
        return xr.DataArray(a, dims=d, coords={k: {"s": s, "j": j, "t": t, "w": w}[k] for k in d})

    lot, price, fixed, moq, most = A(f.lot, "s"), A(f.price, "s", "j", "t"), A(f.fixed, "s", "j"), A(f.moq, "s", "j"), A(f.most, "s", "j")
    demand, hold, late = A(f.demand, "s", "t", "w"), A(f.hold, "s"), A(f.late, "s")
    m = linopy.Model()
    cs = {"s": s, "j": j, "t": t, "w": w}

    def pick(*d):
        return [cs[k] for k in d]

    x = m.add_variables(
        lower=0,
        upper=(most / lot).expand_dims(t=t).transpose("s", "j", "t"),
        coords=pick("s", "j", "t"),
        dims=["s", "j", "t"],
        name="x",
        integer=True,
    )
    y = m.add_variables(coords=pick("s", "j", "t"), dims=["s", "j", "t"], name="y", binary=True)
    stock = m.add_variables(lower=0, coords=pick("s", "t", "w"), dims=["s", "t", "w"], name="stock")
    back = m.add_variables(lower=0, coords=pick("s", "t", "w"), dims=["s", "t", "w"], name="back")
    over = m.add_variables(lower=0, coords=pick("w"), dims=["w"], name="over")
    level = m.add_variables(name="level")
    m.add_constraints(lot * x - moq * y >= 0)
    m.add_constraints(lot * x - most * y <= 0)
    parts = stock - back - stock.shift(t=1) + back.shift(t=1)
    for k in range(1, 4):  # one lagged term per lead time, switched by supplier and scenario
        parts = parts - (lot * A((f.lead == k).astype(float), "j", "w") * x.shift(t=k)).sum("j")
    first = A((t == 0).astype(float), "t") * A(f.opening, "s")
    m.add_constraints(parts == first - demand)
    m.add_constraints((price * lot * x).sum() + (fixed * y).sum() <= f.budget)
    m.add_constraints((lot * x).sum("s") <= A(f.capacity, "j", "t"))
    m.add_constraints((A(f.volume, "s") * stock).sum("s") <= f.store)
    m.add_constraints(over + level - (hold * stock).sum(["s", "t"]) - (late * back).sum(["s", "t"]) >= 0)
    m.add_constraints((back / f.W).sum(["t", "w"]) <= A(f.late_max, "s"))
    cost = (price * lot * x).sum() + (fixed * y).sum() + ((1 - TAIL) / f.W * (hold * stock + late * back)).sum()
    m.add_objective(cost + (TAIL / f.W / (1 - LEVEL) * over).sum() + TAIL * level)
    solver = m.to_highspy()
    solver.setOptionValue("output_flag", False)
    n = m.nvars
    return lambda: _relaxed(solver, n)


def pyoptinterface_builder(f: Instance) -> Built:
    import pyoptinterface as poi
    from pyoptinterface import highs

    m = highs.Model()
    m.set_model_attribute(poi.ModelAttribute.Silent, True)
    S, J, T, W = f.S, f.J, f.T, f.W
    I, B, C = poi.VariableDomain.Integer, poi.VariableDomain.Binary, poi.VariableDomain.Continuous
    sjt, stw = [list(itertools.product(*map(range, d))) for d in ((S, J, T), (S, T, W))]
    x = {k: m.add_variable(lb=0.0, ub=f.most[k[0], k[1]] / f.lot[k[0]], domain=I) for k in sjt}
    y = {k: m.add_variable(domain=B) for k in sjt}
    stock = {k: m.add_variable(lb=0.0, domain=C) for k in stw}
    back = {k: m.add_variable(lb=0.0, domain=C) for k in stw}
    over = [m.add_variable(lb=0.0, domain=C) for _ in range(W)]
    level = m.add_variable(domain=C)
    E = poi.ExprBuilder
    for s, j, t in sjt:
        for limit, sense in ((f.moq, poi.Geq), (f.most, poi.Leq)):
            e = E()
            e.add_affine_term(x[s, j, t], f.lot[s])
            e.add_affine_term(y[s, j, t], -limit[s, j])
            m.add_linear_constraint(e, sense, 0.0)
    for s, t, w in stw:
        e = E()
        e.add_affine_term(stock[s, t, w], 1.0)
        e.add_affine_term(back[s, t, w], -1.0)
        if t:
            e.add_affine_term(stock[s, t - 1, w], -1.0)
            e.add_affine_term(back[s, t - 1, w], 1.0)
        for j in range(J):
            if t >= f.lead[j, w]:
                e.add_affine_term(x[s, j, t - f.lead[j, w]], -f.lot[s])
        m.add_linear_constraint(e, poi.Eq, (0.0 if t else f.opening[s]) - f.demand[s, t, w])

    def row(terms: Any, sense: Any, right: float) -> None:
        e = E()
        for v, c in terms:
            e.add_affine_term(v, c)
        m.add_linear_constraint(e, sense, right)

    row([(x[k], f.price[k] * f.lot[k[0]]) for k in sjt] + [(y[k], f.fixed[k[0], k[1]]) for k in sjt], poi.Leq, f.budget)
    for j, t in itertools.product(range(J), range(T)):
        row([(x[s, j, t], f.lot[s]) for s in range(S)], poi.Leq, f.capacity[j, t])
    for t, w in itertools.product(range(T), range(W)):
        row([(stock[s, t, w], f.volume[s]) for s in range(S)], poi.Leq, f.store)
    st = list(itertools.product(range(S), range(T)))
    for w in range(W):
        row(
            [(over[w], 1.0), (level, 1.0)] + [(stock[s, t, w], -f.hold[s]) for s, t in st] + [(back[s, t, w], -f.late[s]) for s, t in st],
            poi.Geq,
            0.0,
        )
    for s in range(S):
        row([(back[s, t, w], 1 / W) for t in range(T) for w in range(W)], poi.Leq, f.late_max[s])
    e = E()
    for k in sjt:
        e.add_affine_term(x[k], f.price[k] * f.lot[k[0]])
        e.add_affine_term(y[k], f.fixed[k[0], k[1]])
    for k in stw:
        e.add_affine_term(stock[k], (1 - TAIL) * f.hold[k[0]] / W)
        e.add_affine_term(back[k], (1 - TAIL) * f.late[k[0]] / W)
    for w in range(W):
        e.add_affine_term(over[w], TAIL / W / (1 - LEVEL))
    e.add_affine_term(level, TAIL)
    m.set_objective(e, poi.ObjectiveSense.Minimize)

    def solve() -> float:
        for k in sjt:
            for family in (x, y):
                m.set_variable_attribute(family[k], poi.VariableAttribute.Domain, C)
        for k in sjt:
            m.set_variable_attribute(y[k], poi.VariableAttribute.LowerBound, 0.0)
            m.set_variable_attribute(y[k], poi.VariableAttribute.UpperBound, 1.0)
        m.optimize()
        return float(m.get_model_attribute(poi.ModelAttribute.ObjectiveValue))

    return solve


def highspy_builder(f: Instance) -> Built:
    import highspy

    h = _quiet()
    S, J, T, W = f.S, f.J, f.T, f.W
    x = {(s, j, t): h.addIntegral(0, f.most[s, j] / f.lot[s]) for s in range(S) for j in range(J) for t in range(T)}
    y = {k: h.addBinary() for k in x}
    stw = list(itertools.product(range(S), range(T), range(W)))
    stock, back = {k: h.addVariable(0) for k in stw}, {k: h.addVariable(0) for k in stw}
    over = [h.addVariable(0) for _ in range(W)]
    level = h.addVariable(-highspy.kHighsInf)
    q = h.qsum
    for (s, j, t), v in x.items():
        h.addConstr(f.lot[s] * v - f.moq[s, j] * y[s, j, t] >= 0)
        h.addConstr(f.lot[s] * v - f.most[s, j] * y[s, j, t] <= 0)
    for s, t, w in stw:
        e = stock[s, t, w] - back[s, t, w]
        if t:
            e = e - stock[s, t - 1, w] + back[s, t - 1, w]
        for j in range(J):
            if t >= f.lead[j, w]:
                e = e - f.lot[s] * x[s, j, t - int(f.lead[j, w])]
        h.addConstr(e == float((0.0 if t else f.opening[s]) - f.demand[s, t, w]))
    h.addConstr(q(f.price[k] * f.lot[k[0]] * v for k, v in x.items()) + q(f.fixed[k[0], k[1]] * v for k, v in y.items()) <= f.budget)
    for j, t in itertools.product(range(J), range(T)):
        h.addConstr(q(f.lot[s] * x[s, j, t] for s in range(S)) <= float(f.capacity[j, t]))
    for t, w in itertools.product(range(T), range(W)):
        h.addConstr(q(f.volume[s] * stock[s, t, w] for s in range(S)) <= f.store)
    for w in range(W):
        h.addConstr(over[w] + level - q(f.hold[s] * stock[s, t, w] + f.late[s] * back[s, t, w] for s in range(S) for t in range(T)) >= 0)
    for s in range(S):
        h.addConstr(q(back[s, t, w] * (1 / W) for t in range(T) for w in range(W)) <= float(f.late_max[s]))
    cost = q(f.price[k] * f.lot[k[0]] * v for k, v in x.items()) + q(f.fixed[k[0], k[1]] * v for k, v in y.items())
    cost = (
        cost
        + q((1 - TAIL) / W * f.hold[k[0]] * v for k, v in stock.items())
        + q((1 - TAIL) / W * f.late[k[0]] * v for k, v in back.items())
    )
    cost = cost + q(TAIL / W / (1 - LEVEL) * v for v in over) + TAIL * level
    h.setObjective(cost, highspy.ObjSense.kMinimize)
    n = h.getNumCol()
    return lambda: _relaxed(h, n)


def pyomo_builder(f: Instance) -> Built:
    import pyomo.environ as pyo
    from pyomo.contrib.appsi.solvers import Highs

    m = pyo.ConcreteModel()
    S, J, T, W = (range(n) for n in (f.S, f.J, f.T, f.W))
    m.x = pyo.Var(S, J, T, domain=pyo.NonNegativeIntegers, bounds=lambda _, s, j, __: (0, f.most[s, j] / f.lot[s]))
    m.y = pyo.Var(S, J, T, domain=pyo.Binary)
    m.stock, m.back = pyo.Var(S, T, W, domain=pyo.NonNegativeReals), pyo.Var(S, T, W, domain=pyo.NonNegativeReals)
    m.over, m.level = pyo.Var(W, domain=pyo.NonNegativeReals), pyo.Var()
    q = pyo.quicksum
    m.c1 = pyo.Constraint(S, J, T, rule=lambda m, s, j, t: f.lot[s] * m.x[s, j, t] - f.moq[s, j] * m.y[s, j, t] >= 0)
    m.c2 = pyo.Constraint(S, J, T, rule=lambda m, s, j, t: f.lot[s] * m.x[s, j, t] - f.most[s, j] * m.y[s, j, t] <= 0)

    def balance(m: Any, s: int, t: int, w: int) -> Any:
        e = m.stock[s, t, w] - m.back[s, t, w]
        if t:
            e = e - m.stock[s, t - 1, w] + m.back[s, t - 1, w]
        e = e - q(f.lot[s] * m.x[s, j, t - int(f.lead[j, w])] for j in J if t >= f.lead[j, w])
        return e == float((0.0 if t else f.opening[s]) - f.demand[s, t, w])

    m.c3 = pyo.Constraint(S, T, W, rule=balance)

    def spend(m):
        return q(f.price[s, j, t] * f.lot[s] * m.x[s, j, t] + f.fixed[s, j] * m.y[s, j, t] for s in S for j in J for t in T)

    m.c4 = pyo.Constraint(rule=lambda m: spend(m) <= f.budget)
    m.c5 = pyo.Constraint(J, T, rule=lambda m, j, t: q(f.lot[s] * m.x[s, j, t] for s in S) <= float(f.capacity[j, t]))
    m.c6 = pyo.Constraint(T, W, rule=lambda m, t, w: q(f.volume[s] * m.stock[s, t, w] for s in S) <= f.store)
    m.c7 = pyo.Constraint(
        W, rule=lambda m, w: m.over[w] + m.level - q(f.hold[s] * m.stock[s, t, w] + f.late[s] * m.back[s, t, w] for s in S for t in T) >= 0
    )
    m.c8 = pyo.Constraint(S, rule=lambda m, s: q(m.back[s, t, w] / f.W for t in T for w in W) <= float(f.late_max[s]))

    def recourse(m):
        return q((1 - TAIL) / f.W * (f.hold[s] * m.stock[s, t, w] + f.late[s] * m.back[s, t, w]) for s in S for t in T for w in W)

    m.o = pyo.Objective(expr=spend(m) + recourse(m) + q(TAIL / f.W / (1 - LEVEL) * m.over[w] for w in W) + TAIL * m.level)
    solver = Highs()
    solver.set_instance(m)

    def solve() -> float:
        relaxed = pyo.TransformationFactory("core.relax_integer_vars").create_using(m)
        result = Highs().solve(relaxed)
        return float(result.best_feasible_objective)

    return solve


BUILDERS: dict[str, Callable[[Instance], Built]] = {
    "by hand": hand,
    "ours": ours,
    "linopy": linopy_builder,
    "PyOptInterface": pyoptinterface_builder,
    "highspy expressions": highspy_builder,
    "Pyomo": pyomo_builder,
}
