"""Text of the model language -> tokens with offsets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from dyocense_cli.errors import InputError

__all__ = ["MAX_LENGTH", "ExpressionError", "Token", "tokens"]

#: Longest expression that is read, in characters; longer text is an error, never a slow parse.
MAX_LENGTH: Final = 20_000

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<num>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)"
    r"|(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<op>\*\*|==|!=|<=|>=|[-+*/<>=(),\[\]^]))"
)
_SPACE: Final = re.compile(r"\s*")


class ExpressionError(InputError):
    """Text that is no expression; `offset` counts characters from its start, `length` those that are wrong."""

    def __init__(self, code: str, message: str, *, offset: int, length: int = 1, hints: tuple[str, ...] | str = ()) -> None:
        super().__init__(code, message, hints=hints)
        self.offset = offset
        self.length = length


@dataclass(frozen=True, slots=True)
class Token:
    """A token: `kind` is ``num name text op end``; `text` as written."""

    kind: str
    text: str
    offset: int


def tokens(text: str) -> list[Token]:
    """Return the tokens of `text`, ended by one of kind ``end``.

    Raises
    ------
    ExpressionError
        DY2201 for a character that starts no token or text that is too long.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            "DY2201",
            f"an expression of {len(text)} characters, at most {MAX_LENGTH} are read",
            offset=0,
            hints="name its parts under `expressions:`",
        )
    found: list[Token] = []
    position = 0
    while (match := _TOKEN.match(text, position)) is not None:
        kind = match.lastgroup or "op"
        found.append(Token(kind, match.group(kind), match.start(kind)))
        position = match.end()
    space = _SPACE.match(text, position)
    assert space is not None
    if space.end() < len(text):
        bad = text[space.end()]
        hint = "close the quote" if bad in "'\"" else "an expression has names, numbers, quoted labels and + - * / == <= >= < > ( )"
        raise ExpressionError("DY2201", f"`{bad}` starts nothing that the model language knows", offset=space.end(), hints=hint)
    found.append(Token("end", "", len(text)))
    return found
