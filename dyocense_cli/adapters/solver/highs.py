"""HiGHS over the arrays of a GroundModel, in process.

The solver runs in a thread of its own, so that the calling thread can show progress, take signals and interrupt: HiGHS looks at
its interrupt callback only between steps of its search, and a step may last longer than anyone waits. When it does not answer
an interrupt in time, the best plan that it reported is returned and the thread is left to end by itself.
"""

from __future__ import annotations

import importlib.metadata
import mmap
import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final

import highspy
import numpy as np

from dyocense_cli.adapters.solver.outcome import contradiction, finite_or_none, held, nothing, refuse_not_finite
from dyocense_cli.artifacts.ground import GroundModel
from dyocense_cli.artifacts.solution import Solution, Status, Termination, relative_gap
from dyocense_cli.errors import AdapterError, UnsupportedError
from dyocense_cli.ports import Progress, SolveEvent, SolveLimits

__all__ = ["HighsSolver"]

_VERSION: Final = f"HiGHS {importlib.metadata.version('highspy')}"
_POLL_S: Final = 0.1
_GRACE_S: Final = 0.6
#: bytes that must be free: a thread that has no memory to begin with would be waited for without end (CPython 3.11), and some of the
#: library's own threads end the process when they get none
_ROOM: Final = 64 * 2**20
_S: Final = highspy.HighsModelStatus
_LIMITS: Final = {
    _S.kTimeLimit: Termination.TIME_LIMIT,
    _S.kIterationLimit: Termination.WORK_LIMIT,
    _S.kSolutionLimit: Termination.NODE_LIMIT,
    _S.kMemoryLimit: Termination.MEMORY_LIMIT,
    _S.kInterrupt: Termination.INTERRUPTED,
}


class _Quiet(highspy.Highs):  # type: ignore[misc]  # highspy has no types
    """HiGHS that prints nothing: the library's own constructor writes a banner to standard output when it turns callbacks on."""

    def enableCallbacks(self) -> None:  # noqa: N802  # the library's name
        """Turn output off before callbacks are turned on."""
        self.setOptionValue("output_flag", False)
        super().enableCallbacks()


@dataclass(slots=True)
class _Watch:
    """What the solver's thread tells and what it is told."""

    work: float | None
    started: float = field(default_factory=time.monotonic)
    stop: bool = False
    interrupted: bool = False
    out_of_work: bool = False
    ticks: int = 0
    event: SolveEvent | None = None
    seen: bool = False
    best: np.ndarray | None = None
    objective: float | None = None
    bound: float | None = None
    error: BaseException | None = None
    done: threading.Event = field(default_factory=threading.Event)

    def checked(self, entry: Any) -> None:
        """Take bounds from a limit check of the search; interrupt it when told to, or when the work is used up."""
        out = entry.data_out
        self.ticks += 1
        self.bound = finite_or_none(out.mip_dual_bound)
        self.tell(finite_or_none(out.mip_primal_bound), out.mip_node_count)
        self.out_of_work = self.work is not None and self.ticks >= self.work
        if self.stop or self.out_of_work:
            entry.interrupt()

    def iterated(self, entry: Any) -> None:
        """Interrupt simplex or interior point when told to."""
        if self.stop:
            entry.interrupt()

    def improved(self, entry: Any) -> None:
        """Keep a better plan."""
        out = entry.data_out
        self.best = np.array(out.mip_solution, dtype=np.float64)
        self.objective = float(out.objective_function_value)
        self.bound = finite_or_none(out.mip_dual_bound)
        self.tell(self.objective, out.mip_node_count, self.best)

    def tell(self, objective: float | None, nodes: int, x: np.ndarray | None = None) -> None:
        """Note where the search stands, for whoever watches; a plan that nobody has seen yet stays until it was."""
        if x is None and self.event is not None and not self.seen:
            x = self.event.x
        gap = relative_gap(objective, self.bound)
        self.event, self.seen = SolveEvent(time.monotonic() - self.started, objective, self.bound, gap, int(nodes), x=x), False


