"""What `dyocense policy` does: build, test and explain a folder of policies."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dyocense_cli.adapters.policy.bounded import run_bounded
from dyocense_cli.adapters.policy.build import build_own
from dyocense_cli.adapters.policy.pack import DATA_FILES, Pack, load_pack
from dyocense_cli.errors import InputError, Ref, UnavailableError

__all__ = ["Tested", "build", "rules", "test", "waivers"]


@dataclass(frozen=True, slots=True)
class Tested:
    """Tests that passed, and the share of lines that they cover, 0 to 100, in all and by file."""

    passed: int
    coverage: float
    files: Mapping[str, float]


def build(folder: str, *, opa: str) -> list[str]:
    """Build a folder of policies; return the files written.

    Raises
    ------
    UnavailableError
        DY4204 if there is no OPA.
    """
    return build_own(folder, opa=_opa(opa, "policy build"))


def test(folder: str, *, opa: str) -> Tested:
    """Run the `*_test.rego` of a folder against its rules and the shipped ones, with its data.

    Raises
    ------
    InputError
        DY3007 naming the tests that fail, or if there are none; DY3006 if OPA refuses the files.
    UnavailableError
        DY4204 if there is no OPA.
    """
    binary = _opa(opa, "policy test")
    pack = load_pack(folder)
    tests = {p.relative_to(folder).as_posix(): p.read_text(encoding="utf-8") for p in sorted(Path(folder).rglob("*_test.rego"))}
    if not tests:
        raise InputError("DY3007", "there are no tests of policies", where=Ref(folder), hints="write a *_test.rego beside the rules")
    with tempfile.TemporaryDirectory(prefix="dyocense-policy-") as place:
        _write(Path(place), pack, tests)
        results = _run(binary, ["test", "--format", "json", "."], place)
        failed = [f"{r['package']}.{r['name']}" for r in results if r.get("fail") or r.get("error")]
        if failed:
            raise InputError("DY3007", f"{len(failed)} of {len(results)} tests of policies fail", where=Ref(folder), why="\n".join(failed))
        covered = _run(binary, ["test", "--format", "json", "--coverage", "."], place)
    files = {n: float(f.get("coverage", 0.0)) for n, f in covered["files"].items() if not n.endswith("_test.rego")}
    return Tested(len(results), float(covered["coverage"]), files)


def rules(folder: str) -> Mapping[str, Mapping[str, str]]:
    """Return the rules of a folder and the shipped ones: id -> title, severity, message, remediation, package, effect, file."""
    return dict(sorted(load_pack(folder).rules.items()))


def waivers(folder: str) -> tuple[Sequence[Any], str]:
    """Return the waivers of a folder's policy data and the name of the file; nothing where there is none or it cannot be read.

    What is wrong with the data is told when policy is asked.
    """
    name = next((n for n in DATA_FILES if (Path(folder) / n).is_file()), DATA_FILES[0])
    try:
        return load_pack(folder).org["waivers"], name
    except InputError:
        return (), name


def _opa(named: str, what: str) -> str:
    found = shutil.which(named or "opa")
    if found is None:
        missing = f"there is no OPA at `{named}`" if named else "none is found on PATH"
        raise UnavailableError(
            "DY4204",
            f"`dyocense {what}` needs OPA, and {missing}",
            hints="go install github.com/open-policy-agent/opa@v1.22.2, or name one with `--opa PATH` or DYOCENSE_OPA",
        )
    return found


def _write(place: Path, pack: Pack, tests: Mapping[str, str]) -> None:
    files = {f"base/{p}": t for p, t in pack.base.items()} | {f"own/{p}": t for p, t in {**pack.own, **tests}.items()}
    for name, text in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (place / "data.json").write_text(json.dumps(pack.data), encoding="utf-8")


def _run(binary: str, arguments: list[str], place: str) -> Any:
    ended = run_bounded([binary, *arguments], stdin=b"", cwd=place, timeout_s=120.0)
    try:
        return json.loads(ended.stdout)
    except ValueError as error:
        why = (ended.stderr or ended.stdout).decode("utf-8", "replace").strip()[:2000]
        raise InputError(
            "DY3006", "OPA refuses the policies", where=Ref("policies"), why=why, hints="correct them; line numbers are OPA's"
        ) from error
