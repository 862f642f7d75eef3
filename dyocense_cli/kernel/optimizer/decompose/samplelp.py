"""The linear relaxation of a block form as arrays for a solver; on a sample of blocks its duals are the first prices."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from dyocense_cli.artifacts.ground import Block, GroundModel
from dyocense_cli.kernel.optimizer.decompose.form import BlockForm

__all__ = ["relaxation", "split_duals"]


class _Rows:
    """Triplets of rows that grow family by family."""

    def __init__(self, n_cols: int) -> None:
        self.n_cols, self.n_rows = n_cols, 0
        self.rows: list[np.ndarray] = []
        self.cols: list[np.ndarray] = []
        self.vals: list[np.ndarray] = []
        self.lower: list[np.ndarray] = []
        self.upper: list[np.ndarray] = []
        self.blocks: list[Block] = []

    def open(self, name: str, lower: np.ndarray, upper: np.ndarray) -> int:
        start, size = self.n_rows, lower.size
        self.n_rows += size
        self.lower.append(lower.astype(float))
        self.upper.append(upper.astype(float))
        self.blocks.append(Block(name, (), start, self.n_rows))
        return start

    def put(self, rows: np.ndarray, cols: np.ndarray, vals: np.ndarray) -> None:
        rows, cols, vals = np.broadcast_arrays(rows, cols, vals)
        keep = (vals != 0).ravel() & (cols >= 0).ravel()
        self.rows.append(rows.ravel()[keep])
        self.cols.append(cols.ravel()[keep])
        self.vals.append(vals.ravel()[keep].astype(float))

    def matrix(self) -> sparse.csc_matrix:
        triplets = (np.concatenate(self.vals), (np.concatenate(self.rows), np.concatenate(self.cols)))
        out = sparse.coo_matrix(triplets, shape=(self.n_rows, self.n_cols)).tocsc()
        out.sort_indices()
        return out


def relaxation(form: BlockForm, *, integer: bool = False, tighten: bool = True) -> GroundModel:
    """Return the model of a form; continuous unless `integer`. Column order: x, y, pos, neg, master, each in C order.

    With `tighten` no order exceeds the largest need, which no price ≥ 0 makes worth while.
    """
    S, A, T, W = form.shape
    n, m, k = S * A * T, S * T * W, form.master_cost.size
    x = np.arange(n).reshape(S, A, T)
    pos = 2 * n + np.arange(m).reshape(S, T, W)
    columns = {"x": x, "y": n + x, "pos": pos, "neg": m + pos}
    rows = _Rows(2 * n + 2 * m + k)
    exists = form.qmax >= form.qmin
    useful = np.maximum(form.qmin, _need(form)[:, None, None]) if tighten else form.qmax
    most = np.where(exists, np.minimum(form.qmax, useful), 0)
    _semicontinuous(rows, columns, form, most)
    _balance(rows, columns, form)
    if form.limit is not None and not form.no_backlog:
        start = rows.open("service", np.full(S, -np.inf), form.limit)
        rows.put(start + np.arange(S)[:, None, None], columns["neg"], np.broadcast_to(form.kw, (S, T, W)))
    _couple(rows, columns, form, 2 * n + 2 * m)
    upper = np.full(rows.n_cols, np.inf)
    upper[:n], upper[n : 2 * n] = most.ravel(), exists.ravel()
    if form.no_backlog:
        upper[2 * n + m : 2 * n + 2 * m] = 0.0
    lower = np.zeros(rows.n_cols)
    upper[2 * n + 2 * m :], lower[2 * n + 2 * m :] = form.master_upper, form.master_lower
    costs = ((form.cx, x), (form.cy, x), (form.cpos, pos), (form.cneg, pos))
    wide = [np.broadcast_to(cost, places.shape).ravel() for cost, places in costs]
    matrix = rows.matrix()
    whole = np.zeros(rows.n_cols, np.uint8)
    whole[: 2 * n] = integer
    return GroundModel(
        "min", form.offset, np.concatenate([*wide, form.master_cost]), lower, upper, whole, np.concatenate(rows.lower),
        np.concatenate(rows.upper), matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32), matrix.data,
        (Block("x", (), 0, rows.n_cols),), tuple(rows.blocks), {},
    )


def _need(form: BlockForm) -> np.ndarray:
    return np.asarray(np.maximum(np.ceil(form.net.max(axis=(1, 2)) - 1e-9), 0))


def _semicontinuous(rows: _Rows, columns: dict[str, np.ndarray], form: BlockForm, most: np.ndarray) -> None:
    n = form.cx.size
    for name, least, low, high in (("least", form.qmin, 0.0, np.inf), ("most", most, -np.inf, 0.0)):
        start = rows.open(name, np.full(n, low), np.full(n, high))
        at = start + np.arange(n).reshape(form.cx.shape)
        rows.put(at, columns["x"], np.ones(1))
        rows.put(at, columns["y"], -least.astype(float))


def _balance(rows: _Rows, columns: dict[str, np.ndarray], form: BlockForm) -> None:
    """``pos - neg - (pos - neg one period earlier) - arrivals = -(net - net one period earlier)``."""
    S, A, T, W = form.shape
    change = np.diff(form.net, axis=1, prepend=0.0)
    start = rows.open("balance", -change.ravel(), -change.ravel())
    at = start + np.arange(S * T * W).reshape(S, T, W)
    for name, sign in (("pos", 1.0), ("neg", -1.0)):
        rows.put(at, columns[name], np.array(sign))
        rows.put(at[:, 1:], columns[name][:, :-1], np.array(-sign))
    s = np.arange(S)[:, None, None]
    w = np.arange(W)[None, None, :]
    for a in range(A):
        ordered = np.arange(T)[None, :, None] - form.lead[:, a, None, :]
        rows.put(at, np.where(ordered >= 0, columns["x"][s, a, np.maximum(ordered, 0)], -1), np.where(ordered >= 0, -1.0, 0.0) + 0 * w)


def _couple(rows: _Rows, columns: dict[str, np.ndarray], form: BlockForm, first_master: int) -> None:
    rhs = form.rhs
    for c in form.couplings:
        upper = rhs[c.offset : c.offset + c.size]
        start = rows.open("coupling", upper if c.equal else np.full(c.size, -np.inf), upper)
        for part in c.parts:
            if part.target != "one":
                rows.put(start + part.rows, columns[part.target][..., None], part.coef[..., None])
        r, j, coef = c.master
        rows.put(start + r, first_master + j, coef)


def split_duals(form: BlockForm, model: GroundModel, duals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return prices of the shared rows (≥ 0 where they are ≤ rows) and multipliers of the blocks' own rows from a solver's row duals."""
    prices = np.zeros(form.n_rows)
    kappa = np.zeros(form.shape[0])
    found = [duals[b.start : b.stop] for b in model.rows if b.name == "coupling"]
    for c, y in zip(form.couplings, found, strict=True):
        prices[c.offset : c.offset + c.size] = -y if c.equal else np.maximum(-y, 0.0)
    for b in model.rows:
        if b.name == "service":
            kappa = np.maximum(-duals[b.start : b.stop], 0.0)
    return prices, kappa
