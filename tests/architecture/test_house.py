"""The rules of the house that import contracts cannot see."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from dyocense_cli.adapters import registry
from dyocense_cli.codes import CODES
from dyocense_cli.defaults import DEFAULTS
from dyocense_cli.runner.nouns import NOUNS, noun
from dyocense_cli.runner.pipeline import PLAN

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "dyocense_cli"
FILES = sorted(p for p in PACKAGE.rglob("*.py"))
CORE = [p for p in FILES if p.relative_to(PACKAGE).parts[0] in {"artifacts", "optimodel", "ports", "kernel"}]


def names_called(path: Path) -> set[str]:
    """Return dotted names of all calls in a file."""
    return {ast.unparse(n.func) for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Call)}


def test_no_file_is_longer_than_500_lines_and_most_are_below_400() -> None:
    lengths = {p.relative_to(ROOT).as_posix(): len(p.read_text("utf-8").splitlines()) for p in FILES}
    assert [f for f, n in lengths.items() if n > 500] == []
    assert sum(n > 400 for n in lengths.values()) <= 0.05 * len(lengths)


def test_the_core_opens_no_file_and_reads_no_clock() -> None:
    forbidden = {"open", "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "print", "input", "eval", "exec"}
    found = {p.relative_to(ROOT).as_posix(): sorted(names_called(p) & forbidden) for p in CORE}
    assert {f: n for f, n in found.items() if n} == {}


def test_nothing_unpickles() -> None:
    pattern = re.compile(r"\b(pickle|cPickle|dill|joblib|cloudpickle|marshal|shelve)\b\s*(\.load|\.loads|import)|allow_pickle=True|import pickle")
    assert [p.name for p in FILES if pattern.search(p.read_text("utf-8"))] == []


def test_every_error_code_that_is_raised_is_listed() -> None:
    used = {c for p in FILES if p.name != "codes.py" for c in re.findall(r'"(DY[0-9]{4})"', p.read_text("utf-8"))}
    assert sorted(used - set(CODES)) == []


def test_every_listed_error_code_is_used_and_documented() -> None:
    text = "".join(p.read_text("utf-8") for p in FILES if p.name != "codes.py")
    assert [c for c in CODES if c not in text] == []
    page = (ROOT / "docs" / "reference" / "errors.md").read_text("utf-8")
    assert [c for c in CODES if c not in page] == []


def test_every_default_has_a_reason_and_a_source() -> None:
    assert [n for n, d in DEFAULTS.items() if not d.reason or not d.source] == []


def test_every_artifact_of_the_pipeline_has_a_kind_and_a_schema_version() -> None:
    for stage in PLAN:
        assert stage.gives in NOUNS
    for name in NOUNS:
        cls = noun(name)
        assert isinstance(getattr(cls, "schema_version", None), int), name
        assert getattr(cls, "kind", None), name


def test_each_stage_uses_only_what_came_before() -> None:
    seen = {"text", "context_spec", "model_spec", "tables", "principal", "solver_options"}
    for stage in PLAN:
        assert set(stage.needs) <= seen, stage.name
        seen.add(stage.gives)


@pytest.mark.parametrize("entry", registry.ENTRIES, ids=lambda e: f"{e.port}.{e.name}")
def test_every_registered_adapter_is_there_and_declares_its_features(entry: registry.Entry) -> None:
    adapter = registry.load(entry.port, entry.name)
    assert isinstance(adapter.features, frozenset)


def test_every_extra_that_an_adapter_names_exists() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert {e.extra for e in registry.ENTRIES if e.extra} <= set(extras)


def test_the_project_speaks_of_itself_only() -> None:
    words = re.compile(r"pypi\.org|files\.pythonhosted|proxy\.golang|repo1?\.maven|registry\.npmjs|deb\.debian|/work/|/root/", re.I)
    suffixes = {".py", ".md", ".yaml", ".toml", ".txt", ".sh", ".rego", ".html"}
    skipped = {".venv", ".git", "runs", ".dyocense", "node_modules", "site"}
    paths = [p for p in ROOT.rglob("*") if p.suffix in suffixes and p.is_file() and not skipped & set(p.relative_to(ROOT).parts)]
    found = {p.relative_to(ROOT).as_posix(): m.group() for p in paths if p != Path(__file__) and (m := words.search(p.read_text("utf-8", errors="replace")))}
    assert found == {}
