"""An engine that fails gives no verdict: never a yes, and never what looks like a denial."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from dyocense_cli.adapters.policy import bounded, opa_process
from dyocense_cli.adapters.policy.choose import choose
from dyocense_cli.adapters.policy.opa_process import OpaProcess
from dyocense_cli.adapters.policy.opa_server import OpaServer
from dyocense_cli.adapters.policy.pack import load_pack
from dyocense_cli.errors import UnavailableError
from tests.opa import plain_question, printing

GOOD: dict[str, Any] = {
    "allow": True,
    "deny": [],
    "warn": [],
    "waived": [],
    "caps": [],
    "facts": [],
    "relax": [],
    "packages": ["fields", "spend", "tiers", "vendors"],
}
DENIAL = {"id": "POL-V001", "path": ["context"], "args": {"supplier": "V1"}}


def _ask(binary: str, tmp_path: Path) -> Any:
    return OpaProcess(binary, load_pack(), cache=str(tmp_path / "cache")).decide(plain_question())


def test_a_fake_that_answers_well_is_believed(fake_opa: Any, tmp_path: Path) -> None:
    assert _ask(fake_opa(printing(GOOD)), tmp_path)["allow"] is True


def test_a_fake_that_denies_is_a_denial_and_no_failure(fake_opa: Any, tmp_path: Path) -> None:
    answer = _ask(fake_opa(printing({**GOOD, "allow": False, "deny": [DENIAL]})), tmp_path)
    assert answer["allow"] is False
    assert answer["deny"] == [DENIAL]


BROKEN = {
    "no answer": ("sys.exit(0)", "DY4201", "it ended with exit code 0 and no answer"),
    "exit 2": ("print('boom', file=sys.stderr); sys.exit(2)", "DY4201", "it ended with exit code 2 and no answer"),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", "DY4201", "it ended with signal 9 and no answer"),
    "garbage": ("print('allow!')", "DY4205", "its answer is not JSON"),
    "binary": ("sys.stdout.buffer.write(bytes(range(256)))", "DY4205", "its answer is not JSON"),
    "half": ('print(\'{"result": [{"expr\')', "DY4205", "its answer is not JSON"),
    "a bare true": ("print('true')", "DY4201", "no answer"),
    "empty result": ("print('{\"result\": []}')", "DY4205", "the decision is undefined"),
    "two results": (
        'print(\'{"result": [{"expressions": [{"value": true}]}, {"expressions": [{"value": true}]}]}\')',
        "DY4205",
        "the decision is undefined",
    ),
    "errors": (
        'print(\'{"errors": [{"code": "rego_type_error", "message": "bad", "location": {"file": "x.rego", "row": 3}}]}\')',
        "DY4203",
        r"rego_type_error: bad \(x.rego:3\)",
    ),
    "key twice": ('print(\'{"result": [], "result": [{"expressions": [{"value": {}}]}]}\')', "DY4205", "its answer is not JSON"),
    "allow is text": (printing({**GOOD, "allow": "true"}), "DY4205", "`allow` is not true or false"),
    "allow is one": (printing({**GOOD, "allow": 1}), "DY4205", "`allow` is not true or false"),
    "no allow": (printing({k: v for k, v in GOOD.items() if k != "allow"}), "DY4205", "`allow` is not true or false"),
    "allow with denials": (printing({**GOOD, "deny": [DENIAL]}), "DY4205", "`allow` and `deny` disagree"),
    "denied without denials": (printing({**GOOD, "allow": False}), "DY4205", "`allow` and `deny` disagree"),
    "a package missing": (printing({**GOOD, "packages": ["fields", "spend", "tiers"]}), "DY4205", "missing: vendors; unknown: none"),
    "a package too many": (printing({**GOOD, "packages": [*GOOD["packages"], "zzz"]}), "DY4205", "missing: none; unknown: zzz"),
    "unknown rule": (printing({**GOOD, "warn": [{"id": "POL-Z9", "path": [], "args": {}}]}), "DY4205", "no package documents"),
    "path is text": (printing({**GOOD, "warn": [{**DENIAL, "path": "context"}]}), "DY4205", "is not a list"),
    "args are a list": (printing({**GOOD, "warn": [{**DENIAL, "args": []}]}), "DY4205", "is not an object"),
    "waived without waiver": (printing({**GOOD, "waived": [DENIAL]}), "DY4205", "waived without a waiver"),
    "cap without amount": (
        printing({**GOOD, "caps": [{"rule": "POL-S001", "name": "a", "over": "horizon"}]}),
        "DY4205",
        "a cap has no finite amount",
    ),
    "cap below zero": (
        printing({**GOOD, "caps": [{"rule": "POL-S001", "name": "a", "over": "horizon", "max": -1}]}),
        "DY4205",
        "no finite amount",
    ),
    "relax without verdict": (printing({**GOOD, "relax": [{"key": "a", "deny": []}]}), "DY4205", "relaxation does not hold together"),
    "relax allowed and denied": (printing({**GOOD, "relax": [{"key": "a", "allowed": True, "deny": [DENIAL]}]}), "DY4205", "relaxation"),
}


@pytest.mark.parametrize("case", BROKEN, ids=list(BROKEN))
def test_a_broken_engine_gives_no_verdict(fake_opa: Any, tmp_path: Path, case: str) -> None:
    body, code, text = BROKEN[case]
    with pytest.raises(UnavailableError, match=text) as caught:
        _ask(fake_opa(body), tmp_path)
    assert caught.value.code == code
    assert caught.value.exit_code == 7
    assert caught.value.hints


def test_a_slow_engine_is_ended_with_its_children(fake_opa: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opa_process, "HOST_TIMEOUT_S", 4.0)
    note = tmp_path / "child"
    body = f"child = os.fork()\nopen({str(note)!r}, 'a').write(str(os.getpid()) + ' ')\nwhile True: time.sleep(60)"
    with pytest.raises(UnavailableError, match="gave no verdict") as caught:
        _ask(fake_opa(body), tmp_path)
    assert caught.value.code == "DY4202"
    pids = [int(p) for p in note.read_text().split()] if note.exists() else []
    deadline = time.monotonic() + 60  # a killed process is gone once the kernel has come to it
    while not all(_is_gone(p) for p in pids) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [p for p in pids if not _is_gone(p)] == []


def _is_gone(pid: int) -> bool:
    """Whether a process has ended; an orphan that its new parent has not waited for yet has ended too."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX"


