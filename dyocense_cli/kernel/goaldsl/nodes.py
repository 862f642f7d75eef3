"""The tree that a YAML file is read into: plain values, each with its exact place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from dyocense_cli.artifacts.rules import pointer
from dyocense_cli.errors import Span

__all__ = ["BULK_ITEMS", "LIST", "MAP", "SCALAR", "Node", "Path", "SpanMap", "plain"]

Path: TypeAlias = "tuple[str | int, ...]"
Scalar: TypeAlias = "str | int | float | bool | None"

SCALAR: Final = 0
LIST: Final = 1
MAP: Final = 2
#: Items of a list from which its insides are bulk data
BULK_ITEMS: Final = 2000


class Node:
    """One value of a YAML file.

    `kind` is SCALAR, LIST or MAP. A scalar has `value` and, as written, `text`; a list has `items`; a map has `fields`
    and, per key, the key's own node in `keys`. Lines and columns count from 1, columns in characters; ends are exclusive.
    """

    __slots__ = ("column", "end_column", "end_line", "fields", "items", "keys", "kind", "line", "quoted", "text", "value")

    def __init__(self, kind: int, line: int, column: int, end_line: int, end_column: int) -> None:
        self.kind = kind
        self.line = line
        self.column = column
        self.end_line = end_line
        self.end_column = end_column
        self.value: Scalar = None
        self.text = ""
        self.quoted = False
        if kind == MAP:
            self.fields: dict[str, Node] = {}
            self.keys: dict[str, Node] = {}
        elif kind == LIST:
            self.items: list[Node] = []

    def span(self, file: str) -> Span:
        """Return the place of this node in `file`."""
        return Span(file, self.line, self.column, self.end_line, self.end_column)

    def says(self) -> str:
        """Say in words what this is, for messages: ``the text 'abc'``, ``a list``."""
        if self.kind == MAP:
            return "a map"
        if self.kind == LIST:
            return "a list"
        if self.value is None:
            return "empty"
        if isinstance(self.value, bool):
            return f"the switch {str(self.value).lower()}"
        if isinstance(self.value, str):
            shown = self.value if len(self.value) <= 40 else self.value[:39] + "…"
            return f"the text {shown!r}"
        return f"the number {self.text[:40]}"


def plain(node: Node) -> object:
    """Return the node as plain values: str, int, float, bool, None, list, dict."""
    if node.kind == MAP:
        return {key: plain(child) for key, child in node.fields.items()}
    if node.kind == LIST:
        return [plain(child) for child in node.items]
    return node.value


class SpanMap(Mapping[str, Span]):
    """Places by JSON pointer, found in the tree when asked for.

    The place of a scalar is the scalar; of a map or list, its key. Pointers under one of `given` (values from the command
    line) have the place ``--set <key>``. Iteration, and so what is stored of a file, leaves out the insides of lists of over
    `BULK_ITEMS` items; look-up does not.
    """

    __slots__ = ("_file", "_given", "_root")

    def __init__(self, root: Node, file: str, given: Mapping[str, str] | None = None) -> None:
        self._root = root
        self._file = file
        self._given = given or {}

    def __getitem__(self, key: str) -> Span:
        """Return the place of a pointer; KeyError if the file does not say it."""
        for prefix, label in self._given.items():
            if key == prefix or key.startswith(prefix + "/"):
                return Span(label, 0, 0)
        node, place = self._root, self._root
        for step in key.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if node.kind == MAP and name in node.fields:
                place = node.keys[name]
                node = node.fields[name]
                if node.kind == SCALAR:
                    place = node
            elif node.kind == LIST and name.isdigit() and int(name) < len(node.items):
                node = place = node.items[int(name)]
            else:
                raise KeyError(key)
        return place.span(self._file)

    def key(self, key: str) -> Span:
        """Return the place of the key that `key` ends in, or of the value where there is none."""
        parent, _, last = key.rpartition("/")
        node = self._node(parent)
        name = last.replace("~1", "/").replace("~0", "~")
        if node is not None and node.kind == MAP and name in node.keys:
            return node.keys[name].span(self._file)
        return self[key]

    def _node(self, key: str) -> Node | None:
        node: Node | None = self._root
        for step in key.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if node is not None and node.kind == MAP:
                node = node.fields.get(name)
            elif node is not None and node.kind == LIST and name.isdigit() and int(name) < len(node.items):
                node = node.items[int(name)]
            else:
                return None
        return node

    def __iter__(self) -> Iterator[str]:
        stack: list[tuple[Path, Node]] = [((), self._root)]
        while stack:
            path, node = stack.pop()
            yield pointer(path)
            if node.kind == MAP:
                stack += [((*path, name), child) for name, child in reversed(node.fields.items())]
            elif node.kind == LIST and len(node.items) <= BULK_ITEMS:
                stack += [((*path, i), child) for i, child in reversed(list(enumerate(node.items)))]

    def __len__(self) -> int:
        return sum(1 for _ in self)
