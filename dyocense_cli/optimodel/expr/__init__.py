"""The expressions of the model language: parse, print, walk."""

from dyocense_cli.optimodel.expr.lexer import ExpressionError
from dyocense_cli.optimodel.expr.parser import parse
from dyocense_cli.optimodel.expr.printer import show

__all__ = ["ExpressionError", "parse", "show"]
