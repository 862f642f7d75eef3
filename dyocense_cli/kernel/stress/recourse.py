"""The best that can still be done in each scenario once the plan stands: one linear program over all scenarios.

With the first stage fixed, scenarios do not touch each other, so one program solves them all. Rules that tie scenarios together (mean
service, chance rules, risk of the objective) belong to the planning and are left out; a rule that a planner may loosen gives way in a
scenario where it cannot hold, at a price above any real cost, and the scenario is counted as one that breaks it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from dyocense_cli.artifacts.ground import Block, GroundModel
from dyocense_cli.artifacts.optimodel import OptiModel, Rule
from dyocense_cli.artifacts.solution import Solution
from dyocense_cli.kernel.stress.worlds import World, side_by_side
from dyocense_cli.optimodel.activity import is_negotiable
from dyocense_cli.optimodel.evaluate import Evaluator, per_scenario, split_columns
from dyocense_cli.optimodel.expr.parser import parse
from dyocense_cli.optimodel.members import coordinates
from dyocense_cli.ports import Lent, SolveLimits

__all__ = ["Outcome", "per_scenario_columns", "play"]

#: how much dearer breaking a rule is than any real cost
_DEAR: Final = 100.0
#: rows of one program: below this, more programs cost more than they save
_ROWS_PER_PART: Final = 2_000
#: recourse columns that are held at once: about 1 GiB of arrays
_COLUMNS: Final = 400_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happens to a plan in the worlds: cost, service and whether every rule is kept, per world and scenario; and how probable it is
    per world that a label runs out. `services` and `stockouts` are empty where the model has no such KPI."""

    costs: Mapping[str, np.ndarray]
    kept: Mapping[str, np.ndarray]
    services: Mapping[str, np.ndarray]
    stockouts: Mapping[str, Mapping[str, float]]


