"""The language's own rules (DYO-*): id, severity, title and remediation, and how a finding is made from one.

Readers of files, the binder and `kernel.lint` all speak through this table, so that one rule has one text. What a rule means,
why it matters and an example stand in `docs/reference/rules.md`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from dyocense_cli.codes import CODES
from dyocense_cli.errors import Finding, Where

__all__ = ["DOCS", "RULES", "Rule", "coded", "finding", "near", "pointer"]

DOCS: Final = "docs/reference/rules.md"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: `severity` is ``error``, ``warning`` or ``info``; `needs_context` if it looks at bound tables."""

    id: str
    severity: str
    title: str
    remediation: str
    needs_context: bool = False

    @property
    def stage(self) -> str:
        """Return the stage letter: Y, S, X, F, O or G."""
        return self.id[4]


_SEVERITY: Final = {"E": "error", "W": "warning", "I": "info"}

#: id | severity (* = needs the context) | title | remediation
_TABLE: Final = """
Y001|E|not YAML|Fix the syntax at this line; use spaces, not tabs.
Y002|E|key given twice|Keep one of the two; the later one would win silently.
Y003|E|anchor or alias|Write the value out.
Y004|E|nested too deep|Split the file, or move bulk data into the context.
Y005|E|too large|Split the file, or move bulk data into the context's tables.
Y006|E|second document|One document a file; pass several files.
Y007|E|explicit tag|Remove the tag.
Y008|E|number that is not finite or over 64 bits|Give a finite number; quote long ids.
Y009|E|merge key, or a list or map as key|Use plain text keys.
Y010|W|control or bidirectional character|Retype the text; it may have been pasted.
S001|E|unknown kind or version of file|Use `dsl: goal/v1`, `dsl: context/v1` or `dsl: model/v1`.
S002|E|unknown field|{fix}
S003|E|wrong type|Give {want}; this is {have}.
S004|E|required field missing|Add `{field}`: {example}.
S005|E|not one of the allowed values|Use one of {values}.
S006|E|negative price, quantity, capacity, lead time or budget|Give zero or more; a credit is a separate field.
S007|E|service level outside (0, 1]|Write 0.95 or 95 %, not 95.
S008|W|service level is exactly 1|Demand has no upper limit; 0.99 is usually meant.
S009|E|same id twice|Merge the two entries.
S010|E|currency is not ISO 4217|Use a three-letter code, such as EUR.
S011|W|number written as text|Remove the quotes.
S012|E|date or horizon not valid|Use YYYY-MM-DD, and at least one period.
X001|E*|unknown SKU|Fix the SKU (nearest: {near}) or add it to the catalogue.
X002|E*|unknown supplier|Fix the id (nearest: {near}) or add the supplier.
X003|E*|unit unknown or not convertible|Use the catalogue's unit or add a conversion from {a} to {b}.
X004|E*|two currencies, no rate|Add the rate from {a} to {b} with its date to the context.
X005|E*|no allowed supplier offers the item|Add an offer, or drop the item.
X006|E|period misalignment|Start on {date}; give lead times in {period}.
X007|W*|history shorter than two seasons|Add history, or choose a non-seasonal method.
X008|E*|context missing, or its hash differs from the pinned one|Restore the pinned context, or pin the new one.
X009|W*|context is old|Refresh prices and stock: the newest date is {date}.
X010|W|supplier or item is used by nothing|Remove it, or connect it.
X011|W|constraint matches nothing|Its selector finds no item, supplier or period: fix it.
X012|E|constraint names an unknown variable or KPI|Use one of {names}.
X013|E*|price breaks overlap or have gaps|Make the ranges touch, prices in order.
F001|E*|MOQ over capacity|Lower the MOQ to {cap}, or raise capacity.
F002|W*|MOQ over the whole horizon's demand|The item will be over-bought by {n}; find another offer.
F003|E*|budget below the cheapest possible spend|Needs at least {min}: raise the budget, lower the service level, or drop items.
F004|E*|total capacity below demand x service level|Short by {n} in {period}: add a supplier or accept less.
F005|E*|lead time longer than the time to first need|Nothing ordered now arrives before {date}: raise stock or move the start.
F006|E|lower bound over upper bound|Swap or widen {lo}..{hi}.
F007|E|shares leave no room|Shares must leave room: they sum to {sum}.
F008|E*|service level unreachable|Best possible in {p} is {best}: lower the target or add capacity.
F009|E*|no multiple of the lot size lies in MOQ..capacity|Change lot size or MOQ.
F010|W*|storage below opening stock plus one lot|Raise storage or lower the lot.
F011|W*|shelf life shorter than lead time and review period|Order more often, or exclude the item.
F012|W*|coefficients span over 1e9|Change units (thousands) to keep the solver exact.
F013|I*|budget can never bind|Remove it or lower it.
O001|E|weight negative, or unlike units added without a price|Give the weight a unit, such as 0.08 EUR/kg.
O002|E|no objective|Add `objective:` with at least one term.
O003|W|several terms, no weights|Give weights, or a priority list.
O004|W|scenarios without a seed|Set `forecast.seed`: without it no run can be repeated.
O005|E*|more scenarios than the tier's cap|Lower the count to {max}, or turn on reduction.
O006|W|too few scenarios, or reduced count over count|Raise the count; the spread is not measurable.
O007|W|time limit or gap out of range|Set a limit of at least 1 s, a gap of 0 to 0.5.
O008|E|a hard constraint is listed as relaxable|Mark it soft, or take it off the list.
O009|W*|horizon longer than the history supports|Shorten to {n} periods or accept wide bands.
G001|W|no owner|Set `owner:`: evidence names one.
G002|W|value looks like a credential|Goals are stored; use the environment.
G003|E|ignore without a reason, of an error, or of an unknown rule|Use `# dyocense: ignore DYO-X010 -- why`.
G004|W|waiver expires within 14 days, or has expired|Renew it or fix the goal.
G005|W|ignore or waiver that matched nothing|Remove it.
"""


