"""The YAML reader: what it refuses, where, and what scalars mean."""

from __future__ import annotations

import pytest

from dyocense_cli.errors import Span
from dyocense_cli.kernel.goaldsl.nodes import BULK_ITEMS, SpanMap, plain
from dyocense_cli.kernel.goaldsl.reader import Limits, read_yaml


def found(text: str, limits: Limits | None = None) -> list[tuple[str, int, int]]:
    _, findings = read_yaml(text, "f.yaml", limits) if limits else read_yaml(text, "f.yaml")
    assert all(isinstance(f.where, Span) for f in findings)
    return [(f.id, f.where.line, f.where.column) for f in findings if isinstance(f.where, Span)]


@pytest.mark.parametrize(
    ("text", "rule", "line", "column"),
    [
        ("a: [1, 2\nb: 3\n", "DYO-Y001", 2, 2),
        ("a:\n\t- b\n", "DYO-Y001", 2, 1),
        ("a: 1\nb: 2\na: 3\n", "DYO-Y002", 3, 1),
        ("a: {b: 1, b: 2}\n", "DYO-Y002", 1, 11),
        ("a: &x 1\n", "DYO-Y003", 1, 4),
        ("a: *x\n", "DYO-Y003", 1, 4),
        ("a: " + "[" * 70 + "]" * 70, "DYO-Y004", 1, 67),
        ("[" * 100_000, "DYO-Y004", 1, 1001),
        ("a: 1\n---\nb: 2\n", "DYO-Y006", 2, 1),
        ("a: !!python/object:os.system x\n", "DYO-Y007", 1, 4),
        ("a: !!str 1\n", "DYO-Y007", 1, 4),
        ("a: .nan\n", "DYO-Y008", 1, 4),
        ("a: -.inf\n", "DYO-Y008", 1, 4),
        ("a: 1e999\n", "DYO-Y008", 1, 4),
        ("a: 92233720368547758070\n", "DYO-Y008", 1, 4),
        ("a: 9223372036854775808\n", "DYO-Y008", 1, 4),
        ("<<: {a: 1}\n", "DYO-Y009", 1, 1),
        ("? [a, b]\n: 1\n", "DYO-Y009", 1, 3),
        ("{[a]: 1}\n", "DYO-Y009", 1, 2),
        ("a: 1\nb: x\x00y\n", "DYO-Y010", 2, 5),
        ('a: "x\\0y"\n', "DYO-Y010", 1, 4),
        ("a: x\u202ey\n", "DYO-Y010", 1, 4),
        ("a: 1 # x\u202ey\n", "DYO-Y010", 1, 9),
        ("a\u200b: 1\n", "DYO-Y010", 1, 1),
        ("a: \ud800\n", "DYO-Y010", 1, 4),
    ],
)
def test_what_is_refused_is_found_at_its_place(text: str, rule: str, line: int, column: int) -> None:
    assert (rule, line, column) in found(text)


def test_limits_stop_reading() -> None:
    assert found("a: 1\nb: 2\n", Limits(characters=5, values=10, depth=5)) == [("DYO-Y005", 1, 1)]
    assert found("- 1\n" * 20, Limits(characters=500, values=10, depth=5)) == [("DYO-Y005", 10, 3)]


def test_findings_of_one_reading_come_together() -> None:
    rules = [rule for rule, _, _ in found("a: &x 1\nb: *x\nc: !!int 3\na: 2\n? [1]\n: 3\n<<: {z: 1}\nd: .inf\n")]
    assert rules == ["DYO-Y003", "DYO-Y003", "DYO-Y007", "DYO-Y002", "DYO-Y009", "DYO-Y009", "DYO-Y008"]


def test_a_flood_of_findings_is_cut() -> None:
    assert len(found("- &a 1\n" * 1000)) == 100


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("012", "012"),
        ("1:30", "1:30"),
        ("2026-01-05", "2026-01-05"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("12", 12),
        ("-0.5", -0.5),
        ("1e3", 1000.0),
        ("'12'", "12"),
        ('"true"', "true"),
        (".5", ".5"),
        ("+1", "+1"),
        ("9223372036854775807", 9223372036854775807),
    ],
)
def test_scalars_are_read_the_json_way(written: str, value: object) -> None:
    root, findings = read_yaml(f"a: {written}\n", "f")
    assert not findings
    assert root is not None
    got = plain(root)
    assert got == {"a": value}
    assert type(got["a"]) is type(value)  # type: ignore[index]  # a map, as asserted


@pytest.mark.parametrize(
    ("text", "pointer", "line", "column"),
    [
        ("a:\n  b:\n    - c: 1\n    - c: 22\n", "/a/b/1/c", 4, 10),
        ("a: {b: {c: 'x'}}\n", "/a/b/c", 1, 12),
        ("a: >\n  folded\n  text\nb: 2\n", "/a", 1, 4),
        ("\ufeffa: 1\n", "/a", 1, 4),
        ("x: 1\r\na: 1\r\n", "/a", 2, 4),
        ("x: 1\ra: 1\r", "/a", 2, 4),
        ("x: '🥛🥛', a: 1\n".join(["{", "}"]).replace("\n}", "}"), "/a", 1, 14),
        ("k: [\ta ,\tb ]\n", "/k/1", 1, 10),
        ("a:\n  # comment\n  'b c/d': 1\n", "/a/b c~1d", 3, 12),
        ("x: 'one\u2028 two'\na: 1\n", "/a", 2, 4),
    ],
)
def test_places_are_exact(text: str, pointer: str, line: int, column: int) -> None:
    root, _ = read_yaml(text, "f")
    assert root is not None
    span = SpanMap(root, "f")[pointer]
    assert (span.line, span.column) == (line, column)


def test_a_map_is_placed_at_its_key_and_every_pointer_has_a_place() -> None:
    root, _ = read_yaml("limits:\n  budget: {max: 1}\n", "f")
    assert root is not None
    spans = SpanMap(root, "f")
    assert (spans["/limits/budget"].line, spans["/limits/budget"].column) == (2, 3)
    assert list(spans) == ["", "/limits", "/limits/budget", "/limits/budget/max"]
    assert all(spans[pointer].line for pointer in spans)
    assert len(spans) == 4
    with pytest.raises(KeyError):
        spans["/limits/service"]


def test_bulk_rows_are_looked_up_but_not_stored() -> None:
    root, _ = read_yaml("rows:\n" + "- {a: 1}\n" * (BULK_ITEMS + 1) + "few:\n- {a: 1}\n", "f")
    assert root is not None
    spans = SpanMap(root, "f")
    assert list(spans) == ["", "/rows", "/few", "/few/0", "/few/0/a"]
    assert spans["/rows/7/a"].line == 9
