"""A claim about a plan, the places in artifacts it rests on, and how to work it out again from them alone."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dyocense_cli.artifacts.context import Column
from dyocense_cli.errors import StoreError
from dyocense_cli.kernel.evidence.rows import cell
from dyocense_cli.optimodel.evaluate import Evaluator, RowValues, split_columns

__all__ = ["Claim", "Input", "Workings", "at"]

#: A step of a path: a field or key, or an index into a column, tuple or array.
Step = str | int | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Input:
    """A place in an artifact: its pipeline name, fingerprint and path, and where a person finds it (file and row, or file:line)."""

    artifact: str
    sha: str
    path: tuple[Step, ...]
    place: str = ""

    @property
    def pointer(self) -> str:
        """The path as text: ``tables.offers.columns.price[12]``."""
        parts = [
            "[" + ",".join(map(str, s if isinstance(s, tuple) else (s,))) + "]" if not isinstance(s, str) else "." + s for s in self.path
        ]
        return "".join(parts).lstrip(".")


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence of a reason; `value` follows from `inputs` by `how`: value, sum, product,
    difference (of two prices, times a quantity), mean, p5, p50, p95 (weighted), or row (one row of a rule at the stored solution)."""

    kind: str
    text: str
    value: float | str
    how: str
    inputs: tuple[Input, ...]


def at(artifact: object, path: tuple[Step, ...]) -> Any:
    """Return what stands at a path of an artifact.

    Raises
    ------
    StoreError
        DY5014 if nothing stands there.
    """
    found: Any = artifact
    try:
        for step in path:
            if isinstance(found, Column) and isinstance(step, int):
                found = cell(found, step)
            elif dataclasses.is_dataclass(found) and isinstance(step, str):
                found = getattr(found, step)
            else:
                found = found[step]
    except (AttributeError, KeyError, IndexError, TypeError) as error:
        raise StoreError("DY5014", f"nothing stands at {path} of the artifact") from error
    return found


class Workings:
    """Works claims out from artifacts alone; what several claims need (the rows of a rule) is evaluated once."""

    def __init__(self, artifacts: Mapping[str, Any]) -> None:
        self.artifacts = artifacts
        self._evaluator: Evaluator | None = None
        self._rows: dict[int, RowValues] = {}

    def rows(self, number: int) -> RowValues:
        """Return both sides of a rule of the model, by its number, at the stored solution."""
        if number not in self._rows:
            model, solution = self.artifacts["optimodel"], self.artifacts["solution"]
            if self._evaluator is None:
                self._evaluator = Evaluator(model, split_columns(model, solution.x))
            self._rows[number] = self._evaluator.rows(model.rules[number])
        return self._rows[number]

    def recompute(self, claim: Claim) -> float | str:
        """Work a claim's value out from the artifacts; nothing else is read.

        Raises
        ------
        StoreError
            DY5014 if a place that the claim names is not there.
        """
        if claim.how == "row":
            _, number, cell_at = claim.inputs[0].path
            assert isinstance(number, int)
            return float(self.rows(number).left[cell_at])
        return _worked(claim.how, [at(self.artifacts[i.artifact], i.path) for i in claim.inputs])

    def holds(self, claim: Claim) -> bool:
        """Say whether a claim's value is the one that its artifacts give."""
        found = self.recompute(claim)
        if isinstance(found, str) or isinstance(claim.value, str):
            return found == claim.value
        return math.isclose(found, claim.value, rel_tol=1e-9, abs_tol=1e-9)


def _worked(how: str, values: list[Any]) -> float | str:
    if how == "value":
        return values[0] if isinstance(values[0], str) else float(values[0])
    if how == "mean":
        return float(np.dot(values[0], values[1]))
    if how in ("p5", "p50", "p95"):
        return _quantile(values[0], values[1], float(how[1:]) / 100)
    numbers = [np.asarray(v, dtype=float) for v in values]
    if how == "sum":
        return float(sum(n.sum() for n in numbers))
    if how == "product":
        return float(math.prod(n.item() for n in numbers))
    if how == "difference":
        return float(numbers[0].item() * numbers[1].item() - numbers[0].item() * numbers[2].item())
    raise StoreError("DY5014", f"a claim cannot be worked out by `{how}`")


def _quantile(values: np.ndarray, probability: np.ndarray, level: float) -> float:
    order = np.argsort(values, kind="stable")
    index = int((np.cumsum(probability[order]) < level - 1e-12).sum())
    return float(values[order][min(index, len(order) - 1)])