def play(
    model: OptiModel, worlds: Sequence[World], decisions: Mapping[str, Mapping[str, np.ndarray]], lent: Lent, *, columns: int = _COLUMNS
) -> Outcome | None:
    """Return the outcome of decisions in worlds, None when the program has no answer.

    Parameters
    ----------
    model : OptiModel
        As it was planned, made `bare`.
    worlds : sequence of World
        Scenario sets; each names the decision that is put into it.
    decisions : mapping
        Decision -> stage-1 family -> values over its dims (NaN where it does not exist).
    lent : Lent
        How to ground and solve.
    columns : int
        Recourse columns that are held at once: scenarios are played in batches of at most so many.
    """
    costs: dict[str, np.ndarray] = {}
    kept: dict[str, np.ndarray] = {}
    services: dict[str, np.ndarray] = {}
    stockouts: dict[str, Mapping[str, float]] = {}
    for batch in _batches(model, worlds, max(1, columns // max(1, per_scenario_columns(model)))):
        part = _play(model, batch, decisions, lent)
        if part is None:
            return None
        for world in batch:
            name = world.name
            costs[name] = np.append(costs.get(name, ()), part.costs[name])
            kept[name] = np.append(kept.get(name, np.zeros(0, dtype=bool)), part.kept[name])
            if name in part.services:
                services[name] = np.append(services.get(name, ()), part.services[name])
            if name in part.stockouts:
                known = stockouts.setdefault(name, dict.fromkeys(part.stockouts[name], 0.0))
                stockouts[name] = {label: known[label] + more for label, more in part.stockouts[name].items()}
    return Outcome(costs, kept, services, stockouts)


def per_scenario_columns(model: OptiModel) -> int:
    """Return how many columns of a model one scenario has, at most."""
    sizes = {d: len(labels) for d, labels in model.dims.items()} | {"scenario": 1}
    return sum(int(np.prod([sizes[d] for d in v.dims], dtype=np.int64)) for v in model.vars if "scenario" in v.dims)


def _batches(model: OptiModel, worlds: Sequence[World], size: int) -> Iterator[list[World]]:
    """Yield the worlds in batches of at most `size` scenarios; one that does not fit goes on in the next."""
    batch: list[World] = []
    room = size
    for world in worlds:
        at, count = 0, world.probability.size
        while at < count:
            end = min(count, at + room)
            batch.append(world if end - at == count else _stretch(model, world, slice(at, end)))
            room -= end - at
            at = end
            if room == 0:
                yield batch
                batch, room = [], size
    if batch:
        yield batch


def _stretch(model: OptiModel, world: World, part: slice) -> World:
    params = {n: v[(*(slice(None),) * model.params[n].dims.index("scenario"), part)] for n, v in world.params.items()}
    return replace(world, probability=world.probability[part], params=params)


def _play(model: OptiModel, worlds: Sequence[World], decisions: Mapping[str, Mapping[str, np.ndarray]], lent: Lent) -> Outcome | None:
    wide = side_by_side(model, worlds)
    wide = replace(wide, rules=tuple(r for r in wide.rules if "scenario" in r.dims))
    ground = lent.ground(wide)
    owner = _owners(worlds)
    fixed = {name: _columns(wide, ground, decisions[name]) for name in dict.fromkeys(w.first_stage for w in worlds)}
    solved, extra = _solve(wide, ground, owner, fixed, lent)
    if solved is None:
        return None
    values = {name: split_columns(wide, np.where(np.isfinite(x), x, solved)) for name, x in fixed.items()}
    return _outcome(wide, worlds, values, extra)


def _owners(worlds: Sequence[World]) -> list[tuple[str, slice]]:
    """Return which decision rules each stretch of scenarios."""
    found, at = [], 0
    for world in worlds:
        found.append((world.first_stage, slice(at, at + world.probability.size)))
        at += world.probability.size
    return found


def _columns(model: OptiModel, ground: GroundModel, values: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the column vector of a decision, NaN for recourse."""
    x = np.full(ground.n_cols, np.nan)
    stage = {v.name: v.stage for v in model.vars}
    for block in ground.columns:
        if stage[block.name] == 1:
            held = values[block.name]
            x[block.start : block.stop] = held.ravel() if block.coords is None else held[tuple(block.coords)]
    return x


def _scenarios(blocks: Sequence[Block], ground: GroundModel) -> np.ndarray:
    """Return the scenario of every row or column of some blocks, -1 for one that belongs to none."""
    found = np.full(blocks[-1].stop if blocks else 0, -1, dtype=np.int64)
    for block in blocks:
        if "scenario" in block.dims:
            found[block.start : block.stop] = coordinates(block, ground.dims)[block.dims.index("scenario")]
    return found


def _solve(
    model: OptiModel, ground: GroundModel, owner: Sequence[tuple[str, slice]], fixed: Mapping[str, np.ndarray], lent: Lent
) -> tuple[np.ndarray | None, np.ndarray]:
    """Return recourse values and, per scenario, by how much rules had to give way."""
    column = np.repeat(np.arange(ground.n_cols), np.diff(ground.start))
    scenario, owned = _scenarios(ground.rows, ground), _scenarios(ground.columns, ground)
    carried = np.zeros(ground.n_rows)
    for name, stretch in owner:
        x = np.nan_to_num(fixed[name])
        here = (scenario >= stretch.start) & (scenario < stretch.stop)
        carried[here] = np.bincount(ground.index, weights=ground.value * x[column], minlength=ground.n_rows)[here]
    free = ~np.isfinite(next(iter(fixed.values())))
    kept = free[column]
    width = np.bincount(column[kept], minlength=ground.n_cols)[free]
    program = replace(
        ground,
        offset=0.0,
        cost=ground.cost[free] * model.probability.size,
        lower=ground.lower[free],
        upper=ground.upper[free],
        integrality=ground.integrality[free],
        row_lower=ground.row_lower - carried,
        row_upper=ground.row_upper - carried,
        start=np.concatenate([[0], np.cumsum(width)]).astype(ground.start.dtype),
        index=ground.index[kept],
        value=ground.value[kept],
        columns=(),
        rows=(),
    )
    # rows of the first stage alone cannot be helped by recourse
    program = _without_empty_rows(program)
    loose = _loose_rows(model, ground)
    found, slack = np.zeros(program.n_cols), np.zeros(program.n_rows)
    for columns, rows in _parts(program, owned[free], scenario):
        part = _part(program, columns, rows)
        solution, gave = _elastic(part, loose[rows], lent)
        if solution is None:
            solution, gave = _elastic(part, np.ones(rows.size, dtype=bool), lent)
        if solution is None:
            return None, slack
        found[columns], slack[rows] = solution, gave
    x = np.zeros(ground.n_cols)
    x[free] = found
    return x, np.bincount(scenario, weights=slack, minlength=model.probability.size)


def _parts(program: GroundModel, of_columns: np.ndarray, of_rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield columns and rows of programs that do not touch each other: some scenarios each, small enough for quick pivots."""
    count = int(of_rows.max(initial=0)) + 1
    parts = max(1, min(count, program.n_rows // _ROWS_PER_PART))
    if parts == 1 or (of_columns < 0).any():
        yield np.arange(program.n_cols), np.arange(program.n_rows)
        return
    edges = np.linspace(0, count, parts + 1).astype(int)
    for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        yield np.flatnonzero((of_columns >= low) & (of_columns < high)), np.flatnonzero((of_rows >= low) & (of_rows < high))


def _part(program: GroundModel, columns: np.ndarray, rows: np.ndarray) -> GroundModel:
    """Return the program of some columns and of all rows that they are in."""
    if columns.size == program.n_cols:
        return program
    width = np.diff(program.start)[columns]
    entries = np.repeat(program.start[columns] - np.concatenate([[0], np.cumsum(width)[:-1]]), width) + np.arange(width.sum())
    place = np.zeros(program.n_rows, dtype=program.index.dtype)
    place[rows] = np.arange(rows.size)
    return replace(
        program,
        cost=program.cost[columns],
        lower=program.lower[columns],
        upper=program.upper[columns],
        integrality=program.integrality[columns],
        row_lower=program.row_lower[rows],
        row_upper=program.row_upper[rows],
        start=np.concatenate([[0], np.cumsum(width)]).astype(program.start.dtype),
        index=place[program.index[entries]],
        value=program.value[entries],
    )


def _without_empty_rows(program: GroundModel) -> GroundModel:
    used = np.bincount(program.index, minlength=program.n_rows) > 0
    return replace(program, row_lower=np.where(used, program.row_lower, -np.inf), row_upper=np.where(used, program.row_upper, np.inf))


def _loose_rows(model: OptiModel, ground: GroundModel) -> np.ndarray:
    rules: dict[str, Rule] = {r.name: r for r in model.rules}
    found = np.zeros(ground.n_rows, dtype=bool)
    for block in ground.rows:
        found[block.start : block.stop] = is_negotiable(rules[block.name])
    return found


def _elastic(program: GroundModel, loose: np.ndarray, lent: Lent) -> tuple[np.ndarray | None, np.ndarray]:
    """Solve with a surplus and a shortfall column for each loose row; return the real columns and the slack per row."""
    up = np.flatnonzero(loose & np.isfinite(program.row_lower))
    down = np.flatnonzero(loose & np.isfinite(program.row_upper))
    n, extra = program.n_cols, up.size + down.size
    least = np.full(program.n_rows, np.inf)
    np.minimum.at(least, program.index, np.abs(program.value))
    dear = _DEAR * (1.0 + np.abs(program.cost).max(initial=0.0)) / np.clip(least, 1e-3, 1.0)
    better = 1.0 if program.sense == "min" else -1.0
    wide = replace(
        program,
        cost=np.concatenate([program.cost, better * dear[up], better * dear[down]]),
        lower=np.concatenate([program.lower, np.zeros(extra)]),
        upper=np.concatenate([program.upper, np.full(extra, np.inf)]),
        integrality=np.concatenate([program.integrality, np.zeros(extra, dtype=np.uint8)]),
        start=np.concatenate([program.start, program.start[-1] + 1 + np.arange(extra)]).astype(program.start.dtype),
        index=np.concatenate([program.index, up, down]).astype(program.index.dtype),
        value=np.concatenate([program.value, np.ones(up.size), -np.ones(down.size)]),
    )
    answer: Solution = lent.solve(wide, SolveLimits(gap=1e-4, nodes=1000, duals=False))
    slack = np.zeros(program.n_rows)
    if answer.x is None:
        return None, slack
    np.add.at(slack, np.concatenate([up, down]), answer.x[n:])
    return answer.x[:n], slack


def _outcome(model: OptiModel, worlds: Sequence[World], values: Mapping[str, Mapping[str, np.ndarray]], extra: np.ndarray) -> Outcome:
    sign = 1.0 if model.sense == "min" else -1.0
    costs, kept, services, stockouts = {}, {}, {}, {}
    by_decision = {
        name: sign * sum((t.weight * evaluator.array(t.raw, ("scenario",)) for t in model.terms), np.zeros(model.probability.size))
        for name, held in values.items()
        for evaluator in (Evaluator(model, held),)
    }
    served = {name: _service(model, held) for name, held in values.items()}
    for world, (decision, stretch) in zip(worlds, _owners(worlds), strict=True):
        costs[world.name] = by_decision[decision][stretch]
        kept[world.name] = extra[stretch] <= 1e-6
        service = served[decision]
        if service is not None:
            services[world.name] = service[stretch]
        weight = np.zeros(model.probability.size)
        weight[stretch] = world.probability
        short = _stockouts(replace(model, probability=weight), values[decision])
        if short:
            stockouts[world.name] = short
    return Outcome(costs, kept, services, stockouts)


def _service(model: OptiModel, values: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """Return the KPI `service` (or `fill_rate`) per scenario, None where the model has none that is one number per scenario."""
    kpi = next((k for k in model.kpis if k.name in ("service", "fill_rate")), None)
    if kpi is None:
        return None
    tree = per_scenario(parse(kpi.expr))
    evaluator = Evaluator(model, values)
    return evaluator.array(tree, ("scenario",)) if set(evaluator.value(tree).dims) <= {"scenario"} else None


def _stockouts(model: OptiModel, values: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return the KPI `stockout_probability` by label, weighed with the model's probabilities."""
    kpi = next((k for k in model.kpis if k.name == "stockout_probability"), None)
    if kpi is None:
        return {}
    named = Evaluator(model, values).value(kpi.expr)
    if not named.dims:
        return {"all": float(named.data.reshape(()))}
    labels = [model.dims[d] for d in named.dims]
    return {",".join(of[i] for of, i in zip(labels, at, strict=True)): float(named.data[at]) for at in np.ndindex(named.data.shape)}
