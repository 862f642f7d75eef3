"""G rules: owners, secrets; ignores and waivers are judged in `ignores` and `waivers`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from dyocense_cli.errors import Finding, Span
from dyocense_cli.kernel.lint.case import Case, check

__all__ = ["SECRET"]

#: Text that looks like a credential: known prefixes of tokens, private keys, passwords in URLs or after their names.
SECRET: Final = re.compile(
    r"AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30,}|glpat-[\w-]{20,}|xox[abpr]-[\w-]{10,}|sk-[A-Za-z0-9_-]{20,}"
    r"|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]+|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|[a-z][a-z0-9+.-]*://[^\s/:@]+:[^\s/@]{3,}@"
    r"|(?i:\b(?:password|passwd|secret|api[_-]?key|token|bearer)\b\s*[:= ]\s*['\"]?(?=[^\s'\"]*\d)[\w+/.=~-]{8,})"
)


@check("DYO-G001")
def no_owner(case: Case) -> Iterator[Finding]:
    """Find goals that nobody answers for."""
    if not case.goal.owner.strip():
        yield case.found("DYO-G001", "/owner", "the goal has no owner")


@check("DYO-G002")
def credential(case: Case) -> Iterator[Finding]:
    """Find text that looks like a credential, in values and in comments."""
    for number, line in enumerate(case.text.removeprefix("\ufeff").splitlines(), 1):
        found = SECRET.search(line)
        if found:
            span = Span(case.file, number, found.start() + 1, number, found.end() + 1)
            yield _at(case, span, f"this looks like a credential: {found[0][:4]}…")


def _at(case: Case, span: Span, message: str) -> Finding:
    from dataclasses import replace

    return replace(case.found("DYO-G002", "", message), where=span, exact=True)
