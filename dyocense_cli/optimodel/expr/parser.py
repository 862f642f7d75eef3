"""Tokens -> syntax tree, by recursive descent.

```
cond := and ('or' and)*        and := not ('and' not)*      not := 'not' not | rel
rel  := add (relop add)?       add := mul (('+'|'-') mul)*  mul := unary (('*'|'/') unary)*
unary := '-' unary | atom      atom := number | 'label' | name | call | '(' cond ')'
call := sum(cond [where cond] [, over=dims]) | shift(add, along=dim, offset=add [, edge=add])
      | mean(add) | worst(add) | quantile(add, q) | p95(add) | cvar(add, q) | min|max|ceil|floor|sqrt(add, ...)
```
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from dyocense_cli.optimodel.expr.lexer import ExpressionError, Token, tokens
from dyocense_cli.optimodel.expr.nodes import Binary, Call, Compare, Logic, Name, Neg, Node, Not, Num, Reduce, Shift, Sum, Text, depth

__all__ = ["FUNCTIONS", "KEYWORDS", "MAX_DEPTH", "MAX_TREE", "parse"]

#: Deepest nesting that is read.
MAX_DEPTH: Final = 60
#: Deepest tree that is kept; a chain of operators is as deep as it is long.
MAX_TREE: Final = 150
KEYWORDS: Final = frozenset({"and", "or", "not", "where"})
_RELATIONS: Final = frozenset({"==", "!=", "<=", ">=", "<", ">"})
_CALLS: Final = {"min": (2, 9), "max": (2, 9), "ceil": (1, 1), "floor": (1, 1), "sqrt": (1, 1)}
_PERCENTILE: Final = re.compile(r"p(\d{1,2}(?:\.\d+)?)")
_FORMS: Final = "write `a + b`, `a * b`, `a <= b`, `sum(e, over=dim)` or `shift(e, along=dim, offset=1)`"
FUNCTIONS: Final = ("sum", "shift", "mean", "worst", "quantile", "p95", "cvar", *_CALLS)


@lru_cache(maxsize=4096)
def parse(text: str) -> Node:
    """Return the tree of `text`.

    Raises
    ------
    ExpressionError
        DY2201 for a character or token that does not fit, DY2202 for a construct the language refuses, with its rewrite.
    """
    return _Parser(tokens(text)).whole()


class _Parser:
    """State of one parse: tokens and the position in them."""

    def __init__(self, found: list[Token]) -> None:
        self.tokens = found
        self.at = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def fail(self, message: str, *, code: str = "DY2201", token: Token | None = None, hints: str = "") -> ExpressionError:
        where = token or self.token
        return ExpressionError(code, message, offset=where.offset, length=max(1, len(where.text)), hints=hints or _FORMS)

    def take(self, *texts: str) -> bool:
        if self.token.kind in ("op", "name") and self.token.text in texts:
            self.at += 1
            return True
        return False

    def expect(self, text: str) -> None:
        if not self.take(text):
            raise self.leftover(f"expected `{text}`, found {_shown(self.token)}")

    def whole(self) -> Node:
        node = self.condition()
        if self.token.kind != "end":
            raise self.leftover()
        if depth(node) > MAX_TREE:
            raise self.fail(f"a tree of more than {MAX_TREE} levels", token=self.tokens[0], hints="name its parts under `expressions:`")
        return node

    def leftover(self, message: str = "") -> ExpressionError:
        """Say what is wrong with a token that cannot stand here, with the rewrite where people often mean something else by it."""
        if self.token.text in _RELATIONS:
            return self.fail("a rule compares once", code="DY2202", hints="split `a <= b <= c` into two rules")
        if self.token.text in ("=", "where"):
            hint = "write `==` for equality" if self.token.text == "=" else "`where` stands inside `sum(…)` or beside the expression"
            return self.fail(f"`{self.token.text}` does not stand here", code="DY2202", hints=hint)
        if self.token.text in ("**", "^"):
            return self.fail("powers are not linear", code="DY2202", hints="declare a `piecewise:` cost instead")
        return self.fail(message or f"expected an operator or the end, found {_shown(self.token)}")

    def nested(self, rule: Callable[[], Node]) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail(f"nested deeper than {MAX_DEPTH} levels", hints="name the inner part under `expressions:`")
        node = rule()
        self.depth -= 1
        return node

    def condition(self) -> Node:
        return self.nested(self._or)

    def _or(self) -> Node:
        node = self._and()
        while self.take("or"):
            node = Logic("or", node, self._and())
        return node

    def _and(self) -> Node:
        node = self._not()
        while self.take("and"):
            node = Logic("and", node, self._not())
        return node

    def _not(self) -> Node:
        if self.take("not"):
            return Not(self.nested(self._not))
        return self._relation()

    def _relation(self) -> Node:
        left = self.arithmetic()
        if self.token.kind == "op" and self.token.text in _RELATIONS:
            operator = self.token.text
            self.at += 1
            return Compare(operator, left, self.arithmetic())
        return left

    def arithmetic(self) -> Node:
        node = self._product()
        while self.token.text in ("+", "-") and self.token.kind == "op":
            operator = self.token.text
            self.at += 1
            node = Binary(operator, node, self._product())
        return node

    def _product(self) -> Node:
        node = self._unary()
        while self.token.text in ("*", "/") and self.token.kind == "op":
            operator = self.token.text
            self.at += 1
            node = Binary(operator, node, self._unary())
        return node

    def _unary(self) -> Node:
        if self.take("-"):
            return Neg(self.nested(self._unary))
        return self._atom()

    def _atom(self) -> Node:
        token = self.token
        if token.kind == "num":
            self.at += 1
            return self._number(token)
        if token.kind == "text":
            self.at += 1
            return Text(re.sub(r"\\(.)", r"\1", token.text[1:-1]))
        if token.kind == "name" and token.text not in KEYWORDS:
            self.at += 1
            return self._call(token) if self.take("(") else Name(token.text)
        if self.take("("):
            node = self.condition()
            self.expect(")")
            return node
        raise self.fail(f"expected a value, found {_shown(token)}")

    def _number(self, token: Token) -> Node:
        value = float(token.text)
        if value in (float("inf"),):
            raise self.fail("a number too large for a double", token=token)
        return Num(value)

    def _call(self, name: Token) -> Node:
        if name.text == "sum":
            return self._sum()
        if name.text == "shift":
            return self._shift(name)
        if name.text in _CALLS:
            return self._function(name)
        if name.text in ("mean", "worst", "quantile", "cvar") or _PERCENTILE.fullmatch(name.text):
            return self._reduce(name)
        near = _near(name.text, FUNCTIONS)
        raise self.fail(
            f"no function is named `{name.text}`",
            token=name,
            hints=f"did you mean `{near}`?" if near else "functions are " + ", ".join(FUNCTIONS),
        )

    def _sum(self) -> Node:
        body = self.condition()
        where = self.condition() if self.take("where") else None
        over: tuple[str, ...] | None = None
        if self.take(","):
            if not self.take("over"):
                raise self.fail(f"expected `over=`, found {_shown(self.token)}", hints="write `sum(e, over=dim)` or `sum(e, over=[a, b])`")
            self.expect("=")
            over = self._dims()
        self.expect(")")
        return Sum(body, over, where)

    def _dims(self) -> tuple[str, ...]:
        if not self.take("["):
            return (self._name("a dimension"),)
        found: list[str] = []
        while not self.take("]"):
            if found:
                self.expect(",")
            found.append(self._name("a dimension"))
        return tuple(found)

    def _name(self, what: str) -> str:
        token = self.token
        if token.kind != "name" or token.text in KEYWORDS:
            raise self.fail(f"expected {what}, found {_shown(token)}")
        self.at += 1
        return token.text

    def _shift(self, name: Token) -> Node:
        body = self.condition()
        along, offset, edge = "", None, None
        while self.take(","):
            key = self._name("`along=`, `offset=` or `edge=`")
            self.expect("=")
            if key == "along":
                along = self._name("a dimension")
            elif key == "offset":
                offset = self.arithmetic()
            elif key == "edge":
                edge = self.arithmetic()
            else:
                raise self.fail(f"`shift` has no `{key}=`", hints="write `shift(e, along=dim, offset=1, edge=0)`")
        self.expect(")")
        if not along or offset is None:
            raise self.fail("`shift` needs `along=` and `offset=`", token=name, hints="write `shift(e, along=dim, offset=1, edge=0)`")
        return Shift(body, along, offset, edge)

    def _reduce(self, name: Token) -> Node:
        body = self.condition()
        percentile = _PERCENTILE.fullmatch(name.text)
        kind = "quantile" if percentile else name.text
        level = float(percentile.group(1)) / 100 if percentile else None
        if not percentile and kind in ("quantile", "cvar"):
            self.expect(",")
            level = self._level()
        self.expect(")")
        return Reduce(kind, body, level)

    def _level(self) -> float:
        token = self.token
        if token.kind != "num" or not 0 < float(token.text) < 1:
            raise self.fail(f"expected a level between 0 and 1, found {_shown(token)}", hints="write 0.95 for 95 %")
        self.at += 1
        return float(token.text)

    def _function(self, name: Token) -> Node:
        arguments = [self.arithmetic()]
        while self.take(","):
            arguments.append(self.arithmetic())
        self.expect(")")
        low, high = _CALLS[name.text]
        if not low <= len(arguments) <= high:
            raise self.fail(f"`{name.text}` takes {low if low == high else f'{low} to {high}'} values, found {len(arguments)}", token=name)
        return Call(name.text, tuple(arguments))


def _shown(token: Token) -> str:
    return "the end" if token.kind == "end" else f"`{token.text}`"


def _near(name: str, known: tuple[str, ...]) -> str | None:
    import difflib

    found = difflib.get_close_matches(name, known, 1)
    return found[0] if found else None