def test_an_engine_that_writes_without_end_is_stopped(fake_opa: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "OUTPUT_BYTES", 100_000)
    with pytest.raises(UnavailableError, match="it wrote more than") as caught:
        _ask(fake_opa("while True: sys.stdout.write('x' * 65536)"), tmp_path)
    assert caught.value.code == "DY4205"


def test_an_engine_has_an_empty_environment_and_folder(fake_opa: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "1")
    with pytest.raises(UnavailableError) as caught:
        _ask(fake_opa("print(sorted(os.environ), os.listdir('.'), file=sys.stderr); sys.exit(1)"), tmp_path)
    assert "SECRET" not in caught.value.why
    assert caught.value.why.endswith("[]")


def test_an_opa_that_is_named_but_not_there_is_not_replaced(tmp_path: Path) -> None:
    engine = choose(opa=str(tmp_path / "nowhere"), cache=str(tmp_path))
    assert engine.name == "opa_process"
    for ask in (engine.snapshot, lambda: engine.decide(plain_question())):
        with pytest.raises(UnavailableError, match="nowhere") as caught:
            ask()
        assert caught.value.code == "DY4201"


def test_an_opa_that_does_not_say_its_version_has_no_snapshot(fake_opa: Any, tmp_path: Path) -> None:
    engine = OpaProcess(fake_opa("", version="I am OPA"), load_pack(), cache=str(tmp_path / "cache"))
    with pytest.raises(UnavailableError, match="does not say which OPA it is"):
        engine.snapshot()


def test_a_version_is_asked_once_for_the_same_bytes(fake_opa: Any, tmp_path: Path) -> None:
    path = Path(fake_opa(""))
    engine = OpaProcess(str(path), load_pack(), cache=str(tmp_path / "cache"))
    first = engine.version()
    kept = (tmp_path / "cache" / "opa.json").read_text()
    assert engine.version() == first
    path.write_text(path.read_text().replace("1.22.2", "1.99.9"))
    assert engine.version().split()[1] == "1.99.9"
    assert (tmp_path / "cache" / "opa.json").read_text() != kept


def test_without_opa_the_embedded_module_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    engine = choose(cache=str(tmp_path / "cache"))
    assert engine.name == "opa_wasm"
    assert engine.decide(plain_question())["allow"] is True


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "unix:///nowhere/socket", "http://127.0.0.1:notaport"])
def test_a_server_that_cannot_be_reached_names_its_address_and_doctor(url: str) -> None:
    engine = OpaServer(url)
    with pytest.raises(UnavailableError) as caught:
        engine.snapshot()
    assert caught.value.code == "DY4201"
    assert url in caught.value.message
    with pytest.raises(UnavailableError):
        engine.decide(plain_question())


def test_a_server_without_policies_gives_no_verdict(opa_server: dict[str, str]) -> None:
    with pytest.raises(UnavailableError, match="it holds no dyocense policies"):
        OpaServer(opa_server["DYOCENSE_TEST_OPA_URL"]).decide(plain_question())