class HighsSolver:
    """Solve a GroundModel with HiGHS. `work` counts simplex iterations of an LP and limit checks of a MIP's search.

    The search runs in one thread whatever is asked, and the Solution says 1: HiGHS 1.16 branches otherwise for each count (two threads
    took 0.8 of the time and 1.5 of the CPU), and one scheduler serves the whole process, which solves of different counts would share.
    """

    name: ClassVar[str] = "highs"
    features: ClassVar[frozenset[str]] = frozenset(
        {"lp", "mip", "duals", "ranging", "start", "nodes", "work", "events", "interrupt", "free"}
    )

    def __init__(self, engine: str = "auto") -> None:
        if engine != "auto":
            raise UnsupportedError("DY4101", f"backend `highs` has no engine `{engine}`", hints="use `--backend highs`")

    def version(self) -> str:
        """Return name and version of the library."""
        return _VERSION

    def solve(self, model: GroundModel, limits: SolveLimits, *, start: Any = None, progress: Progress | None = None) -> Solution:
        """Solve; see the port. Status and termination follow `artifacts.solution`.

        Raises
        ------
        InputError
            DY2401 for a coefficient that is not finite.
        UnsupportedError
            DY4101 for more than 2³¹ nonzeros.
        AdapterError
            DY4102 when the library refuses the arrays.
        """
        refuse_not_finite(model)
        said = contradiction(model)
        if said is not None:
            return self._nothing(Status.INFEASIBLE, Termination.PROVED, said, limits)
        if model.n_cols == 0:
            return self._empty(model, limits)
        try:
            engine = _engine(model, limits, start)
            watch = _run(engine, model, limits, progress)
        except MemoryError:
            return self._nothing(Status.ERROR, Termination.MEMORY_LIMIT, "out of memory", limits)
        if isinstance(watch.error, MemoryError):
            return self._abandoned(watch, limits, Termination.MEMORY_LIMIT)
        if watch.error is not None:
            raise watch.error
        if not watch.done.is_set():
            return self._abandoned(watch, limits, Termination.INTERRUPTED if watch.interrupted else Termination.TIME_LIMIT)
        return self._answer(engine, model, limits, watch)

    def _answer(self, engine: Any, model: GroundModel, limits: SolveLimits, watch: _Watch) -> Solution:
        status = engine.getModelStatus()
        raw = engine.modelStatusToString(status)
        if status == _S.kUnboundedOrInfeasible:
            status = _tell_apart(engine)
        if status in (_S.kInfeasible, _S.kUnbounded):
            ending = Status.INFEASIBLE if status == _S.kInfeasible else Status.UNBOUNDED
            return self._nothing(ending, Termination.PROVED, raw, limits)
        termination = _LIMITS.get(status, Termination.PROVED if status == _S.kOptimal else Termination.NUMERICAL)
        if watch.out_of_work and termination is Termination.INTERRUPTED:
            termination = Termination.WORK_LIMIT
        info = engine.getInfo()
        is_mip = bool(model.integrality.any())
        if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
            bound = finite_or_none(info.mip_dual_bound) if is_mip else None
            return self._nothing(Status.ERROR, termination, raw, limits, bound)
        return self._held(engine, model, limits, termination, raw)

    def _held(self, engine: Any, model: GroundModel, limits: SolveLimits, termination: Termination, raw: str) -> Solution:
        info = engine.getInfo()
        values = engine.getSolution()
        is_mip = bool(model.integrality.any())
        objective = float(info.objective_function_value)
        solved = termination is Termination.PROVED
        bound = finite_or_none(info.mip_dual_bound) if is_mip else (objective if solved else None)
        status, termination, gap = held(objective, bound, termination)
        has_duals = limits.duals and not is_mip and solved and values.dual_valid
        certificate = _ranging(engine) if limits.ranging and has_duals else {}
        return Solution(
            status,
            termination,
            objective,
            bound,
            gap,
            np.array(values.col_value, dtype=np.float64),
            row_dual=np.array(values.row_dual, dtype=np.float64) if has_duals else None,
            col_dual=np.array(values.col_dual, dtype=np.float64) if has_duals else None,
            backend=self.name,
            backend_version=self.version(),
            seed=limits.seed,
            threads=1,
            reproducible=termination not in (Termination.TIME_LIMIT, Termination.INTERRUPTED, Termination.MEMORY_LIMIT),
            raw_status=raw,
            certificate=certificate,
            diagnostics={
                "nodes": float(max(0, info.mip_node_count)),
                "iterations": float(max(0, info.simplex_iteration_count)),
                "seconds": float(engine.getRunTime()),
            },
        )

    def _abandoned(self, watch: _Watch, limits: SolveLimits, termination: Termination) -> Solution:
        raw = f"Did not stop in time ({termination}); the best plan reported so far"
        if watch.best is None or watch.objective is None:
            return self._nothing(Status.ERROR, termination, raw, limits, watch.bound)
        status, termination, gap = held(watch.objective, watch.bound, termination)
        return Solution(
            status,
            termination,
            watch.objective,
            watch.bound,
            gap,
            watch.best,
            backend=self.name,
            backend_version=self.version(),
            seed=limits.seed,
            threads=1,
            reproducible=False,
            raw_status=raw,
        )

    def _nothing(self, status: Status, termination: Termination, raw: str, limits: SolveLimits, bound: float | None = None) -> Solution:
        return nothing(
            status,
            termination,
            raw,
            backend=self.name,
            version=self.version(),
            bound=bound,
            seed=limits.seed,
            threads=1,
            reproducible=termination in (Termination.PROVED, Termination.NODE_LIMIT, Termination.WORK_LIMIT),
        )

    def _empty(self, model: GroundModel, limits: SolveLimits) -> Solution:
        zeros = np.zeros(model.n_rows)
        return Solution(
            Status.OPTIMAL,
            Termination.PROVED,
            model.offset,
            model.offset,
            0.0,
            np.zeros(0),
            row_dual=zeros,
            col_dual=np.zeros(0),
            backend=self.name,
            backend_version=self.version(),
            seed=limits.seed,
            raw_status="Empty",
        )


