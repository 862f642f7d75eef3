"""Free Cypher made safe: read-only, and every node pattern bound to one tenant.

A statement is cut into tokens; only reading clauses pass, and each node pattern of a MATCH gets ``tenant_id: $tenant_id``, so that a
query without a tenant filter cannot be written. Stores enforce read-only a second time on their own.
"""

from __future__ import annotations

import re
from typing import Final

from dyocense_cli.errors import UsageError

__all__ = ["scoped"]

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)|(?P<text>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")|(?P<quoted>`[^`]*`)|(?P<word>[A-Za-z_$][A-Za-z0-9_]*)"""
    r"""|(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<mark>[^\s\w])""",
    re.DOTALL,
)

#: Clauses and words that write, call out, or change what a statement may see.
_FORBIDDEN: Final = frozenset({
    "ALTER", "ATTACH", "BEGIN", "CALL", "CHECKPOINT", "COMMIT", "COPY", "CREATE", "DELETE", "DETACH", "DROP", "EXISTS", "EXPLAIN", "EXPORT",
    "EXTENSION", "FOREACH", "FORCE", "IMPORT", "INSERT", "INSTALL", "LOAD", "MERGE", "PROFILE", "REMOVE", "ROLLBACK", "SET", "TERMINATE",
    "UNINSTALL", "USE", "YIELD",
})  # fmt: skip
#: Words that end the patterns of a MATCH.
_ENDS: Final = frozenset({"WHERE", "RETURN", "WITH", "UNWIND", "OPTIONAL", "MATCH", "ORDER", "SKIP", "LIMIT", "UNION"})
_PARAMETER: Final = "$tenant_id"
_FILTER: Final = "tenant_id: $tenant_id"


def _refuse(why: str) -> UsageError:
    return UsageError(
        "DY4402", f"this statement is refused: {why}", hints="use MATCH … WHERE … RETURN, or a named query (evidence query --list)"
    )


def scoped(statement: str) -> str:
    """Return the statement with every node pattern bound to ``$tenant_id``.

    Raises
    ------
    UsageError
        DY4402 for a statement that writes, calls procedures, hides patterns in expressions, or names the parameter `tenant_id` itself.
    """
    return "".join(_bound(_tokens(statement)))


def _tokens(statement: str) -> list[str]:
    """Return the tokens, each gap as one blank; a statement must have neither comments that never end nor stray characters."""
    tokens: list[str] = []
    at = 0
    while at < len(statement):
        found = _TOKEN.match(statement, at)
        if found is None:
            raise _refuse(f"`{statement[at]}` is not Cypher")
        at = found.end()
        token = " " if found.lastgroup == "space" else found.group()
        if found.lastgroup == "word" and token.upper() in _FORBIDDEN and not (tokens and tokens[-1] in (".", ":")):
            raise _refuse(f"`{token.upper()}` is not reading")
        if token in (";", "'", '"', "`") or token == _PARAMETER:
            raise _refuse("`;`, open quotes and $tenant_id are not allowed")
        if found.lastgroup == "quoted":
            raise _refuse("quoted names are not allowed")
        tokens.append(token)
    return tokens


def _bound(tokens: list[str]) -> list[str]:
    out: list[str] = []
    in_match = False
    at = 0
    while at < len(tokens):
        word = tokens[at].upper()
        if word in _ENDS:
            in_match = word == "MATCH"
        if in_match and word == "(":
            end = _node_end(tokens, at)
            out += _node(tokens[at : end + 1]) if end else ["("]
            at = (end or at) + 1
            continue
        if in_match and word in "[{":
            end = _closing(tokens, at)
            out += tokens[at : end + 1]
            at = end + 1
            continue
        if not in_match:
            _no_pattern(tokens, at)
        out.append(tokens[at])
        at += 1
    return out


def _closing(tokens: list[str], at: int) -> int:
    """Return the index of the bracket that closes the one at `at`."""
    opened, closed = tokens[at], {"(": ")", "[": "]", "{": "}"}[tokens[at]]
    depth = 0
    for i in range(at, len(tokens)):
        depth += (tokens[i] == opened) - (tokens[i] == closed)
        if depth == 0:
            return i
    raise _refuse(f"`{opened}` is not closed")


def _node_end(tokens: list[str], at: int) -> int:
    """Return where the node pattern that opens at `at` closes, or 0 for a bracket that groups patterns (``shortestPath((a)-->(b))``)."""
    end = _closing(tokens, at)
    inner = [t for t in tokens[at + 1 : end] if t != " "]
    return 0 if inner and inner[0] == "(" else end


def _node(pattern: list[str]) -> list[str]:
    if any(t.upper() == "WHERE" for t in pattern):
        raise _refuse("write WHERE after the pattern, not inside a node")
    if "(" in pattern[1:]:
        raise _refuse("a node pattern has no brackets inside")
    if "{" not in pattern:
        return [*pattern[:-1], " {", _FILTER, "})"]
    brace = pattern.index("{")
    rest = pattern[brace + 1 :]
    empty = next((t for t in rest if t != " "), "}") == "}"
    return [*pattern[: brace + 1], _FILTER, "" if empty else ", ", *rest]


def _no_pattern(tokens: list[str], at: int) -> None:
    """Refuse patterns outside MATCH, subqueries and functions of a namespace, through which other tenants could be reached."""
    after = [t for t in tokens[at + 1 : at + 8] if t != " "]
    if tokens[at] == ")" and "".join(after[:2]) in ("-[", "--", "->", "<-"):
        raise _refuse("put patterns into MATCH")
    if tokens[at].upper() in ("COUNT", "COLLECT", "ANY", "ALL", "NONE", "SINGLE") and after[:1] == ["{"]:
        raise _refuse("subqueries are not allowed")
    if tokens[at] == "(":
        before = [t for t in tokens[:at] if t != " "][-2:]
        if len(before) == 2 and before[0] == ".":
            raise _refuse("functions of a namespace are not allowed")
