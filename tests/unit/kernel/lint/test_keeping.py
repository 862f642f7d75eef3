"""Ignores, waivers and safe fixes."""

from __future__ import annotations

import pytest

from dyocense_cli.artifacts.rules import finding
from dyocense_cli.errors import Span
from dyocense_cli.kernel.lint.fix import fix
from dyocense_cli.kernel.lint.ignores import apply_ignores, read_ignores
from dyocense_cli.kernel.lint.keeping import SECRET
from dyocense_cli.kernel.lint.waivers import Waiver, apply_waivers, judge_waivers, read_waivers

WARNING = finding("DYO-X010", "idle", where=Span("g", 2, 3), pointer="/limits/a")
ERROR = finding("DYO-S002", "unknown", where=Span("g", 2, 3), pointer="/limits/a")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: 2  # dyocense: ignore DYO-X010 -- sample data\n", 2),
        ("# dyocense: ignore DYO-X010, DYO-X011 -- sample data\n\n# more\nb: 2\n", 4),
        ("\ufeffa: 1 # dyocense:ignore DYO-X010 -- why not\n", 1),
    ],
)
def test_an_ignore_takes_its_line_or_the_next(text: str, line: int) -> None:
    (ignore,), wrong = read_ignores(text, "g")
    assert (ignore.line, wrong) == (line, ())


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ("ignore", "names no rule"),
        ("ignore everything", "names no rule"),
        ("ignore DYO-X010", "gives no reason"),
        ("ignore DYO-X010 -- ", "gives no reason"),
        ("ignore DYO-X099 -- x", "is no rule"),
        ("ignore DYO-S002 -- x", "it is an error"),
        ("ignore POL-V001 -- x", "waived by its owner"),
    ],
)
def test_a_wrong_ignore_is_an_error(comment: str, message: str) -> None:
    ignores, (only,) = read_ignores(f"a: 1 # dyocense: {comment}\n", "g")
    assert (ignores, only.id, only.severity) == ((), "DYO-G003", "error")
    assert message in only.message
    assert only.where == Span("g", 1, 6, 1, len(f"a: 1 # dyocense: {comment}") + 1)


def test_text_that_mentions_ignores_is_none() -> None:
    assert read_ignores("title: 'say dyocense: ignore DYO-X010'\n", "g") == ((), ())


def test_ignores_mark_and_unused_ones_are_told() -> None:
    ignores, _ = read_ignores("a\nb # dyocense: ignore DYO-X010 -- sample\nc # dyocense: ignore DYO-G002 -- sample\n", "g")
    marked = apply_ignores((WARNING, ERROR), ignores)
    assert [(f.id, f.waived) for f in marked] == [("DYO-X010", "ignored here: sample"), ("DYO-S002", ""), ("DYO-G005", "")]
    assert [f.id for f in apply_ignores((WARNING, ERROR), ignores, complete=False)] == ["DYO-X010", "DYO-S002"]


def waiver(expires: str, path: str = "/limits") -> Waiver:
    return Waiver("DYO-S002", path, "ann", "spring", expires, Span("policies/data.json", 1, 1))


def test_a_waiver_takes_until_its_day_and_stays_visible() -> None:
    (taken,) = apply_waivers((ERROR,), (waiver("2026-12-01"),), "2026-12-01")
    assert taken.waived == "ann: spring (until 2026-12-01)"
    assert apply_waivers((ERROR,), (waiver("2026-12-01"),), "2026-12-02") == (ERROR,)
    assert apply_waivers((ERROR,), (waiver("2026-12-01", "/lim"),), "2026-12-01") == (ERROR,)


@pytest.mark.parametrize(
    ("today", "says"),
    [("2026-12-16", "expires in 14 days"), ("2026-12-31", "expired on 2026-12-30"), ("2026-12-15", None), ("", None)],
)
def test_waivers_near_their_end_are_told(today: str, says: str | None) -> None:
    found = judge_waivers((ERROR,), (waiver("2026-12-30"),), today, complete=True)
    assert [f.id for f in found] == ([] if says is None else ["DYO-G004"])
    assert says is None or says in found[0].message


def test_a_waiver_that_nothing_asks_for_is_told() -> None:
    assert [f.id for f in judge_waivers((), (waiver("2027-12-30"),), "2026-01-01", complete=True)] == ["DYO-G005"]
    assert judge_waivers((), (waiver("2027-12-30"),), "2026-01-01", complete=False) == ()


def test_waivers_without_owner_reason_or_date_are_none() -> None:
    good = {"rule": "DYO-X010", "path": "/a", "owner": "ann", "reason": "why", "expires": "2026-12-01"}
    bad = [good | {"owner": ""}, good | {"reason": ""}, good | {"expires": "soon"}, good | {"rule": "POL-V001"}, {}]
    assert [(w.owner, w.path) for w in read_waivers([good | {"path": ["limits", "a/b"]}, *bad])] == [("ann", "/limits/a~1b")]


def test_fixes_change_the_writing_alone() -> None:
    text = "\ufeffa: '0.5' # dyocense: ignore DYO-X010 -- x\r\n  # dyocense: ignore DYO-X011 -- y\r\nb: \" 7 \"\r\n"
    findings = (
        finding("DYO-S011", "", where=Span("g", 1, 4)),
        finding("DYO-G005", "", where=Span("g", 1, 10)),
        finding("DYO-G005", "", where=Span("g", 2, 3)),
        finding("DYO-S011", "", where=Span("g", 3, 4)),
        finding("DYO-S002", "", where=Span("g", 3, 1)),
        finding("DYO-S011", "", where=Span("g", 99, 1)),
    )
    fixed, done = fix(text, findings)
    assert fixed == "\ufeffa: 0.5\r\nb: 7\r\n"
    assert len(done) == 4


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE", "ghp_" + "a" * 36, "postgres://user:s3cret@db/x", "password: hunter22hunter", "api_key=abcdef123456",
        "-----BEGIN RSA PRIVATE KEY", "token: abcd1234efgh",
    ],
)  # fmt: skip
def test_what_looks_like_a_credential(text: str) -> None:
    assert SECRET.search(text)


@pytest.mark.parametrize("text", ["password reset costs", "token: none", "budget: {max: 8000 EUR}", "https://example.org/a:b", "MILK-1L"])
def test_what_does_not(text: str) -> None:
    assert SECRET.search(text) is None
