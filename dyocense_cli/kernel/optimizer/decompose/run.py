"""Solve a block form: price, prove, insert, and pick from a pool where that finds no plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from dyocense_cli.artifacts.goal import SolverOptions
from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.artifacts.solution import Solution, Status, Termination, relative_gap
from dyocense_cli.kernel.optimizer.decompose.blocks import Arrays, dual_value, positions, prepare
from dyocense_cli.kernel.optimizer.decompose.disproof import nearest_rows
from dyocense_cli.kernel.optimizer.decompose.duals import Dual, Proof, improve, prove, row_multipliers
from dyocense_cli.kernel.optimizer.decompose.extract import Extracted
from dyocense_cli.kernel.optimizer.decompose.forced import NODES, Effort, force, supported
from dyocense_cli.kernel.optimizer.decompose.form import subset
from dyocense_cli.kernel.optimizer.decompose.linear import Reader
from dyocense_cli.kernel.optimizer.decompose.master import Master, dual_part, project, settle
from dyocense_cli.kernel.optimizer.decompose.outcome import Declined, Earlier, certificate, columns, lots_of
from dyocense_cli.kernel.optimizer.decompose.price import usage
from dyocense_cli.kernel.optimizer.decompose.primal import Found, insertion
from dyocense_cli.kernel.optimizer.decompose.samplelp import relaxation, split_duals
from dyocense_cli.optimodel.evaluate import split_columns
from dyocense_cli.ports import Lent, SolveEvent, SolveLimits

__all__ = ["solve_blocks"]

#: Blocks whose relaxation gives the first prices.
SAMPLE = 31
#: Most blocks whose plans are pooled.
MOST_POOLED = 400
#: Passes without a plan after which insertion alone is given up.
HOPELESS = 30
#: Most orders, switches and positions of a form without backlog up to which a program of the orders that some plan has is solved.
MOST_SUPPORTED = 5_000
VERSION = "price-and-reinsert 1"


@dataclass(slots=True)
class _Run:
    """One attempt: what it works on, and a clock that guards it."""

    reader: Reader
    extracted: Extracted
    arrays: Arrays
    master: Master
    options: SolverOptions
    lent: Lent
    began: float = 0.0
    overtime: bool = False
    cut: bool = False
    interrupted: bool = False

    def solve(self, model: GroundModel, limits: SolveLimits, *, start: np.ndarray | None = None) -> Solution:
        """Solve a small program; note when the clock cut it or the caller interrupts."""

        def told(event: SolveEvent) -> bool:
            if self.lent.progress is not None:
                self.interrupted |= bool(self.lent.progress(SolveEvent(self.seconds(), None, None, None, event.nodes)))
            return self.interrupted

        answer = self.lent.solve(model, limits, start=start, progress=told)
        self.cut = self.cut or answer.termination is Termination.TIME_LIMIT
        return answer

    def effort(self, rng: np.random.Generator) -> Effort:
        """Return what forcing a plan may use: the time that is left for each small program."""

        def limits() -> SolveLimits:
            left = self.options.time_limit_s - self.seconds()
            time_s = max(left, 0.1) if self.lent.seconds is not None else None
            return SolveLimits(time_s=time_s, gap=1e-4, threads=1, seed=self.options.seed, nodes=NODES, duals=False)

        def stop() -> bool:
            self.overtime = self.overtime or self.interrupted or self.seconds() > self.options.time_limit_s
            return self.overtime

        return Effort(self.solve, lambda arrays, master: _dual(replace(self, arrays=arrays, master=master), rng), limits, stop, rng)

    def seconds(self) -> float:
        return self.lent.seconds() - self.began if self.lent.seconds is not None else 0.0

    def guard(self, share: float, bound: float | None = None) -> Callable[[Found], bool]:
        """Return a check that stops the insertion at `share` of the time limit or when the caller interrupts."""

        sign = 1.0 if self.reader.model.sense == "min" else -1.0

        def stop(found: Found) -> bool:
            settled = found.settled
            held = settled is not None and found.feasible

            def plan() -> np.ndarray | None:
                return columns(self.reader, self.extracted, found.x, found.u, settled.values) if settled is not None else None

            if self.lent.progress is not None:
                best, least = sign * found.objective if held else None, None if bound is None else sign * bound
                self.interrupted |= bool(self.lent.progress(SolveEvent(
                    self.seconds(), best, least, relative_gap(best, least), found.passes, f"pass {found.passes}", plan if held else None)))
            self.overtime = self.overtime or self.interrupted or self.seconds() > share * self.options.time_limit_s
            return self.overtime

        return stop


def solve_blocks(
    reader: Reader, extracted: Extracted, master: Master, options: SolverOptions, *, lent: Lent, start: np.ndarray | None,
    earlier: Earlier | None,
) -> Solution | Declined:
    """Return a plan with its proof, a proof that there is none, or why none was found (see `price_and_reinsert.attempt`)."""
    run = _Run(reader, extracted, prepare(extracted.form, threads=max(options.threads, 1)), master, options, lent)
    run.began = lent.seconds() if lent.seconds is not None else 0.0
    if earlier is not None and start is not None:
        again = _solve_again(run, start, earlier)
        if again is not None:
            return again
    return _solve(run, start)


def _first_prices(run: _Run, rng: np.random.Generator) -> Dual:
    """Return prices from the relaxation of a sample of blocks, and multipliers alike for all blocks; zero where it has none."""
    form = run.arrays.form
    S = form.shape[0]
    index = np.arange(S) if S <= SAMPLE else np.sort(rng.choice(S, SAMPLE, replace=False))
    part = subset(form, index)
    model = relaxation(part)
    answer = run.lent.solve(model, SolveLimits(time_s=run.options.time_limit_s, threads=1, seed=run.options.seed, duals=True))
    prices, kappa = np.zeros(form.n_rows), np.zeros(S)
    if answer.row_dual is not None:
        prices, own = split_duals(part, model, answer.row_dual)
        kappa = own if S <= SAMPLE else np.median(own / run.arrays.step[index]) * run.arrays.step
    if form.no_backlog:
        kappa = run.arrays.step.copy()
    return Dual(-np.inf, project(form, run.master, prices), kappa)


def _dual(run: _Run, rng: np.random.Generator) -> Dual:
    form, arrays = run.arrays.form, run.arrays
    S = form.shape[0]
    dual = _first_prices(run, rng)
    if S > SAMPLE:
        kappa, _ = row_multipliers(arrays, dual.prices, dual.kappa, 5)
        dual = replace(dual, kappa=kappa)
    best, _ = improve(arrays, run.master, dual, 300 if S <= 100 else 60 if S < 1000 else 20)
    kappa, values = row_multipliers(arrays, best.prices, best.kappa, 6)
    value = dual_value(values, form, best.prices, dual_part(form, best.prices))
    return Dual(value, best.prices, kappa) if value > best.value else best


def _passes(options: SolverOptions, blocks: int) -> int:
    if options.work is not None:
        return max(int(options.work), 1)
    return int(np.clip(60_000 // blocks, 12, 2_000))


def _solve(run: _Run, start: np.ndarray | None) -> Solution | Declined:
    form, options = run.arrays.form, run.options
    rng = np.random.default_rng(options.seed)
    dual = _dual(run, rng)
    proof = prove(run.arrays, dual.prices, dual.kappa)
    bound = proof.bound
    begin = None if start is None else lots_of(run.reader, run.extracted, split_columns(run.reader.model, start))
    insert = partial(insertion, run.arrays, run.master, partial(settle, form, run.master), gap=options.mip_gap, rng=rng)
    passes = _passes(options, form.shape[0])
    seen: list[np.ndarray] = []
    support = np.zeros(form.cx.shape, dtype=bool)
    guard = run.guard(1.0, bound)

    def first(found: Found) -> bool:
        np.maximum(support, found.last > 0, out=support)
        if form.shape[0] <= MOST_POOLED and len(seen) < 3:
            seen.append(found.x.copy())
        return guard(found) or (not found.feasible and found.passes >= HOPELESS)

    found = insert(dual, bound, passes=passes, start=begin, guard=first)
    tried: tuple[str, ...] = (f"{found.passes} insertion passes",)
    least: float | None = None
    if not found.feasible and not run.overtime and form.shape[0] <= MOST_POOLED:
        forced = force(run.arrays, run.master, dual, [*seen, found.x], run.effort(rng))
        if forced.proof is not None:
            return _no_plan(run, forced.proof)
        tried += forced.tried
        np.maximum(support, forced.support, out=support)
        on = partial(insert, replace(dual, prices=forced.prices), bound, guard=guard)
        found = _best([found, *(_onward(on, x, passes) for x in forced.plans)])
        least = forced.least
    small = 2 * (support.size + form.net.size) <= MOST_SUPPORTED
    if form.no_backlog and small and not run.overtime and not _is_enough(found, bound, options):
        x = supported(run.arrays, run.effort(rng), support, found.x)
        found = _best([found, *([] if x is None else [insert(dual, bound, passes=1, start=x, guard=guard)])])
        tried += ("a program of only the orders that some plan has",)
    if not found.feasible or found.settled is None:
        return _nearest(run, found, bound, tried, least)
    return _solution(run, dual, proof, found)


def _is_enough(found: Found, bound: float, options: SolverOptions) -> bool:
    return found.feasible and found.objective - bound <= options.mip_gap * abs(found.objective)


def _onward(insert: Callable[..., Found], x: np.ndarray, passes: int) -> Found:
    """Insert on from `x`, for long only where that keeps every row."""
    first = insert(passes=HOPELESS, start=x)
    return insert(passes=passes, start=first.x) if first.feasible and first.stopped == "" else first


def _best(found: list[Found]) -> Found:
    return min(found, key=lambda f: (not f.feasible, f.objective if f.feasible else f.excess))


def _solve_again(run: _Run, start: np.ndarray, earlier: Earlier) -> Solution | None:
    """Return a plan within the gap from the earlier prices, or None: then everything is solved anew."""
    form, options, shape = run.arrays.form, run.options, run.extracted.shape
    prices, kappa = np.zeros(form.n_rows), np.full(form.shape[0], np.nan)
    for c, rule in zip(form.couplings, shape.coupling, strict=True):
        found = _by_label(run.reader.model.dims, earlier, f"price:{rule.name}", rule.dims)
        if found is not None:
            prices[c.offset : c.offset + c.size] = np.nan_to_num(found).ravel()
    own = shape.service.name if shape.service is not None else ""
    dims = shape.service.dims if shape.service is not None else shape.block
    found = _by_label(run.reader.model.dims, earlier, f"multiplier:{own}", dims)
    if found is not None:
        kappa = np.transpose(found, [dims.index(d) for d in shape.block]).ravel()
    typical = float(np.nanmedian(kappa / run.arrays.step)) if np.isfinite(kappa).any() else 0.0
    kappa = np.where(np.isfinite(kappa), kappa, typical * run.arrays.step)
    prices = project(form, run.master, prices)
    touched = np.flatnonzero(earlier.reached(shape.block))
    if touched.size:
        part = prepare(subset(form, touched), threads=run.arrays.threads)
        kappa[touched] = row_multipliers(part, prices, kappa[touched], 4)[0]
    dual = Dual(-np.inf, prices, kappa)
    marks, shares = (earlier.certificate.get(f"share:{k}", np.zeros(0)) for k in ("mark", "value"))
    proof = prove(run.arrays, prices, kappa, dict(zip(marks.ravel().tolist(), shares.ravel().tolist(), strict=True)))
    bound = proof.bound
    begin = lots_of(run.reader, run.extracted, split_columns(run.reader.model, start))
    rng = np.random.default_rng(options.seed)
    insert = partial(insertion, run.arrays, run.master, partial(settle, form, run.master), dual, bound, gap=options.mip_gap, rng=rng)
    first = insert(passes=2, start=begin, only=touched, guard=run.guard(1.0, bound))
    if not first.stopped:
        first = insert(passes=5, start=first.x, guard=run.guard(1.0, bound))
    if first.stopped != "gap" or first.settled is None:
        return None
    done = _solution(run, dual, proof, first)
    return replace(done, diagnostics={**done.diagnostics, "replanned": float(touched.size)})


def _by_label(dims: Mapping[str, tuple[str, ...]], earlier: Earlier, key: str, over: tuple[str, ...]) -> np.ndarray | None:
    """Return an array of the earlier certificate over the new labels, NaN where a label is new; None if there is none."""
    old = earlier.certificate.get(key)
    if old is None or old.shape != tuple(len(earlier.dims.get(d, ())) for d in over):
        return None
    wide = np.asarray(old, dtype=float)
    for axis, d in enumerate(over):
        place = {label: i for i, label in enumerate(earlier.dims[d])}
        at = np.array([place.get(label, -1) for label in dims[d]])
        new = np.expand_dims(at < 0, [a for a in range(wide.ndim) if a != axis])
        wide = np.where(new, np.nan, np.take(wide, np.maximum(at, 0), axis=axis))
    return wide


def _no_plan(run: _Run, proof: Dual) -> Solution:
    cert = certificate(run.reader.model, run.extracted, proof)
    return Solution(
        Status.INFEASIBLE, Termination.PROVED, None, None, None, None, backend="blocks", backend_version=VERSION, method="decompose",
        seed=run.options.seed, threads=run.arrays.threads, raw_status="no plan keeps every shared row: proved by prices",
        certificate={**cert, "role:proof:infeasible": np.array([proof.value])},
    )


def _nearest(run: _Run, found: Found, bound: float, tried: tuple[str, ...], least: float | None = None) -> Declined:
    """Say honestly that no plan was found, and which rules the nearest one exceeds by how much."""
    form, x = run.arrays.form, found.x
    u = positions(run.arrays, x)
    used = usage(form, x, u)
    over = nearest_rows(form, used)
    words = "; ".join(f"`{name}` would need {need:.6g} instead of {limit:.6g}" for name, need, limit in over)
    near = f"; the nearest plan keeps all other rules and {words}" if words else ""
    proved = f"; no plan has `{over[0][0]}` below {least:.6g}" if least is not None and len(over) == 1 else ""
    values = columns(run.reader, run.extracted, x, u, settle(form, run.master, used).values)
    return Declined(f"no plan found in {', '.join(tried)}; none costs less than {bound:.6g}{near}{proved}", bound=bound,
                    nearest=values if words else None, cut=run.overtime or run.cut)


def _solution(run: _Run, dual: Dual, proof: Proof, found: Found) -> Solution:
    assert found.settled is not None
    bound = proof.bound
    sign = 1.0 if run.reader.model.sense == "min" else -1.0
    x = columns(run.reader, run.extracted, found.x, found.u, found.settled.values)
    gap = relative_gap(found.objective, bound)
    assert gap is not None
    proved = gap <= 1e-6
    termination = Termination.PROVED if proved else Termination.GAP_REACHED
    if gap > run.options.mip_gap:
        stopped = Termination.INTERRUPTED if run.interrupted else Termination.TIME_LIMIT
        termination = stopped if run.overtime else Termination.WORK_LIMIT
    return Solution(
        status=Status.OPTIMAL if proved else Status.FEASIBLE,
        termination=termination,
        objective=sign * found.objective,
        bound=sign * bound,
        gap=gap,
        x=x,
        backend="blocks",
        backend_version=VERSION,
        method="decompose",
        seed=run.options.seed,
        threads=run.arrays.threads,
        reproducible=not (run.overtime or run.cut),
        raw_status=f"{found.passes} passes",
        approximations=(
            f"{run.arrays.form.shape[0]} blocks planned one after another at shared prices: at most {gap:.3%} above the best plan",
        ),
        certificate=certificate(run.reader.model, run.extracted, dual, proof),
        diagnostics={"passes": float(found.passes), "blocks": float(run.arrays.form.shape[0])},
    )
