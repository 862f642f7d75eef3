"""Forecast benchmark: accuracy on series that nobody tuned on, speed, cold start, sampling, reduction.

    python benchmarks/forecast.py --data ../shared/data [--part accuracy,joint,speed,cold,paths,reduction] [--half held-out|tune|all]

Peers' answers are kept in `--cache`, for they are slow; delete it to measure their CPU time again. One thread throughout.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NIXTLA_ID_AS_COL"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402  # after the thread limits
from forecast_data import SETS, Window, is_tune, windows  # noqa: E402
from forecast_peers import answer  # noqa: E402

from dyocense_cli.kernel.forecast import metrics  # noqa: E402
from dyocense_cli.kernel.forecast.portfolio import Portfolio, fit_portfolio  # noqa: E402
from dyocense_cli.kernel.forecast.state import sampling_state  # noqa: E402
from dyocense_cli.kernel.scenarios.paths import draw_paths  # noqa: E402

METHODS = ("ours", "AutoETS", "DynamicOptimizedTheta", "ETS+Theta+CES", "SES+NegBin", "seasonal naive")
PARTS_OF_MIX = ("AutoETS", "DynamicOptimizedTheta", "AutoCES")
YEAR = {"week": 52, "month": 12, "day": 0}


def integer_of(w: Window) -> np.ndarray:
    return np.nanmax(np.abs(w.past - np.rint(w.past)), axis=0) == 0


def ours(w: Window) -> Portfolio:
    return fit_portfolio(w.past, h=len(w.future), season=w.season, year=YEAR[w.every], integer=integer_of(w))


def quantiles(method: str, w: Window, cache: Path) -> tuple[np.ndarray, float]:
    """Return quantiles (n, h, 99) and CPU seconds."""
    if method == "ours":
        start = time.process_time()
        q = metrics.quantiles_99(ours(w).grid, integer_of(w))
        return q, time.process_time() - start
    if method == "ETS+Theta+CES":
        parts = [answer(p, w, cache) for p in PARTS_OF_MIX]
        q, cpu = np.mean([p[0] for p in parts], axis=0), sum(p[1] for p in parts)
    else:
        q, cpu = answer(method, w, cache)
    q = np.maximum(q, 0.0)
    return np.where(integer_of(w)[:, None, None], np.rint(q), q), cpu


def score(q: np.ndarray, w: Window) -> dict[str, np.ndarray]:
    """Return scores per series, scaled by the naive error; `cov95u` is coverage with ties at the quantile counted by half their excess."""
    y, by = w.future.T, metrics.mase_scale(w.past, w.season)[:, None]
    found = {"crps": metrics.crps(y, q) / by, "mase": np.abs(y - q[..., 49]) / by, "cov95": metrics.coverage(y, q[..., 94])}
    for level in (50, 90, 95):
        found[f"p{level}"] = metrics.pinball(y, q[..., level - 1], level / 100) / by
    below = (y < q[..., 94] - 1e-9).astype(float)
    # mass of the forecast at its own p95 value that lies above level 0.95 is not coverage the forecast asked for
    ties = (np.abs(q - q[..., 94:95]) < 1e-9).sum(axis=-1) / 99.0
    inside = np.clip((0.95 - (q < q[..., 94:95] - 1e-9).sum(axis=-1) / 99.0) / np.maximum(ties, 1e-9), 0, 1)
    found["cov95u"] = np.where(np.abs(y - q[..., 94]) < 1e-9, inside, below)
    return {k: np.nanmean(v, axis=1) for k, v in found.items()}


def collect(data: Path, cache: Path, half: str, origins: int) -> dict[str, dict[str, dict[str, np.ndarray]]]:
    table: dict[str, dict[str, dict[str, np.ndarray]]] = {}
    for name in SETS:
        for w in windows(data, name, origins=origins):
            keep = np.array([half == "all" or is_tune(s) == (half == "tune") for s in w.skus])
            for method in METHODS:
                q, cpu = quantiles(method, w, cache)
                rows = table.setdefault(name, {}).setdefault(method, {})
                for key, value in score(q, w).items():
                    rows.setdefault(key, []).append(value[keep])  # type: ignore[attr-defined]
                rows.setdefault("cpu", []).append(np.array([cpu / len(w.skus)]))  # type: ignore[attr-defined]
    return {n: {m: {k: np.mean(v, axis=0) for k, v in rows.items()} for m, rows in by.items()} for n, by in table.items()}


def accuracy(args: argparse.Namespace) -> None:
    for half in ("tune", "held-out") if args.half == "both" else (args.half,):
        table = collect(args.data, args.cache, half, args.origins)
        print(f"\n## {half}: ratios to AutoETS (90 % bootstrap interval over series), coverage as it is, CPU ms per series")
        print(
            f"{'set':18} {'method':22} {'n':>4} {'CRPS':>22} {'MASE':>6} {'p50':>6} {'p90':>6} {'p95':>22} {'cov95':>6} "
            f"{'ties':>6} {'CPU ms':>8}"
        )
        for name, by in table.items():
            base = by["AutoETS"]
            for method in METHODS:
                mine = by[method]
                c, p = (metrics.bootstrap_interval(mine[k], against=base[k], draws=1000) for k in ("crps", "p95"))
                ratio = {k: float(np.nanmean(mine[k]) / np.nanmean(base[k])) for k in ("mase", "p50", "p90")}
                print(
                    f"{name:18} {method:22} {len(mine['crps']):4} {c[0]:6.3f} ({c[1]:.3f} … {c[2]:.3f}) {ratio['mase']:6.3f} "
                    f"{ratio['p50']:6.3f} "
                    f"{ratio['p90']:6.3f} {p[0]:6.3f} ({p[1]:.3f} … {p[2]:.3f}) {mine['cov95'].mean():6.3f} {mine['cov95u'].mean():6.3f} "
                    f"{1e3 * float(mine['cpu'][0]):8.3f}"
                )
        summary(table, half)


def summary(table: dict[str, dict[str, dict[str, np.ndarray]]], half: str) -> None:
    print(f"\n### {half}, geometric means over sets")
    for method in METHODS:
        means = [
            np.exp(np.mean([np.log(np.nanmean(by[method][k]) / np.nanmean(by["AutoETS"][k])) for by in table.values()]))
            for k in ("crps", "mase", "p95")
        ]
        worst = max(float(np.nanmean(by[method]["crps"]) / np.nanmean(by["AutoETS"]["crps"])) for by in table.values())
        speed = np.mean([by["AutoETS"]["cpu"][0] for by in table.values()]) / np.mean([by[method]["cpu"][0] for by in table.values()])
        print(
            f"{method:22} CRPS {means[0]:.3f}  MASE {means[1]:.3f}  p95 pinball {means[2]:.3f}  worst set {worst:.3f}  "
            f"{speed:8.1f} × AutoETS in series/CPU s"
        )
    draws = np.random.default_rng(0)
    logs = []
    for _ in range(1000):
        total = []
        for by in table.values():
            a, b = by["ours"]["crps"], by["AutoETS"]["crps"]
            pick = draws.integers(0, len(a), len(a))
            total.append(np.log(np.nanmean(a[pick]) / np.nanmean(b[pick])))
        logs.append(np.exp(np.mean(total)))
    print("ours, CRPS geometric mean, 90 % interval:", " … ".join(f"{v:.3f}" for v in np.quantile(logs, (0.05, 0.95))))


def paths_of(method: str, w: Window, cache: Path) -> np.ndarray:
    """Return 400 paths (n, h, 400): ours joint, ours with the correlation left out, or a peer's marginals drawn independently."""
    if not method.startswith("ours"):
        q, _ = quantiles(method, w, cache)
        pick = np.random.default_rng(7).integers(0, 99, (*q.shape[:2], 400))
        return np.take_along_axis(q, pick, axis=-1)
    fitted = ours(w)
    m = fitted.mixture
    state = sampling_state(fitted.grid, integer=integer_of(w), scores=m.scores, days=w.days, persistence=m.persistence)
    if method == "ours, independent":
        state["common"] = np.zeros_like(state["common"])
    return draw_paths(state, w.skus, h=len(w.future), count=400, seed=7, purpose="bench")


