"""Read what a person wrote: goal, context and model files, and the tables behind a context."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from dyocense_cli.artifacts.fingerprint import bytes_sha, json_sha
from dyocense_cli.errors import Finding, Findings, InputError, Span
from dyocense_cli.runner.memo import Held, Memo
from dyocense_cli.runner.nouns import resolve
from dyocense_cli.runner.order import of_goal, of_tables

if TYPE_CHECKING:
    from dyocense_cli.kernel.privacy.mask import Mask
    from dyocense_cli.ports import Workspace

#: Findings about single cells, which rows that could not be read do not call forth.
_OF_CELLS: Final = frozenset({"DY2300", "DY2304", "DY2307", "DY2308", "DY2311", "DYO-S006"})

__all__ = ["Sources", "shipped_model", "shipped_models"]


def shipped_models() -> tuple[str, ...]:
    """Return the names of the model files that ship with the package."""
    return tuple(sorted(p.name.removesuffix(".yaml") for p in files("dyocense_cli.models").iterdir() if p.name.endswith(".yaml")))


def shipped_model(name: str) -> str | None:
    """Return the text of a shipped model, or None."""
    path = files("dyocense_cli.models") / f"{name}.yaml"
    return path.read_text("utf-8") if name.replace("_", "").replace("-", "").isalnum() and path.is_file() else None


@dataclass(frozen=True, slots=True)
class Sources:
    """Reads files through a workspace and remembers what they parsed to."""

    workspace: Workspace
    memo: Memo
    version: str
    use_cache: bool = True
    #: replaces personal data before anything is stored
    mask: Mask | None = None

    def goal(self, name: str, overrides: Mapping[str, str]) -> tuple[Held, bool]:
        """Return the parsed goal with `--set` overrides, and whether what it says was known."""
        return self._parsed("goal", self.workspace.text(name), name, "kernel.goaldsl.parse:parse_goal", overrides=of_goal(overrides))

    def context_spec(self, goal: Any, given: str | None, overrides: Mapping[str, str]) -> tuple[Held, bool]:
        """Return the parsed context of a goal, or of the file given in its place, with what `--set` changes in its tables."""
        edits = of_tables(overrides)
        tag = {"mask": self.mask.tag if self.mask is not None else "", "edits": json_sha(edits) if edits else ""}
        name, text = self._named(goal, "/context", goal.context) if given is None else (given, self.workspace.text(given))

        def finish(spec: Any) -> Any:
            masked = spec if self.mask is None else self.mask.spec(spec)
            return replace(masked, edits=edits) if edits else masked

        return self._parsed("context_spec", text, name, "kernel.goaldsl.parse:parse_context", tag=tag, finish=finish)

    def model_spec(self, goal: Any) -> tuple[Held, bool]:
        """Return the parsed model: a shipped name, or a file beside the goal."""
        text = shipped_model(goal.model)
        name = f"models/{goal.model}.yaml"
        if text is None:
            if not goal.model.endswith((".yaml", ".yml")):
                raise InputError(
                    "DY2010",
                    f"no model is named `{goal.model}`",
                    where=goal.spans.get("/model"),
                    hints="use one of " + ", ".join(shipped_models()) + ", or a path ending in .yaml",
                )
            name, text = self._named(goal, "/model", goal.model)
        return self._parsed("model_spec", text, name, "kernel.goaldsl.parse:parse_model")

    def scenarios(self, goal: Any) -> Any:
        """Return the scenario set of the file that `forecast.scenarios` names, None if it names none, or a table of the context."""
        if not goal.forecast.scenarios or not set(goal.forecast.scenarios) & {".", "/"}:
            return None
        name, text = self._named(goal, "/forecast/scenarios", goal.forecast.scenarios)
        periods = tuple(f"t{k + 1}" for k in range(goal.horizon.periods))
        return resolve("kernel.scenarios.given:read_scenarios")(text, file=name, periods=periods)

    def _named(self, goal: Any, pointer: str, path: str) -> tuple[str, str]:
        """Return the logical name and text of a file that a goal names; what is wrong with the path is placed at its line."""
        try:
            name = self.workspace.resolve(goal.file, path)
            return name, self.workspace.text(name)
        except InputError as error:
            inside = isinstance(error.where, Span) and error.where.file != goal.file
            where = error.where if inside else goal.spans.get(pointer) or error.where
            raise InputError(error.code, error.message, where=where, hints=error.hints, why=error.why) from None

    def tables(self, spec: Any, goal: Any) -> Held:
        """Return the raw tables of a context, read when someone needs them; their fingerprint is that of the source bytes."""
        if any(t.sql for t in spec.tables.values()):
            read = self._read(spec, goal)
            held = Held("tables", json_sha({k: v.sha for k, v in sorted(read.tables.items())}), "")
            held.put(read)
        else:
            marks: dict[str, str] = {}
            for key, table in sorted(spec.tables.items()):
                if table.file is not None:
                    marks[key] = hashlib.sha256(self.workspace.data(self.workspace.resolve(spec.file, table.file))).hexdigest()
            marks["mask"] = self.mask.tag if self.mask is not None else ""
            held = Held("tables", json_sha(marks), "", loader=lambda: self._read(spec, goal))
        held.ident = held.fingerprint
        return held

    def _read(self, spec: Any, goal: Any) -> Any:
        try:
            tables = self.workspace.tables(spec)
        except Findings as error:
            raise Findings((*error.findings, *self._in_the_rest(error.rest, spec, goal))) from None
        return tables if self.mask is None else self.mask.tables(tables, spec)

    def _in_the_rest(self, rest: Any, spec: Any, goal: Any) -> list[Finding]:
        """Return what is wrong with the cells that could be read, so that all bad rows are told at once."""
        if rest is None:
            return []
        try:
            resolve("kernel.context.bind:bind")(goal, spec, rest if self.mask is None else self.mask.tables(rest, spec))
        except Findings as error:
            return [f for f in error.findings if f.id in _OF_CELLS]
        return []

    def _parsed(
        self,
        noun: str,
        text: str,
        file: str,
        function: str,
        *,
        tag: Mapping[str, str] | None = None,
        finish: Callable[[Any], Any] | None = None,
        **options: Any,
    ) -> tuple[Held, bool]:
        asked: dict[str, Any] = {"parse": noun, "text": bytes_sha(text.encode()), "file": file, "options": options, "package": self.version}
        key = json_sha({**asked, **(tag or {})})
        found = self.memo.find(noun, key) if self.use_cache else None
        if found is not None:
            return found, True
        value = resolve(function)(text, file=file, **options)
        held = self.memo.remember(noun, key, finish(value) if finish is not None else value)
        return held, self._said_before(held)

    def _said_before(self, held: Held) -> bool:
        """Say whether another text said the same: a comment or the order of keys makes no new goal, though places in the file move."""
        mark = f"said {held.name} {held.fingerprint} {self.version}"
        before = self.use_cache and self.memo.get_text(mark) is not None
        if not before:
            self.memo.put_text(mark, "known")
        return before
