"""Claims that every policy engine keeps."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from dyocense_cli.adapters.policy.pack import Pack
from dyocense_cli.adapters.registry import entries, load
from dyocense_cli.errors import UnavailableError
from dyocense_cli.kernel.policy.answer import read_answer
from tests.opa import HOSTILE, canon, plain_question, questions

NAMES = ("opa_process", "opa_wasm", "opa_managed", "opa_server")
COUNT = 3000 if os.environ.get("DYOCENSE_TEST_SCALE") == "full" else 320
DECISION = ("allow", "deny", "warn", "waived", "caps", "facts", "relax", "packages")


def _outcome(engine: Any, question: dict[str, Any]) -> Any:
    try:
        answer = engine.decide(question)
    except UnavailableError as error:
        return error.code
    return canon({k: answer[k] for k in DECISION})


@pytest.mark.parametrize("name", NAMES)
def test_an_engine_answers_a_plain_question_with_yes(engines: dict[str, Any], name: str) -> None:
    answer = read_answer(engines[name].decide(plain_question()))
    assert answer.allow
    assert answer.deny == ()


@pytest.mark.parametrize("name", NAMES)
def test_an_engine_names_itself_its_version_and_its_bytes(engines: dict[str, Any], name: str) -> None:
    word, version, *sha = engines[name].version().split(" ")
    assert word == name
    assert version
    assert [len(s) for s in sha] == ([] if name == "opa_server" else [len("sha256:") + 64])  # whose bytes are not ours to read
    assert engines[name].snapshot() == engines[name].snapshot()
    assert engines[name].snapshot().startswith("sha256:")


def test_the_answers_of_opa_and_wasm_are_the_same_on_generated_questions(engines: dict[str, Any]) -> None:
    asked = questions(COUNT)
    assert len({json.dumps(q, sort_keys=True, default=str) for q in asked}) >= 0.9 * COUNT
    answers = [_outcome(engines["opa_managed"], q) for q in asked]
    for question, answer in zip(asked, answers, strict=True):
        assert _outcome(engines["opa_wasm"], question) == answer, json.dumps(question, default=str)
    decided = [a for a in answers if not isinstance(a, str)]
    told = {f["id"] for a in decided for kind in ("deny", "warn", "waived") for f in a[kind]}
    assert len(decided) >= 0.9 * COUNT
    assert {a["allow"] for a in decided} == {True, False}
    assert {"POL-V001", "POL-V002", "POL-V003", "POL-S001", "POL-S002", "POL-S006", "POL-T001", "POL-T003", "POL-F001", "POL-G001"} <= told


def test_the_one_shot_process_decides_as_the_server_does(engines: dict[str, Any]) -> None:
    for question in questions(24, seed=11):
        assert _outcome(engines["opa_process"], question) == _outcome(engines["opa_managed"], question)


@pytest.mark.parametrize("value", HOSTILE, ids=[ascii(h)[:24] for h in HOSTILE])
def test_no_value_in_a_question_breaks_the_answer(engines: dict[str, Any], value: Any) -> None:
    question = plain_question()
    question["goal"]["title"] = value
    question["goal"]["limits"]["budget"]["max"]["value"] = value
    question["world"]["suppliers"].append({"id": value, "offers": 1, "region": value})
    question["meta"]["tenant"] = "acme"
    answers = [_outcome(engines[n], question) for n in NAMES]
    assert all(answer == answers[0] for answer in answers)
    assert answers[0] == "DY4205" or isinstance(answers[0]["allow"], bool)


def test_every_registered_engine_is_held_to_this_suite(engines: dict[str, Any]) -> None:
    assert {entry.name for entry in entries("policy")} == set(NAMES) == set(engines)
    for name, engine in engines.items():
        assert engine.name == name
        assert isinstance(engine, load("policy", name))
        assert engine.dated()  # the data have waivers


def test_a_snapshot_changes_with_a_byte_of_data(pack: Pack) -> None:
    import dataclasses

    other = dataclasses.replace(pack, org={**pack.org, "mandatory": []})
    assert other.digest != pack.digest