def joint(args: argparse.Namespace) -> None:
    """Score vectors of ten series at a time, each series over its naive error; rows of a group over periods and origins are averaged."""
    half = "held-out" if args.half == "both" else args.half
    print(f"\n## {half}, joint scores of ten series at a time: ratios to AutoETS (90 % interval over groups)")
    print(f"{'set':18} {'method':22} {'energy':>24} {'variogram':>24} {'p95 of total':>12}")
    for name in SETS:
        rows: dict[str, list[np.ndarray]] = {}
        found = windows(args.data, name, origins=args.origins)
        usable = np.array([half == "all" or is_tune(s) == (half == "tune") for s in found[0].skus])
        for w in found:
            usable &= ~np.isnan(metrics.mase_scale(w.past, w.season)) & ~np.isnan(w.future).any(axis=0)
        good = np.flatnonzero(usable)
        for w in found:
            scale = metrics.mase_scale(w.past, w.season)
            y = w.future.T[good] / scale[good, None]
            for method in (METHODS[0], "ours, independent", *METHODS[1:]):
                x = paths_of(method, w, args.cache)[good] / scale[good, None, None]
                rows.setdefault(method, []).append(np.array([ten(y[g : g + 10], x[g : g + 10]) for g in range(0, len(good) - 9, 10)]))
        base = np.mean(rows["AutoETS"], axis=0)
        for method, values in rows.items():
            mine = np.mean(values, axis=0)
            e, v = (metrics.bootstrap_interval(mine[:, k], against=base[:, k], draws=1000) for k in (0, 1))
            print(
                f"{name:18} {method:22} {e[0]:8.3f} ({e[1]:.3f} … {e[2]:.3f}) {v[0]:8.3f} ({v[1]:.3f} … {v[2]:.3f}) "
                f"{mine[:, 2].mean():11.3f}"
            )


