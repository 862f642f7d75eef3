"""Recompute the bound that a decomposed solution claims, from its certificate: prices of shared rules, multipliers of the blocks' own.

Any prices (≥ 0 for inequalities) give a bound by weak duality: price the rules, and ask of each block what no plan of it can
beat. The prices are put into the model's expressions by `adjoint`; the blocks' data (needs, delays, lots, limits) are found by
evaluating rules at trial values; `blockbound` bounds the blocks. None of this is the code that found the solution.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dyocense_cli.artifacts.optimodel import OptiModel, Rule
from dyocense_cli.kernel.check.adjoint import Weigher
from dyocense_cli.kernel.check.blockbound import Blocks, lower_bounds
from dyocense_cli.optimodel.evaluate import Evaluator, bounds, existing

__all__ = ["Unprovable", "check_sign", "least_outside", "recompute_bound"]


class Unprovable(ValueError):  # says why a certificate proves nothing
    """The certificate does not fit the model; the text says what does not."""


@dataclass(frozen=True, slots=True)
class _Roles:
    order: str = ""
    switch: str = ""
    held: str = ""
    owed: str = ""
    level: str = ""
    balance: str = ""
    cover: str = ""


def recompute_bound(model: OptiModel, certificate: Mapping[str, np.ndarray], *, costs: bool = True) -> float:
    """Return the bound that the certificate proves, in the sense of minimisation.

    With `costs` false only prices count: a value above 0 then proves that no plan exists.

    Raises
    ------
    Unprovable
        If a price has the wrong sign, a column outside the blocks is not priced out, or the roles do not fit the rules.
    """
    try:
        return _proved(model, certificate, costs=costs)
    except Unprovable:
        raise
    except (LookupError, TypeError, ValueError, StopIteration) as unfit:  # whatever a certificate says is only data
        raise Unprovable("its names or shapes are not the model's") from unfit


def _proved(model: OptiModel, certificate: Mapping[str, np.ndarray], *, costs: bool) -> float:
    roles = _Roles(**{key.split(":")[1]: key.split(":")[2] for key in certificate if key.startswith("role:") and "proof" not in key})
    weigher = Weigher(model)
    if costs:
        weigher.objective()
    priced = set()
    for key in sorted(certificate):
        what, _, name = key.partition(":")
        if what in {"price", "multiplier"} and name:
            priced.add(name)
            check_sign(model, name, certificate[key])
            weigher.rule(name, certificate[key])
    probe = _Probe(model, roles)
    blocks, constant = probe.blocks(weigher, priced, certificate.get("multiplier:"))
    inside = {roles.order, roles.switch, roles.held, roles.owed, roles.level}
    return float(lower_bounds(blocks).sum() + constant + weigher.constant + least_outside(model, weigher, inside))


def check_sign(model: OptiModel, name: str, price: np.ndarray) -> None:
    """Refuse a negative price of an inequality."""
    rule = next(r for r in model.rules if r.name == name)
    if "==" not in rule.expr and np.any(price < 0):
        raise Unprovable(f"the price of `{name}` is negative")


def least_outside(model: OptiModel, weigher: Weigher, inside: set[str]) -> float:
    """Return the least that families which are not `inside` the blocks can cost at their reduced costs."""
    total = 0.0
    for var in model.vars:
        if var.name in inside:
            continue
        there = existing(model, var, weigher.evaluator)
        low, high = bounds(model, var, weigher.evaluator)
        slope = np.where(there, weigher.gradient[var.name], 0.0)
        slope = np.where(np.abs(slope) <= 1e-7, 0.0, slope)
        end = np.where(slope > 0, low, high)
        if np.any(~np.isfinite(end) & (slope != 0)):
            raise Unprovable(f"`{var.name}` is not priced out")
        total += float(np.sum(slope * np.where(slope != 0, end, 0.0)))
    return total


class _Probe:
    """Reads the blocks' data off the rules by evaluating them at trial values."""

    def __init__(self, model: OptiModel, roles: _Roles) -> None:
        self.model, self.roles = model, roles
        self.rules = {r.name: r for r in model.rules}
        self.vars = {v.name: v for v in model.vars}
        self.sizes = {d: len(labels) for d, labels in model.dims.items()}
        balance = self.rules[roles.balance]
        order = self.vars[roles.order].dims
        position = self.vars[roles.held or roles.owed].dims if not roles.level else self.rules[roles.cover].dims
        self.time = next(d for d in balance.dims if d in model.ordered)
        self.block = tuple(d for d in balance.dims if d not in {self.time, "scenario"})
        self.source = tuple(d for d in order if d not in {*self.block, self.time})
        self.scenario = ("scenario",) if "scenario" in position else ()
        self.S, self.A, self.T = (int(np.prod([self.sizes[d] for d in g])) for g in (self.block, self.source, (self.time,)))
        self.W = self.sizes["scenario"] if self.scenario else 1

    def _shaped(self, data: np.ndarray, dims: tuple[str, ...], groups: tuple[tuple[str, ...], ...]) -> np.ndarray:
        flat = [d for g in groups for d in g]
        present = [d for d in flat if d in dims]
        moved = np.transpose(data, [dims.index(d) for d in present])
        wide = np.broadcast_to(moved.reshape([self.sizes[d] if d in dims else 1 for d in flat]), [self.sizes[d] for d in flat])
        return wide.reshape([int(np.prod([self.sizes[d] for d in g])) for g in groups]).astype(float)

    def _orders(self, data: np.ndarray, dims: tuple[str, ...]) -> np.ndarray:
        return self._shaped(data, dims, (self.block, self.source, (self.time,)))

    def _places(self, data: np.ndarray, dims: tuple[str, ...]) -> np.ndarray:
        return self._shaped(data, dims, (self.block, (self.time,), self.scenario))

    def _residual(self, rule: Rule, values: Mapping[str, np.ndarray]) -> np.ndarray:
        rows = Evaluator(self.model, values).rows(rule)
        return np.asarray(rows.left - rows.right)

    def _full(self, name: str, fill: np.ndarray | float) -> dict[str, np.ndarray]:
        shape = [self.sizes[d] for d in self.vars[name].dims]
        return {name: np.broadcast_to(np.asarray(fill, dtype=float), shape).copy()}

    def _trial(self) -> dict[str, np.ndarray]:
        """Return values drawn for every family."""
        chance = np.random.default_rng(10)
        return {n: chance.integers(1, 9, [self.sizes[d] for d in v.dims]).astype(float) for n, v in self.vars.items()}

    def _check_alone(self) -> None:
        """Refuse roles that are not unlike families, and a rule of theirs in which another family stands."""
        roles = self.roles
        families = [n for n in (roles.order, roles.switch, roles.held, roles.owed, roles.level) if n]
        if len(set(families)) != len(families) or not roles.order:
            raise Unprovable("two roles are of one family")
        trial = self._trial()
        for name in filter(None, (roles.balance, roles.cover)):
            own = {n: trial[n] for n in families if n != roles.switch}
            if not np.allclose(self._residual(self.rules[name], trial), self._residual(self.rules[name], own)):
                raise Unprovable(f"`{name}` holds more than one position and its orders")

    def _carry(self) -> float:
        """Return the coefficient of the carried position; refuse a rule that does not carry it whole."""
        rule = self.rules[self.roles.balance]
        name = self.roles.held or self.roles.level
        zero = self._residual(rule, {})
        trial = np.random.default_rng(7).integers(1, 9, [self.sizes[d] for d in self.vars[name].dims]).astype(float)
        moved = self._places(self._residual(rule, {name: trial}) - zero, rule.dims)
        want = np.diff(self._places(trial, self.vars[name].dims), axis=1, prepend=0.0)
        rate = float(moved[0, 0, 0] / want[0, 0, 0])
        if not np.allclose(moved, rate * want):
            raise Unprovable(f"`{self.roles.balance}` does not carry `{name}`")
        if self.roles.owed and not self.roles.level:
            trial = np.random.default_rng(8).integers(1, 9, [self.sizes[d] for d in self.vars[self.roles.owed].dims]).astype(float)
            moved = self._places(self._residual(rule, {self.roles.owed: trial}) - zero, rule.dims)
            if not np.allclose(moved, -rate * np.diff(self._places(trial, self.vars[self.roles.owed].dims), axis=1, prepend=0.0)):
                raise Unprovable(f"`{self.roles.balance}` does not carry `{self.roles.owed}`")
        return rate

    def _arrivals(self, rate: float) -> tuple[np.ndarray, np.ndarray]:
        """Return lots' sizes [S] and delays [S, A, W] (the horizon where nothing arrives), checked at random orders."""
        rule, dims = self.rules[self.roles.balance], self.vars[self.roles.order].dims
        zero = self._residual(rule, {})
        lead = np.full((self.S, self.A, self.W), self.T)
        lot = np.zeros(self.S)
        places = [dims.index(d) for d in (*self.block, *self.source, self.time)]
        back = np.argsort(places)
        shape = [self.sizes[dims[i]] for i in places]
        for a in range(self.A):
            first = np.zeros((self.S, self.A, self.T))
            first[:, a, 0] = 1.0
            given = np.transpose(first.reshape(shape), back)
            effect = -self._places(self._residual(rule, {self.roles.order: given}) - zero, rule.dims) / rate
            lot = np.maximum(lot, effect.max(axis=(1, 2)))
            arrives = effect > 0
            lead[:, a] = np.where(arrives.any(axis=1), arrives.argmax(axis=1), self.T)
        trial = np.random.default_rng(9).integers(0, 5, (self.S, self.A, self.T)).astype(float)
        effect = -self._places(self._residual(rule, {self.roles.order: np.transpose(trial.reshape(shape), back)}) - zero, rule.dims) / rate
        want = np.zeros_like(effect)
        s, w = np.arange(self.S)[:, None], np.arange(self.W)[None, :]
        for a in range(self.A):
            for t in range(self.T):
                at = t + lead[:, a]
                np.add.at(want, (np.broadcast_to(s, at.shape)[at < self.T], at[at < self.T], np.broadcast_to(w, at.shape)[at < self.T]),
                          np.broadcast_to((lot * trial[:, a, t])[:, None], at.shape)[at < self.T])
        if not np.allclose(effect, want):
            raise Unprovable(f"`{self.roles.order}` does not arrive whole")
        return np.where(lot > 0, lot, 1.0), lead

    def _limits(self, priced: set[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return least and most lots of every order from bounds and the rules that are not priced."""
        var = self.vars[self.roles.order]
        there = existing(self.model, var)
        whole = var.type == "int"
        most = self._orders(bounds(self.model, var)[1], var.dims)
        least = np.full(most.shape, 1.0 if whole else 0.0)
        for rule in self.model.rules:
            if rule.name in priced or rule.name in {self.roles.balance, self.roles.cover}:
                continue
            zero = self._residual(rule, {})
            if not self._is_of_one_order(rule, zero):
                continue
            sign = -1.0 if ">=" in rule.expr else 1.0
            a = self._orders(sign * (self._residual(rule, self._full(self.roles.order, 1.0)) - zero), rule.dims)
            b = 0 * a
            if self.roles.switch:
                b = self._orders(sign * (self._residual(rule, self._full(self.roles.switch, 1.0)) - zero), rule.dims)
            limit = -(b + self._orders(sign * zero, rule.dims))
            with np.errstate(divide="ignore", invalid="ignore"):
                most = np.where(a > 0, np.minimum(most, limit / a), most)
                least = np.where(a < 0, np.maximum(least, limit / a), least)
        most = np.floor(np.minimum(most, 2.0**30) + 1e-9)
        least = np.ceil(least - 1e-9)
        exists = self._orders(there.astype(float), var.dims) > 0
        return least, np.where(exists & (most >= least), most, least - 1)

    def _is_of_one_order(self, rule: Rule, zero: np.ndarray) -> bool:
        """Say whether each row holds one order and its switch and nothing else, by values drawn for every family."""
        if "==" in rule.expr or set(rule.dims) != set(self.vars[self.roles.order].dims):
            return False
        trial, want = self._trial(), zero
        for name in filter(None, (self.roles.order, self.roles.switch)):
            dims = self.vars[name].dims
            rate = self._residual(rule, self._full(name, 1.0)) - zero
            want = want + rate * np.transpose(trial[name], [dims.index(d) for d in rule.dims])
        return bool(np.allclose(self._residual(rule, trial), want))

    def blocks(self, weigher: Weigher, priced: set[str], held_up: np.ndarray | None) -> tuple[Blocks, float]:
        """Return the blocks at the weigher's costs, and what running totals cost without orders."""
        self._check_alone()
        roles, rate = self.roles, self._carry()
        lot, lead = self._arrivals(rate)
        need = np.cumsum(self._places(self._residual(self.rules[roles.balance], {}), self.rules[roles.balance].dims), axis=1) / rate
        unit = self._orders(weigher.gradient[roles.order], self.vars[roles.order].dims)
        fixed = self._orders(weigher.gradient[roles.switch], self.vars[roles.switch].dims) if roles.switch else np.zeros_like(unit)
        over, under = (
            lot[:, None, None] * self._places(weigher.gradient[n], self.vars[n].dims) if n else np.zeros((self.S, self.T, self.W))
            for n in (roles.held, roles.owed)
        )
        constant = 0.0
        if roles.level:
            weight = self._shaped(weigher.gradient[roles.level], self.vars[roles.level].dims, (self.block, (self.time,)))
            constant = -float(np.sum(weight * need[:, :, 0]))
            tail = np.concatenate([np.cumsum(weight[:, ::-1], axis=1)[:, ::-1], np.zeros((self.S, 1))], axis=1)
            arrives = np.minimum(np.arange(self.T)[None, None, :] + lead[:, :, :1], self.T)
            wide = np.broadcast_to(tail[:, None, :], (self.S, self.A, self.T + 1))
            unit = unit + lot[:, None, None] * np.take_along_axis(wide, arrives, axis=2)
            need = need + self._cover()
        if held_up is not None:
            if roles.owed or np.any(held_up < 0):
                raise Unprovable("a multiplier stands for no rule")
            flat = self._shaped(held_up, self.block, (self.block,))
            under = under + flat[:, None, None]
        if min(over.min(), under.min()) < -1e-9:
            raise Unprovable("stock or backlog is rewarded")
        least, most = self._limits(priced)
        need = need / lot[:, None, None]
        return Blocks(need, lead, least.astype(np.int64), most.astype(np.int64), unit, fixed, over, under), constant

    def _cover(self) -> np.ndarray:
        rule = self.rules[self.roles.cover]
        zero = self._residual(rule, {})
        one = self._residual(rule, self._full(self.roles.level, 1.0)) - zero
        return self._places(-zero / one, rule.dims)
