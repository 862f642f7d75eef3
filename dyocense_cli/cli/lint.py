"""`dyocense lint PATH…`: everything that is wrong with goals, contexts and models, at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from dyocense_cli.cli import exits
from dyocense_cli.cli.options import AllowPath, Json, Sets, overrides, print_json, settings_of
from dyocense_cli.cli.render import error_text, finding_text, stderr
from dyocense_cli.errors import Finding, Ref, Span, UsageError

if TYPE_CHECKING:
    from dyocense_cli.runner.lint import FileReport, Linter

__all__ = ["lint"]

_FORMATS: Final = ("text", "json", "sarif", "junit", "github")
_KEEP_ENGINE_FROM: Final = 8  # files from which starting one policy server is cheaper than one process each


def lint(
    paths: Annotated[list[str], typer.Argument(help="Goal, context and model files, or folders of them.", show_default=False)],
    sets: Sets = None,
    form: Annotated[str, typer.Option("--format", help="text, json, sarif, junit or github.")] = "text",
    output: Annotated[str | None, typer.Option("--output", "-o", help="Write to this file.", show_default=False)] = None,
    as_json: Json = False,
    fix: Annotated[bool, typer.Option("--fix", help="Make the safe fixes: quotes around numbers, unused ignores.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    baseline: Annotated[
        str | None, typer.Option("--baseline", help="Findings in this file do not count; it is written if absent.", show_default=False)
    ] = None,
    policy: Annotated[bool, typer.Option("--policy-check/--no-policy-check", help="Ask policy too.")] = True,
    opa: Annotated[str | None, typer.Option("--opa", help="Path of the opa program.", show_default=False)] = None,
    policies: Annotated[str | None, typer.Option("--policy", help="Folder of policy packages.", show_default=False)] = None,
    allow_path: AllowPath = None,
) -> int:
    """Check files by the rules of the language and by policy; all findings at once, each with its place and remedy.

    Exit codes: 0 clean or warnings only, 3 errors, 4 denied by policy, 7 no policy verdict.
    """
    form = "json" if as_json else form
    if form not in _FORMATS:
        raise UsageError("DY1004", f"--format takes no `{form}`", hints="use one of " + ", ".join(_FORMATS))
    from dyocense_cli.cli.linting import make_linter

    settings = settings_of(opa=opa, policies=policies)
    names = [_name(path, settings.root) for path in _files(paths)]
    linter = make_linter(
        settings, allow=tuple(allow_path or ()), policy=policy, many=len(names) > _KEEP_ENGINE_FROM, overrides=overrides(sets)
    )
    reports = _lint_all(linter, names)
    if fix:
        reports = _fixed(reports, linter, settings.root)
    if baseline is not None:
        reports = _less_baseline(reports, Path(baseline))
    code = _exit_code(reports, strict=strict)
    if output is None:
        _render(reports, form, code=code, strict=strict, root=settings.root)
        return code
    with Path(output).open("w", encoding="utf-8") as file, redirect_stdout(file):
        _render(reports, form, code=code, strict=strict, root=settings.root)
    return code


def _lint_all(linter: Linter, names: list[str]) -> list[FileReport]:
    reports = [linter.file(name) for name in names]
    closing = linter.closing(reports)
    return reports if closing is None else [*reports, closing]


def _files(paths: Iterable[str]) -> list[Path]:
    """Return the files that paths name; of folders, every YAML file with a `dsl:` line, sorted."""
    from dyocense_cli.kernel.goaldsl.parse import kind_of

    out: dict[Path, None] = {}
    for path in map(Path, paths):
        if path.is_dir():
            for folder, folders, names in os.walk(path):
                folders[:] = sorted(f for f in folders if not f.startswith("."))
                for name in sorted(n for n in names if n.endswith((".yaml", ".yml"))):
                    found = Path(folder) / name
                    if found.is_file() and kind_of(found.read_bytes()[: 1 << 16].decode("utf-8", "replace")):
                        out[found] = None
        else:
            out[path] = None
    if not out:
        raise UsageError("DY1004", "no file to lint was found", hints="name a goal, or a folder with files that start with `dsl:`")
    return list(out)


def _name(path: Path, root: str) -> str:
    full = path if path.is_absolute() else Path.cwd() / path
    try:
        return full.relative_to(root).as_posix()
    except ValueError:
        return str(full)


def _fixed(reports: list[FileReport], linter: Linter, root: str) -> list[FileReport]:
    from dyocense_cli.kernel.lint.fix import fix

    count = 0
    for report in reports:
        path = Path(root) / report.file
        own = [f for f in report.findings if isinstance(f.where, Span) and f.where.file == report.file]
        if not own or not path.is_file():
            continue
        text, done = fix(path.read_bytes().decode("utf-8", "surrogateescape"), own)
        if done:
            path.write_bytes(text.encode("utf-8", "surrogateescape"))
            count += len(done)
    stderr(f"fixed {count} finding{'s' if count != 1 else ''}")
    fresh = linter.fresh()
    return _lint_all(fresh, [report.file for report in reports if report.kind != "policy"]) if count else reports


def _less_baseline(reports: list[FileReport], path: Path) -> list[FileReport]:
    """Mark findings that the baseline lists; write it if it is not there."""
    import json
    from dataclasses import replace

    def mark(item: Finding) -> str:
        file = item.where.file if isinstance(item.where, Span) else item.where.table if isinstance(item.where, Ref) else ""
        return f"{item.id} {file} {item.pointer} {item.message}"

    if not path.exists():
        known = sorted({mark(f) for r in reports for f in r.findings if not f.waived})
        path.write_text(json.dumps({"findings": known}, indent=1, ensure_ascii=False) + "\n", "utf-8")
        stderr(f"wrote {len(known)} findings to {path}")
    try:
        listed = frozenset(json.loads(path.read_text("utf-8"))["findings"])
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError("DY1004", f"`{path}` is no baseline: {error}", hints="remove it to have it written again") from None
    return [
        replace(r, findings=tuple(replace(f, waived="in the baseline") if not f.waived and mark(f) in listed else f for f in r.findings))
        for r in reports
    ]


def _exit_code(reports: list[FileReport], *, strict: bool) -> int:
    """Return the exit code, decided before anything is shown."""
    standing = [f for r in reports for f in r.findings if not f.waived]
    counting = ("error", "warning") if strict else ("error",)
    if any(f.severity in counting and f.source != "policy" for f in standing):
        return exits.BAD_INPUT
    if any(r.unavailable is not None for r in reports):
        return exits.UNREACHABLE
    denied = any(r.admission is not None and not r.admission.allow for r in reports)
    return exits.DENIED if denied or any(f.severity in counting for f in standing) else exits.DONE


def _render(reports: list[FileReport], form: str, *, code: int, strict: bool, root: str) -> None:
    from dyocense_cli.kernel.lint import formats
    from dyocense_cli.wiring import package_version

    findings = [f for r in reports for f in r.findings]
    for report in reports:
        if report.unavailable is not None:
            stderr(error_text(report.unavailable))
            break
    if form == "json":
        print_json(_document(reports, findings, code))
    elif form == "sarif":
        print_json(formats.sarif(findings, version=package_version()))
    elif form == "junit":
        sys.stdout.write(formats.junit({r.file: r.findings for r in reports}, strict=strict))
    elif form == "github":
        sys.stdout.write("".join(line + "\n" for line in [formats.github(findings)] if line))
    else:
        _text(reports, findings, root)


def _document(reports: list[FileReport], findings: list[Finding], code: int) -> dict[str, Any]:
    from dyocense_cli.kernel.lint.formats import counts, finding_json

    asked = next((r.admission for r in reports if r.admission is not None), None)
    return {
        "findings": [finding_json(f) for f in findings],
        "files": [r.file for r in reports],
        "counts": counts(findings),
        "allow": None if asked is None else all(r.admission.allow for r in reports if r.admission is not None),
        "engine": "" if asked is None else asked.engine,
        "engine_version": "" if asked is None else asked.engine_version,
        "policy_snapshot": "" if asked is None else asked.policy_snapshot,
        "exit_code": code,
    }


def _text(reports: list[FileReport], findings: list[Finding], root: str) -> None:
    from dyocense_cli.kernel.lint.formats import counts

    for item in findings:
        sys.stdout.write(finding_text(_from_here(item, root)) + "\n\n")
    said = counts(findings)
    parts = [f"{n} {word}{'s' if n != 1 and word != 'waived' else ''}" for word, n in said.items() if n]
    files = f"{len(reports)} file{'s' if len(reports) != 1 else ''}"
    sys.stdout.write(f"{files}: {', '.join(parts) if parts else 'nothing found'}\n")


def _from_here(item: Finding, root: str) -> Finding:
    """Return a finding whose file is named from the current folder, so that its line can be shown and opened."""
    from dataclasses import replace

    if not isinstance(item.where, Span) or item.where.file.startswith("--set"):
        return item
    full = Path(root) / item.where.file
    if not full.exists():
        return item
    return replace(item, where=replace(item.where, file=os.path.relpath(full)))
