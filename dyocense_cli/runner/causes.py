"""Why a line of a plan differs from an earlier plan's: the change of an input that touches it, else what came with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dyocense_cli.kernel.plan.diff import LineChange
    from dyocense_cli.runner.changes import Change

__all__ = ["causes"]

_KEYS: Final = ("sku", "supplier", "location")


def causes(lines: Sequence[LineChange], inputs: Mapping[str, Sequence[Change]], binding: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a cause per line.

    A change of a table's row that has the line's own labels; else one that touches another line of the same thing; else a change of the
    goal; else a rule that binds now or no longer does; else the line follows from the rest.
    """
    tables = [c for c in inputs.get("context", ()) if any(k in c.keys for k in _KEYS)]
    direct = [_direct(line, tables) for line in lines]
    by_sku = {line.keys.get("sku"): cause for line, cause in zip(reversed(lines), reversed(direct), strict=True) if cause}
    for change in reversed(tables):
        if "sku" in change.keys:
            by_sku.setdefault(change.keys["sku"], _say(change))
    rest = _rest(inputs, binding)
    return [cause or _beside(by_sku.get(line.keys.get("sku"))) or rest for line, cause in zip(lines, direct, strict=True)]


def _direct(line: LineChange, tables: Sequence[Change]) -> str:
    fits = [c for c in tables if all(line.keys.get(k) == c.keys[k] for k in _KEYS if k in c.keys)]
    fits.sort(key=lambda c: -sum(k in c.keys for k in _KEYS))
    return "" if not fits else _say(fits[0]) + (f" and {len(fits) - 1} more" if len(fits) > 1 else "")


def _say(change: Change) -> str:
    return f"{change.path} {change.old} → {change.new}"


def _beside(cause: str | None) -> str:
    return f"another offer: {cause}" if cause else ""


def _rest(inputs: Mapping[str, Sequence[Change]], binding: Mapping[str, Sequence[str]]) -> str:
    for name in ("goal", "context"):
        found = [c for c in inputs.get(name, ()) if name == "goal" or not c.keys]
        if found:
            return _say(found[0])
    for word, text in (("newly", "binds now"), ("no_longer", "no longer binds")):
        if binding.get(word):
            return f"rule {binding[word][0]} {text}"
    return "follows from the other changes"
