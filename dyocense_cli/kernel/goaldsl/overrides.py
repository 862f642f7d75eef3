"""``--set limits.budget.max=7500EUR``: values from the command line, put into the tree before it is checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dyocense_cli.artifacts.rules import pointer
from dyocense_cli.errors import UsageError
from dyocense_cli.kernel.goaldsl.nodes import LIST, MAP, SCALAR, Node
from dyocense_cli.kernel.goaldsl.reader import read_yaml

__all__ = ["apply_overrides"]

_FROM_TOP: Final = "name the fields from the top, as in limits.budget.max"


def _value(key: str, text: str) -> Node:
    """Read a value as YAML, so that ``[a, b]`` and ``{max: 1}`` work too."""
    root, findings = read_yaml(text, f"--set {key}")
    if findings:
        raise UsageError("DY1011", f"--set {key}: {findings[0].message}", hints=findings[0].remediation)
    return root if root is not None else Node(SCALAR, 1, 1, 1, 1)


def _step(node: Node, name: str, key: str) -> Node:
    """Return the child `name` of a map or list; a map that is missing, or is a switch, is made."""
    if node.kind == LIST and name.isdigit() and int(name) < len(node.items):
        return node.items[int(name)]
    if node.kind != MAP:
        raise UsageError("DY1010", f"--set {key}: `{name}` is not a place in this goal", hints=_FROM_TOP)
    child = node.fields.get(name)
    if child is None or (child.kind == SCALAR and (child.value is None or isinstance(child.value, bool))):
        child = Node(MAP, 1, 1, 1, 1)
        _put(node, name, child)
    return child


def _put(node: Node, name: str, value: Node) -> None:
    if node.kind == LIST:
        node.items[int(name)] = value
        return
    node.fields[name] = value
    if name not in node.keys:
        at = Node(SCALAR, 1, 1, 1, 1)
        at.value = name
        at.text = name
        node.keys[name] = at


def apply_overrides(root: Node, overrides: Mapping[str, str]) -> dict[str, str]:
    """Put each value at its dotted key, shorter keys first; return JSON pointer → how to name the place in messages.

    Raises
    ------
    UsageError
        DY1010 if a key is not a place, DY1011 if a value is not YAML.
    """
    if root.kind != MAP:
        return {}
    given: dict[str, str] = {}
    for key in sorted(overrides, key=lambda k: (k.count("."), k)):
        steps = key.split(".")
        if not all(steps):
            raise UsageError("DY1010", f"--set {key}: an empty name", hints=_FROM_TOP)
        node = root
        made: list[str] = []
        for i, step in enumerate(steps[:-1]):
            if node.kind == MAP and step not in node.fields:
                made.append(pointer(steps[: i + 1]))
            node = _step(node, step, key)
        if node.kind == LIST and not (steps[-1].isdigit() and int(steps[-1]) < len(node.items)):
            raise UsageError(
                "DY1010", f"--set {key}: the list has no place `{steps[-1]}`", hints=f"it has {len(node.items)} places, from 0"
            )
        if node.kind == SCALAR:
            raise UsageError("DY1010", f"--set {key}: `{steps[-2]}` has no fields", hints=f"set `{'.'.join(steps[:-1])}` itself")
        _put(node, steps[-1], _value(key, overrides[key]))
        given.update(dict.fromkeys([*made, pointer(steps)], f"--set {key}"))
    return given
