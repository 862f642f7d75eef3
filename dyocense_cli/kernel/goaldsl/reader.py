"""YAML text → tree with places, in one loop over libyaml's events.

Nothing here and nothing in libyaml's event parser recurses, so depth is a plain limit. Refused, each with its place:
anchors, aliases, merge keys, explicit tags, duplicate keys (both lines), keys that are not text, a second document,
numbers that are not finite, control characters, and files over the limits. All of them are found in one reading, up to
the first that stops it (broken syntax, a limit).
"""

from __future__ import annotations

import gc
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, cast

import yaml
from yaml import events as ev

from dyocense_cli.artifacts.rules import finding
from dyocense_cli.errors import Finding, Span
from dyocense_cli.kernel.goaldsl.nodes import LIST, MAP, SCALAR, Node
from dyocense_cli.kernel.goaldsl.scalars import NotFinite, read_plain

__all__ = ["BULK", "PAGE", "Limits", "read_yaml"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may be at most: characters, values, depth; `findings` is how many are reported before reading stops."""

    characters: int
    values: int
    depth: int
    findings: int = 100


#: Limits of goals and models, which people write, and of contexts, which may carry rows.
PAGE: Final = Limits(characters=4 << 20, values=200_000, depth=64)
BULK: Final = Limits(characters=32 << 20, values=1_000_000, depth=64)

_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_SLY: Final = re.compile("[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\x85]")
_ODD_BREAK: Final = re.compile("[\x85\u2028\u2029]")
_LINE_END: Final = re.compile("\r\n|\r|\n")
_IDS: Final = frozenset({"id", "variant", "model", "sku", "supplier", "location"})
_GC_FROM: Final = 1 << 16  # characters from which collection passes would be most of the time


class _Mark(Protocol):
    """A place in libyaml's terms: all from 0, `index` in characters."""

    line: int
    column: int
    index: int


class _Event(Protocol):
    """What this module uses of libyaml's events; each kind has some of it."""

    start_mark: _Mark
    end_mark: _Mark
    anchor: str | None
    tag: str | None
    value: str
    style: str | None


class _Stop(Exception):
    """Reading cannot go on; its finding is noted."""


class _Frame:
    """An open container: its node, the pending key, and whether the container itself stands where a key should."""

    __slots__ = ("is_key", "key", "node")

    def __init__(self, node: Node, *, is_key: bool = False) -> None:
        self.node = node
        self.key: Node | None = None
        self.is_key = is_key


class _Reader:
    """One reading of one file."""

    def __init__(self, text: str, file: str, limits: Limits) -> None:
        self.text = text
        self.file = file
        self.limits = limits
        self.findings: list[Finding] = []
        self.values = 0
        self.sly = _SLY.search(text) is not None
        # libyaml also breaks lines at NEL, LS and PS, which editors do not: then lines are counted from offsets.
        self.starts = [0, *(m.end() for m in _LINE_END.finditer(text))] if self.sly and _ODD_BREAK.search(text) else None

    def place(self, mark: _Mark) -> tuple[int, int]:
        if self.starts is None:
            return mark.line + 1, mark.column + 1
        from bisect import bisect_right

        line = bisect_right(self.starts, mark.index)
        return line, mark.index - self.starts[line - 1] + 1

    def note(self, rule: str, message: str, place: tuple[int, int], end: tuple[int, int] = (0, 0), severity: str | None = None) -> None:
        span = Span(self.file, place[0], place[1], end[0], end[1])
        self.findings.append(finding(rule, message, where=span, severity=severity))
        if len(self.findings) >= self.limits.findings:
            raise _Stop

    def run(self) -> Node | None:
        parser = yaml.CSafeLoader(self.text)
        try:
            return self._loop(cast("Callable[[], _Event | None]", parser.get_event))
        finally:
            parser.dispose()

    def comments(self) -> None:
        """Report an invisible character that no key or value holds: it stands in a comment or between values."""
        found = _SLY.search(self.text) if self.sly else None
        if found and not any(f.id == "DYO-Y010" for f in self.findings):
            before = _LINE_END.split(self.text[: found.start()])
            self.note("DYO-Y010", f"invisible character U+{ord(found[0]):04X}", (len(before), len(before[-1]) + 1))

    def _loop(self, get: Callable[[], _Event | None]) -> Node | None:
        root: Node | None = None
        stack: list[_Frame] = []
        documents = 0
        while (event := get()) is not None:
            kind: type[object] = type(event)
            if kind is ev.ScalarEvent:
                node = self._scalar(event)
            elif kind is ev.MappingStartEvent or kind is ev.SequenceStartEvent:
                node = self._container(event, MAP if kind is ev.MappingStartEvent else LIST, len(stack))
            elif kind is ev.MappingEndEvent or kind is ev.SequenceEndEvent:
                self._close(stack, event)
                continue
            elif kind is ev.AliasEvent:
                self.note("DYO-Y003", f"alias `*{event.anchor}` points to another value", self.place(event.start_mark))
                node = self._blank(event)
            else:
                documents += kind is ev.DocumentStartEvent
                if documents > 1:
                    self.note("DYO-Y006", "a second document starts here", self.place(event.start_mark))
                    raise _Stop
                continue
            if not stack:
                root = node
            is_key = self._attach(stack[-1], node) if stack else False
            if node.kind != SCALAR:
                stack.append(_Frame(node, is_key=is_key))
        return root

    def _blank(self, event: _Event) -> Node:
        return Node(SCALAR, *self.place(event.start_mark), *self.place(event.end_mark))

    def _extras(self, event: _Event) -> None:
        if event.anchor:
            self.note("DYO-Y003", f"anchor `&{event.anchor}` is set here", self.place(event.start_mark))
        if event.tag:
            self.note("DYO-Y007", f"tag `{event.tag[:60]}` is set here", self.place(event.start_mark))
        self.values += 1
        if self.values > self.limits.values:
            self.note("DYO-Y005", f"the file has more than {self.limits.values} values", self.place(event.start_mark))
            raise _Stop

    def _scalar(self, event: _Event) -> Node:
        self._extras(event)
        start, end = event.start_mark, event.end_mark
        lines = self.starts is None
        node = Node(SCALAR, start.line + 1, start.column + 1, end.line + 1, end.column + 1) if lines else self._blank(event)
        value = event.value
        node.text = value
        if event.style in {"'", '"', "|", ">"}:
            node.quoted = True
            node.value = value
            if event.style == '"' and not value.isprintable() and (bad := _CONTROL.search(value)):
                self.note("DYO-Y010", f"control character U+{ord(bad[0]):04X} in a text", (node.line, node.column), severity="error")
            return node
        try:
            node.value = read_plain(value)
        except NotFinite as error:
            self.note("DYO-Y008", str(error), (node.line, node.column), (node.end_line, node.end_column))
        return node

    def _container(self, event: _Event, kind: int, depth: int) -> Node:
        self._extras(event)
        if depth >= self.limits.depth:
            self.note("DYO-Y004", f"nesting is deeper than {self.limits.depth}", self.place(event.start_mark))
            raise _Stop
        line, column = self.place(event.start_mark)
        return Node(kind, line, column, line, column)

    def _close(self, stack: list[_Frame], event: _Event) -> None:
        frame = stack.pop()
        frame.node.end_line, frame.node.end_column = self.place(event.end_mark)
        if frame.is_key:  # the key was refused; its value is read and dropped
            stack[-1].key = Node(SCALAR, frame.node.line, frame.node.column, frame.node.line, frame.node.column)

    def _attach(self, frame: _Frame, node: Node) -> bool:
        """Put `node` where it belongs; return true if it is a list or map that stands where a key should."""
        parent = frame.node
        if parent.kind == LIST:
            parent.items.append(node)
            return False
        if frame.key is None:
            return self._key(frame, node)
        key = frame.key
        frame.key = None
        if key.value is not None:
            if self.sly:
                self._sly(key, node)
            name = key.text
            if name in parent.fields:
                first = parent.keys[name]
                self.note(
                    "DYO-Y002",
                    f"key `{name[:60]}` is given twice, first on line {first.line}, again on line {key.line}",
                    (key.line, key.column),
                    (key.end_line, key.end_column),
                )
            else:
                parent.fields[name] = node
                parent.keys[name] = key
        return False

    def _key(self, frame: _Frame, node: Node) -> bool:
        if node.kind != SCALAR:
            self.note("DYO-Y009", "a list or map stands where a key should", (node.line, node.column))
            return True
        if node.text == "<<" and not node.quoted:
            self.note("DYO-Y009", "merge key `<<`", (node.line, node.column))
        node.value = node.text
        frame.key = node
        return False

    def _sly(self, key: Node, node: Node) -> None:
        if found := _SLY.search(key.text):
            self.note("DYO-Y010", f"invisible character U+{ord(found[0]):04X} in the key", (key.line, key.column), severity="error")
        if node.kind == SCALAR and isinstance(node.value, str) and (found := _SLY.search(node.value)):
            self.note(
                "DYO-Y010",
                f"invisible character U+{ord(found[0]):04X} in `{key.text[:40]}`",
                (node.line, node.column),
                severity="error" if key.text in _IDS else "warning",
            )


def _control(text: str, file: str, index: int) -> Finding:
    before = _LINE_END.split(text[:index])
    name = "a lone surrogate" if 0xD800 <= ord(text[index]) <= 0xDFFF else f"control character U+{ord(text[index]):04X}"
    return finding("DYO-Y010", f"{name} in the file", where=Span(file, len(before), len(before[-1]) + 1), severity="error")


def read_yaml(text: str, file: str, limits: Limits = PAGE) -> tuple[Node | None, tuple[Finding, ...]]:
    """Read one YAML document.

    Returns
    -------
    Node or None, tuple of Finding
        The tree (None if the file is empty or could not be read to its end) and every finding, in order of place.
    """
    if len(text) > limits.characters:
        message = f"the file has {len(text)} characters, the limit is {limits.characters}"
        return None, (finding("DYO-Y005", message, where=Span(file, 1, 1)),)
    text = text.removeprefix("\ufeff")
    if bad := _CONTROL.search(text):
        return None, (_control(text, file, bad.start()),)
    reader = _Reader(text, file, limits)
    pause = gc.isenabled() and len(text) > _GC_FROM
    if pause:
        gc.disable()
    root: Node | None = None
    try:
        root = reader.run()
        reader.comments()
    except _Stop:
        pass
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = (getattr(error, "problem", None) or str(error)).split("\n")[0]
        rule = "DYO-Y004" if "nesting depth" in problem else "DYO-Y001"
        reader.findings.append(finding(rule, problem, where=Span(file, *(reader.place(mark) if mark else (1, 1)))))
    finally:
        if pause:
            gc.enable()
    return root, tuple(reader.findings)