def ten(y: np.ndarray, x: np.ndarray) -> tuple[float, float, float]:
    steps = range(y.shape[1])
    return (
        float(np.mean([metrics.energy_score(y[:, t], x[:, t]) for t in steps])),
        float(np.mean([metrics.variogram_score(y[:, t], x[:, t]) for t in steps])),
        float((y.sum(axis=0) <= np.quantile(x.sum(axis=0), 0.95, axis=-1)).mean()),
    )


COLD = """
import time; a = time.process_time()
import numpy as np
b = time.process_time()
from dyocense_cli.kernel.forecast.fit import forecast_request
from dyocense_cli.artifacts.request import ForecastRequest, SampleRequest
from dyocense_cli.artifacts.context import Column, Table
from dyocense_cli.kernel.scenarios.sample import sample
skus = tuple(f"S{i}" for i in range(10)); n = 520
days = tuple(str(np.datetime64("2025-01-06") + 7 * k) for k in range(52))
table = Table({"sku": Column(np.repeat(np.arange(10, dtype=np.int32), 52), labels=skus),
               "date": Column(np.tile(np.arange(52, dtype=np.int32), 10), labels=days),
               "quantity": Column((np.arange(n) * 7919 % 40).astype(float))}, n)
periods = ("t1", "t2", "t3", "t4"); starts = tuple(str(np.datetime64("2026-01-05") + 7 * k) for k in range(4))
made = forecast_request(ForecastRequest({"history": table}, skus, ("main",), periods, starts, "week", "auto"))
sample(made, SampleRequest(50, 0, 0, 1, None, {}, 7.0, periods))
c = time.process_time()
print(f"{b - a:.3f} {c - b:.3f} {c - a:.3f}")
"""


def cold(_args: argparse.Namespace) -> None:
    runs = []
    for _ in range(5):
        found = subprocess.run(
            [sys.executable, "-c", COLD], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
        )
        runs.append([float(v) for v in found.stdout.split()])
    best = min(runs, key=lambda r: r[2])
    print(
        f"\n## cold start, 10 SKUs forecast and sampled: {best[2]:.3f} s CPU over an empty process ({best[0]:.3f} "
        f"NumPy, {best[1]:.3f} ours); aim 0.3"
    )


def big_state(n: int, h: int, periods: int) -> dict[str, np.ndarray]:
    from dyocense_cli.kernel.forecast.shapes import Z

    rng = np.random.default_rng(0)
    grid = np.sort(rng.gamma(5, 4, (n, 1, len(Z))), axis=2).repeat(h, 1).astype(np.float32)
    scores = np.rint(rng.standard_normal((n, periods)).clip(-3.5, 3.5) * 64).astype(np.int16)
    return {
        "z": Z,
        "grid": grid,
        "integer": rng.random(n) < 0.9,
        "scores": scores,
        "dates": np.arange(periods, dtype=np.int32) * 7,
        "common": np.full(n, 0.8, np.float32),
        "memory": np.full(n, 0.2, np.float32),
    }


