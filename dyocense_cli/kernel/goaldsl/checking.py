"""What checking a file shares: the findings so far, and what a type of place can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol, TypeAlias

from dyocense_cli.artifacts.rules import finding, pointer
from dyocense_cli.errors import Finding
from dyocense_cli.kernel.goaldsl.nodes import Node, Path

__all__ = ["INVALID", "Invalid", "Reading", "Schema", "Type", "name_of"]

Schema: TypeAlias = "dict[str, Any]"  # a JSON Schema document


class Invalid:
    """What reading a wrong value gives; its finding is noted."""

    def __repr__(self) -> str:
        return "INVALID"


INVALID: Final = Invalid()


class Reading:
    """The findings of one file while its tree is checked."""

    def __init__(self, file: str, given: Mapping[str, str] | None = None) -> None:
        self.file = file
        self.given = given or {}
        self.findings: list[Finding] = []

    def bad(
        self, rule: str, path: Path, node: Node, message: str, *, exact: bool = True, severity: str | None = None, **args: object
    ) -> Invalid:
        """Note a finding at `node` and return INVALID."""
        at = pointer(path)
        span = node.span(self.file)
        for prefix, label in self.given.items():
            if at == prefix or at.startswith(prefix + "/"):
                span = type(span)(label, 0, 0)
        self.findings.append(finding(rule, message, where=span, pointer=at, exact=exact, severity=severity, args=args))
        return INVALID

    def wrong(self, path: Path, node: Node, want: str, at: Node | None = None) -> Invalid:
        """Note that `node` is not what its place wants."""
        name = name_of(path)
        return self.bad("DYO-S003", path, at or node, f"`{name}` is {node.says()}, not {want}", want=want, have=node.says())


def name_of(path: Path) -> str:
    """Return how messages name a path: by its last step."""
    return str(path[-1]) if path else "the file"


class Type(Protocol):
    """What a place may hold."""

    @property
    def want(self) -> str:
        """Say in words what belongs here: ``a text``, ``one of a, b``."""
        ...

    def accepts(self, node: Node) -> bool:
        """Say whether the node's form fits, before its value is judged."""
        ...

    def read(self, node: Node, path: Path, reading: Reading) -> Any:
        """Return the value, or INVALID after noting why."""
        ...

    def describe(self) -> Schema:
        """Return the JSON Schema of this place."""
        ...
