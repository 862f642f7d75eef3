"""OPA as a one-shot process: a fresh one for each question, with nothing but the question."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from dyocense_cli.adapters.policy.bounded import run_bounded
from dyocense_cli.adapters.policy.exchange import accepted, parsed, question, snapshot_of
from dyocense_cli.adapters.policy.identity import identify
from dyocense_cli.adapters.policy.pack import Pack
from dyocense_cli.errors import UnavailableError
from dyocense_cli.kernel.policy.answer import QUERY

__all__ = ["OpaProcess"]

OPA_TIMEOUT_S: Final = 5
HOST_TIMEOUT_S: Final = 7.0


class OpaProcess:
    """Ask `binary`, an OPA executable, with a pack; `cache` is a folder for what is known of the binary."""

    name: ClassVar[str] = "opa_process"
    features: ClassVar[frozenset[str]] = frozenset({"own_rules"})

    def __init__(self, binary: str, pack: Pack, *, cache: str) -> None:
        self._binary = binary
        self._pack = pack
        self._cache = cache

    def decide(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the decision on a document; see `ports.PolicyEngine`."""
        with tempfile.TemporaryDirectory(prefix="dyocense-opa-") as folder:
            empty = Path(folder) / "empty"
            empty.mkdir()
            ended = run_bounded(self._command(Path(folder)), stdin=question(document), cwd=str(empty), timeout_s=HOST_TIMEOUT_S)
        return accepted(
            self._value(parsed(ended.stdout, engine=f"`{self._binary}`") if ended.stdout.strip() else None, ended.stderr, ended.code),
            self._pack,
            engine=f"`{self._binary}`",
        )

    def _command(self, folder: Path) -> list[str]:
        """Write the pack into `folder`, return the command line that asks it."""
        (folder / "base.tar.gz").write_bytes(self._pack.base_bundle)
        (folder / "org.tar.gz").write_bytes(self._pack.org_bundle)
        (folder / "capabilities.json").write_text(self._pack.capabilities, encoding="utf-8")
        return [
            self._binary,
            "eval",
            "-f",
            "json",
            "--stdin-input",
            "--strict",
            "--strict-builtin-errors",
            "--timeout",
            f"{OPA_TIMEOUT_S}s",
            "--capabilities",
            str(folder / "capabilities.json"),
            "-b",
            str(folder / "base.tar.gz"),
            "-b",
            str(folder / "org.tar.gz"),
            QUERY,
        ]

    def _value(self, answer: Any, stderr: bytes, code: int) -> Any:
        """Return the value of the one expression; OPA's exit code alone is no answer."""
        errors = answer.get("errors") if isinstance(answer, Mapping) else None
        if errors:
            raise UnavailableError(
                "DY4203",
                f"`{self._binary}` gave no verdict: {_first(errors)}",
                hints="`dyocense policy test` shows the faults of own policies; `dyocense doctor` the engine",
            )
        if not isinstance(answer, Mapping):
            ending = f"signal {-code}" if code < 0 else f"exit code {code}"
            raise UnavailableError(
                "DY4201",
                f"`{self._binary}` gave no verdict: it ended with {ending} and no answer",
                why=stderr.decode("utf-8", "replace")[:300].strip(),
                hints="give a working OPA with `--opa PATH` or DYOCENSE_OPA; `dyocense doctor` tells which is used",
            )
        results = answer.get("result")
        if not isinstance(results, list) or len(results) != 1 or not isinstance(results[0], Mapping):
            return None
        expressions = results[0].get("expressions")
        if not isinstance(expressions, list) or len(expressions) != 1 or not isinstance(expressions[0], Mapping):
            return None
        return expressions[0].get("value")

    def snapshot(self) -> str:
        """Return the policy snapshot; see `ports.PolicyEngine`."""
        return snapshot_of(self._pack.digest, self.version())

    def version(self) -> str:
        """Return ``opa_process <version> sha256:<hash of the binary>``."""
        return f"{self.name} {identify(self._binary, cache=self._cache)}"

    def dated(self) -> bool:
        """Say whether answers depend on the day; see `ports.PolicyEngine`."""
        return self._pack.dated


def _first(errors: Any) -> str:
    first = errors[0] if isinstance(errors, list) and errors else errors
    if not isinstance(first, Mapping):
        return str(first)[:300]
    place = first.get("location")
    where = f" ({place.get('file')}:{place.get('row')})" if isinstance(place, Mapping) else ""
    return f"{first.get('code', 'error')}: {str(first.get('message'))[:300]}{where}"