def paths(_args: argparse.Namespace) -> None:
    import resource

    n, h, count = 10_000, 12, 200
    state, names = big_state(n, h, 52), [f"S{i}" for i in range(n)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = []
    for _ in range(3):
        start = time.process_time()
        made = draw_paths(state, names, h=h, count=count, seed=1, purpose="bench")
        seconds.append(time.process_time() - start)
        size = made.nbytes / 1e6
        del made
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(
        f"\n## sampling {n} SKUs × {count} × {h}: {min(seconds):.2f} to {max(seconds):.2f} s CPU; result {size:.0f} MB, "
        f"peak growth {peak:.0f} MB; aim 1 s"
    )


def reduction(args: argparse.Namespace) -> None:
    from dyocense_cli.kernel.scenarios.errors_of import newsvendor_gap, reduction_errors
    from dyocense_cli.kernel.scenarios.reduce import match_marginals, reduce_scenarios
    from dyocense_cli.kernel.scenarios.select import SELECT
    from dyocense_cli.kernel.scenarios.weights import tilt

    print(
        "\n## reduction 1000 → 50 at 400 dimensions: newsvendor decision gap on the full set · on 1,000 fresh "
        "scenarios; spread of the total"
    )
    print(f"{'set':18} {'select':11} {'weights, values':24} {'gap':>8} {'fresh':>8} {'spread':>8}")
    for name in ("grocery-weekly", "carparts-monthly", "jewelry-weekly"):
        w = windows(args.data, name, origins=1)[0]
        fitted = ours(w)
        state = sampling_state(
            fitted.grid, integer=integer_of(w), scores=fitted.mixture.scores, days=w.days, persistence=fitted.mixture.persistence
        )
        full, fresh = (draw_paths(state, w.skus, h=len(w.future), count=1000, seed=1, purpose=p)[:100, :4].reshape(400, 1000) for p in "ab")
        p, whole = np.full(1000, 1e-3), np.ones(400, dtype=bool)
        select = {**SELECT, "random": lambda _v, _p, to: (np.arange(to), np.full(to, 1 / to))}
        for method, chosen in select.items():
            index, cells = chosen(full, p, 50)
            even = np.full(len(index), 1 / len(index))
            cases = {
                "nearest cell, as they are": (cells / cells.sum(), False),
                "equal, as they are": (even, False),
                "tilted, as they are": (tilt(full, p, index, cells), False),
                "equal, matched": (even, True),
            }
            for label, (weight, match) in cases.items():
                kept = match_marginals(full, p, full[:, index], weight, whole) if match else full[:, index]
                errors = reduction_errors(full, p, kept, weight)
                print(
                    f"{name:18} {method:11} {label:26} {errors['newsvendor_gap']:7.2%} "
                    f"{newsvendor_gap(fresh, p, kept, weight):8.2%} {errors['error_sigma']:+8.1%}"
                )
        found = reduce_scenarios(full, p, to=50, method="stratified", whole=whole)
        print(
            f"{name:18} shipped: stratified, equal, matched{found.errors['newsvendor_gap']:13.2%} "
            f"{newsvendor_gap(fresh, p, found.values, found.probability):8.2%} {found.errors['error_sigma']:+8.1%}"
        )


def entries(_args: argparse.Namespace) -> None:
    import tempfile

    from dyocense_cli.adapters.cache.series import SeriesCache

    count = 10_000
    with tempfile.TemporaryDirectory() as folder:
        store, payload = SeriesCache(folder), bytes(8192)
        keys = [f"{k:064x}"[::-1] for k in range(count)]
        marks = [time.process_time()]
        for k, key in enumerate(keys):
            store.put(key, payload, {"sku": f"S{k}", "horizon": 12, "model": "builtin:auto"})
        marks.append(time.process_time())
        for key in keys:
            store.get(key)
        marks.append(time.process_time())
        store.query("select model, count(*), sum(payload_bytes) from entries group by model")
        marks.append(time.process_time())
    write, read, ask = np.diff(marks)
    rates = f"{count / write:,.0f} writes/s, {count / read:,.0f} checked reads/s"
    print(f"\n## cache, {count} entries of 8 kB: {rates}, check and SQL over all {ask:.2f} s CPU")


PARTS = {"accuracy": accuracy, "joint": joint, "cold": cold, "paths": paths, "reduction": reduction, "cache": entries}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, default=Path(".benchmarks/forecast-peers"))
    parser.add_argument("--half", choices=("held-out", "tune", "all", "both"), default="both")
    parser.add_argument("--origins", type=int, default=3)
    parser.add_argument("--part", default=",".join(PARTS))
    args = parser.parse_args()
    for part in args.part.split(","):
        PARTS[part](args)


if __name__ == "__main__":
    main()