def _rules() -> dict[str, Rule]:
    found: dict[str, Rule] = {}
    for line in _TABLE.strip().splitlines():
        short, severity, title, remediation = line.split("|")
        found["DYO-" + short] = Rule("DYO-" + short, _SEVERITY[severity[0]], title, remediation, severity.endswith("*"))
    return found


#: Every DYO rule by its id, in stage order.
RULES: Final[dict[str, Rule]] = _rules()

_SLOT: Final = re.compile(r"\{(\w+)\}")


def finding(
    rule: str,
    message: str,
    *,
    where: Where = None,
    pointer: str = "",
    exact: bool = True,
    severity: str | None = None,
    args: Mapping[str, object] | None = None,
    **more: str,
) -> Finding:
    """Return a finding of a DYO rule; `args` and `more` fill the slots of its remediation.

    Raises
    ------
    KeyError
        For a rule that the table does not list.
    """
    known = RULES[rule]
    texts = {name: str(value) for name, value in {**(args or {}), **more}.items()}
    remedy = _SLOT.sub(lambda m: texts.get(m[1], "…"), known.remediation)
    return Finding(
        id=rule,
        severity=severity or known.severity,
        message=message,
        title=known.title,
        args=tuple(sorted(texts.items())),
        where=where,
        exact=exact,
        pointer=pointer,
        remediation=remedy,
        docs=f"{DOCS}#{rule.lower()}",
    )


def coded(code: str, message: str, *, where: Where = None, pointer: str = "", remediation: str = "", severity: str = "error") -> Finding:
    """Return a finding of an error code (``DYnnnn``), for what no DYO rule covers.

    Raises
    ------
    KeyError
        For a code that `codes.CODES` does not list.
    """
    return Finding(
        id=code,
        severity=severity,
        message=message,
        title=CODES[code],
        where=where,
        pointer=pointer,
        remediation=remediation,
        docs=f"docs/reference/errors.md#{code.lower()}",
    )


def near(word: str, options: Iterable[str]) -> str | None:
    """Return the option nearest to `word`, None if nothing is near; case is ignored, ties go to the first in order."""
    if len(word) > 80:
        return None
    import difflib  # only on the way to an error

    by_fold = {option.casefold(): option for option in sorted(options, reverse=True)}
    found = difflib.get_close_matches(word.casefold(), sorted(by_fold), n=1, cutoff=0.6)
    return by_fold[found[0]] if found else None


def pointer(path: Iterable[str | int]) -> str:
    """Return the JSON pointer (RFC 6901) of a path."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