def _engine(model: GroundModel, limits: SolveLimits, start: Any) -> Any:
    """Return HiGHS with model, options and start passed, every return status checked."""
    if model.nnz > np.iinfo(np.int32).max:
        raise UnsupportedError(
            "DY4101",
            f"HiGHS takes at most 2147483647 nonzeros, the model has {model.nnz}",
            hints="solve by decomposition (`solver: {method: decompose}`)",
        )
    engine = _Quiet()
    for name, value in _options(model, limits).items():
        _ok(engine.setOptionValue(name, value), f"option {name} = {value}")
    sense = 1 if model.sense == "min" else -1
    _ok(
        engine.passModel(
            model.n_cols,
            model.n_rows,
            model.nnz,
            1,
            sense,
            float(model.offset),
            model.cost,
            model.lower,
            model.upper,
            model.row_lower,
            model.row_upper,
            model.start.astype(np.int32),
            model.index.astype(np.int32),
            model.value,
            # a full-length array: HiGHS reads as many entries as there are columns, whatever it is given
            model.integrality.astype(np.int32),
        ),
        "the model's arrays",
    )
    if start is not None and model.integrality.any():
        given = np.asarray(start, dtype=np.float64)
        known = np.flatnonzero(np.isfinite(given)).astype(np.int32)
        if known.size:
            _ok(engine.setSolution(int(known.size), known, given[known]), "the start")
    return engine


def _options(model: GroundModel, limits: SolveLimits) -> dict[str, bool | int | float | str]:
    options: dict[str, bool | int | float | str] = {
        "output_flag": False,
        "random_seed": int(limits.seed) & 0x7FFFFFFF,
        "mip_rel_gap": max(0.0, float(limits.gap)),
        "threads": 1,
    }
    if limits.time_s is not None:
        options["time_limit"] = max(0.0, float(limits.time_s))
    if limits.nodes is not None:
        options["mip_max_nodes"] = int(limits.nodes)
    if limits.work is not None and not model.integrality.any():
        options["simplex_iteration_limit"] = int(min(limits.work, np.iinfo(np.int32).max))
    return options


def _ok(status: Any, what: str) -> None:
    if status == highspy.HighsStatus.kError:
        raise AdapterError("DY4102", f"HiGHS refuses {what}", hints="report this with the model: `dyocense compile --export mps`")


def _run(engine: Any, model: GroundModel, limits: SolveLimits, progress: Progress | None) -> _Watch:
    """Run in a thread; return when it is done, or a second after an interrupt that it does not heed."""
    watch = _Watch(work=limits.work if model.integrality.any() else None)
    if model.integrality.any():
        engine.cbMipInterrupt += watch.checked
        engine.cbMipImprovingSolution += watch.improved
    elif progress is not None:
        engine.cbSimplexInterrupt += watch.iterated
        engine.cbIpmInterrupt += watch.iterated

    def work() -> None:
        try:
            engine.run()
        except BaseException as error:  # the calling thread raises it
            watch.error = error
        finally:
            watch.done.set()

    try:
        mmap.mmap(-1, _ROOM).close()
        threading.Thread(target=work, name="highs", daemon=True).start()
    except (OSError, RuntimeError) as error:  # a thread needs memory too
        raise MemoryError(str(error)) from error
    try:
        _wait(watch, limits, progress)
    except BaseException:
        watch.stop = True
        watch.done.wait(_GRACE_S)
        raise
    return watch


def _wait(watch: _Watch, limits: SolveLimits, progress: Progress | None) -> None:
    told: SolveEvent | None = None
    interrupted: float | None = None
    while not watch.done.wait(_POLL_S):
        now = time.monotonic()
        late = limits.time_s is not None and now - watch.started > 1.25 * limits.time_s + 5.0
        if late or (interrupted is not None and now - interrupted > _GRACE_S):
            watch.stop = True
            return
        if progress is None:
            continue
        event, watch.seen = (watch.event, True) if not watch.seen else (None, True)
        told = event or told
        if progress(event or replace(told or SolveEvent(0.0), seconds=now - watch.started, note="working", x=None)) and interrupted is None:
            watch.stop, watch.interrupted, interrupted = True, True, now
    if progress is not None and watch.event is not None and not watch.seen:
        progress(watch.event)


def _tell_apart(engine: Any) -> Any:
    """Solve without costs: feasible means that it was unbounded."""
    number = engine.getNumCol()
    engine.clearCallbacks()
    engine.changeColsCost(number, np.arange(number, dtype=np.int32), np.zeros(number))
    engine.run()
    return _S.kInfeasible if engine.getModelStatus() == _S.kInfeasible else _S.kUnbounded


def _ranging(engine: Any) -> dict[str, np.ndarray]:
    status, ranging = engine.getRanging()
    if status == highspy.HighsStatus.kError:
        return {}
    return {
        "row_range_low": np.array(ranging.row_bound_dn.value_, dtype=np.float64),
        "row_range_high": np.array(ranging.row_bound_up.value_, dtype=np.float64),
    }
