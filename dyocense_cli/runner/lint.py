"""Lint files: read them, bind what they name, run the rules, ask policy; contexts and models are read once for many goals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from dyocense_cli.artifacts.rules import coded, finding
from dyocense_cli.codes import CODES
from dyocense_cli.errors import Finding, Findings, InputError, Span, UnavailableError
from dyocense_cli.runner.order import of_goal, of_tables
from dyocense_cli.runner.sources import shipped_model, shipped_models

if TYPE_CHECKING:
    from dyocense_cli.artifacts.context import Context, ContextSpec, Tables
    from dyocense_cli.artifacts.goal import Goal, Horizon
    from dyocense_cli.artifacts.model import ModelSpec
    from dyocense_cli.artifacts.policy import Admission
    from dyocense_cli.kernel.lint.waivers import Waiver
    from dyocense_cli.kernel.privacy.mask import Mask
    from dyocense_cli.ports import Workspace

__all__ = ["FileReport", "Linter"]


@dataclass(frozen=True, slots=True)
class FileReport:
    """What was found in one file; `admission` is policy's answer, `unavailable` why there is none though it was asked."""

    file: str
    kind: str
    findings: tuple[Finding, ...]
    admission: Admission | None = None
    unavailable: UnavailableError | None = None


@dataclass(slots=True)
class _Read:
    """A context or model as read once: the artifact if it is whole, and its findings."""

    artifact: Any
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class Linter:
    """Lints files of one workspace.

    `admit` asks policy about a goal and its context, None for no policy; `today` is an ISO date or empty; `tier` None exempts from caps.
    """

    workspace: Workspace
    admit: Callable[[Goal, Context], Admission] | None = None
    today: str = ""
    tier: str | None = None
    waivers: tuple[Waiver, ...] = ()
    overrides: Mapping[str, str] = field(default_factory=dict)
    #: replaces personal data, so that fingerprints are those of a run
    mask: Mask | None = None
    _specs: dict[str, _Read] = field(default_factory=dict)
    _models: dict[str, _Read] = field(default_factory=dict)
    _tables: dict[str, _Read] = field(default_factory=dict)
    _bound: dict[tuple[str, Horizon], _Read] = field(default_factory=dict)
    _shared: dict[int, dict[str, object]] = field(default_factory=dict)  # by identity of a context that `_bound` holds
    #: shapes of goals whose names, dims and units fit: numbers do not matter to them
    _sound: set[object] = field(default_factory=set)
    _told: set[Finding] = field(default_factory=set)

    def fresh(self) -> Linter:
        """Return a linter that has read nothing yet."""
        return Linter(self.workspace, self.admit, self.today, self.tier, self.waivers, self.overrides, self.mask)

    def file(self, name: str) -> FileReport:
        """Lint a file of any kind, told by its `dsl:` line."""
        from dyocense_cli.kernel.goaldsl.parse import kind_of

        try:
            text = self.workspace.text(name)
        except InputError as error:
            return FileReport(name, "file", (_coded(error, error.where or Span(name, 1, 1)),))
        kind = kind_of(text) or "goal"
        if kind == "goal":
            return self.goal(name, text)
        if kind == "context":
            return FileReport(name, kind, self._settled(self._once(self._context_alone(name, text)), text, name))
        return FileReport(name, kind, self._settled(self._once(self._model_alone(name)), text, name))

    def closing(self, reports: Iterable[FileReport]) -> FileReport | None:
        """Return what there is to say of the waivers once every file was linted, None if nothing."""
        from dyocense_cli.kernel.lint.run import has_errors
        from dyocense_cli.kernel.lint.waivers import judge_waivers

        findings = [f for report in reports for f in report.findings]
        found = judge_waivers(findings, self.waivers, self.today, complete=not has_errors(findings))
        where = self.waivers[0].where if self.waivers else None
        return FileReport(where.file if isinstance(where, Span) else "policies/data.json", "policy", found) if found else None

    def goal(self, name: str, text: str) -> FileReport:
        """Lint a goal with the context and the model that it names."""
        from dyocense_cli.kernel.goaldsl.parse import read_goal
        from dyocense_cli.kernel.lint.run import lint

        goal, found = read_goal(text, file=name, overrides=of_goal(self.overrides))
        if goal is None:
            return FileReport(name, "goal", self._settled(found, text, name))
        spec, context, model, more = self._around(goal)
        found += more
        case = self._case(goal, text, spec=spec, context=context, model=model)
        static = None if model is None else partial(self._static, goal, model, context)
        admit = self.admit
        policy = None if admit is None or context is None else partial(admit, goal, context)
        try:
            report = lint(case, before=found, waivers=self.waivers, static=static, policy=policy)
        except UnavailableError as error:
            return FileReport(name, "goal", lint(case, before=found, waivers=self.waivers, static=static).findings, unavailable=error)
        return FileReport(name, "goal", report.findings, report.admission)

    def _case(self, goal: Goal, text: str, *, spec: ContextSpec | None, context: Context | None, model: ModelSpec | None) -> Any:
        from dyocense_cli.kernel.lint.case import Case

        shared = self._shared.setdefault(id(context), {}) if context is not None else {}
        return Case(goal.file, text, goal, model, spec, context, tier=self.tier, today=self.today, shared=shared)

    def _around(self, goal: Goal) -> tuple[ContextSpec | None, Context | None, ModelSpec | None, tuple[Finding, ...]]:
        """Read what a goal names; findings of a file that another goal named too are told once."""
        findings: list[Finding] = []
        model = self._named_model(goal, findings)
        try:
            name = self.workspace.resolve(goal.file, goal.context)
            spec = self._spec(name)
        except InputError as error:
            found = finding("DYO-X008", error.message, where=goal.spans.get("/context"), pointer="/context")
            return None, None, model, (*findings, found)
        findings += self._once(spec.findings)
        if spec.artifact is None:
            findings.append(self._broken(goal, "/context", name))
            return None, None, model, tuple(findings)
        bound = self._bind(goal, name, spec.artifact)
        findings += self._once(bound.findings)
        if bound.artifact is None:
            findings.append(self._broken(goal, "/context", name))
        return spec.artifact, bound.artifact, model, tuple(findings)

    def _static(self, goal: Goal, model: ModelSpec, context: Context | None) -> tuple[Finding, ...]:
        """Return what the compiler finds without data: names, dims, units, degree."""
        from dyocense_cli.kernel.optiguide.draft import Inputs
        from dyocense_cli.kernel.optiguide.passes.check_meaning import check_circles, check_dims, check_units
        from dyocense_cli.kernel.optiguide.passes.select_and_parse import select_and_parse

        try:
            draft = select_and_parse(Inputs(goal, model, context, None, None))
            shape = (id(model), id(context), draft.off, _shape(goal))
            if shape in self._sound:
                return ()
            for judge in (check_circles, check_dims, check_units):
                draft = judge(draft)
            self._sound.add(shape)
        except Findings as error:
            return error.findings
        except InputError as error:
            return (_coded(error, error.where),)
        return ()

    def _broken(self, goal: Goal, pointer: str, name: str) -> Finding:
        return coded("DY2005", f"`{name}` has errors", where=goal.spans.get(pointer), pointer=pointer, remediation="fix them first")

    def _once(self, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        """Return the findings of a shared file that were not told yet."""
        new = tuple(f for f in findings if f not in self._told)
        self._told.update(new)
        return new

    def _named_model(self, goal: Goal, findings: list[Finding]) -> ModelSpec | None:
        if shipped_model(goal.model) is None and not goal.model.endswith((".yaml", ".yml")):
            message = f"no model is named `{goal.model}`"
            names = ", ".join(shipped_models()) or "a path to a model file"
            where = goal.spans.get("/model")
            findings.append(coded("DY2010", message, where=where, pointer="/model", remediation=f"use one of {names}"))
            return None
        try:
            name = goal.model if shipped_model(goal.model) is not None else self.workspace.resolve(goal.file, goal.model)
            read = self._model(name)
        except InputError as error:
            findings.append(_coded(error, goal.spans.get("/model")))
            return None
        findings += self._once(read.findings)
        if read.artifact is None:
            findings.append(self._broken(goal, "/model", name))
            return None
        found: ModelSpec = read.artifact
        return found

    def _model(self, name: str) -> _Read:
        if name not in self._models:
            from dyocense_cli.kernel.goaldsl.parse import read_model

            shipped = shipped_model(name)
            text = shipped if shipped is not None else self.workspace.text(name)
            self._models[name] = _Read(*read_model(text, file=name if shipped is None else f"models/{name}.yaml"))
        return self._models[name]

    def _spec(self, name: str) -> _Read:
        if name not in self._specs:
            from dyocense_cli.kernel.goaldsl.parse import read_context

            spec, found = read_context(self.workspace.text(name), file=name)
            edits = of_tables(self.overrides)
            self._specs[name] = _Read(replace(spec, edits=edits) if spec is not None and edits else spec, found)
        return self._specs[name]

    def _raw(self, name: str, spec: ContextSpec) -> _Read:
        if name not in self._tables:
            try:
                tables = self.workspace.tables(spec)
                self._tables[name] = _Read(tables if self.mask is None else self.mask.tables(tables, spec), ())
            except Findings as error:
                self._tables[name] = _Read(None, error.findings)
        return self._tables[name]

    def _bind(self, goal: Goal, name: str, spec: ContextSpec) -> _Read:
        key = (name, goal.horizon)
        if key not in self._bound:
            raw = self._raw(name, spec)
            self._bound[key] = _Read(None, raw.findings) if raw.artifact is None else _bound(goal, spec, raw.artifact)
        return self._bound[key]

    def _context_alone(self, name: str, text: str) -> tuple[Finding, ...]:
        """Return what is wrong with a context by itself: bound on a horizon of one period."""
        from dyocense_cli.kernel.goaldsl.parse import parse_goal, read_context

        if name not in self._specs:
            self._specs[name] = _Read(*read_context(text, file=name))
        spec = self._specs[name]
        if spec.artifact is None:
            return spec.findings
        goal = parse_goal("dsl: goal/v1\nid: alone\nmodel: none\ncontext: none\nhorizon: {periods: 1}\n", file=name)
        return (*spec.findings, *self._bind(goal, name, spec.artifact).findings)

    def _model_alone(self, name: str) -> tuple[Finding, ...]:
        """Return what is wrong with a model by itself: its form, and its meaning under a goal that sets every limit."""
        read = self._model(name)
        if read.artifact is None:
            return read.findings
        found = self._static(_any_goal(read.artifact), read.artifact, None)
        return read.findings + tuple(f for f in found if f.where is not None)  # without a place it is about the goal made here

    def _settled(self, findings: tuple[Finding, ...], text: str, name: str) -> tuple[Finding, ...]:
        from dyocense_cli.kernel.lint.run import settle

        return settle(findings, text, name, waivers=(), today=self.today)


def _any_goal(model: ModelSpec) -> Goal:
    """Return a goal with every term of a model, and every limit with the settings that it cannot do without."""
    from dyocense_cli.artifacts.goal import Quantity
    from dyocense_cli.kernel.goaldsl.parse import parse_goal

    goal = parse_goal("dsl: goal/v1\nid: any\nmodel: any\ncontext: none\n", file=model.file)
    limits = {
        limit.name: {s.name: s.choices[0] if s.choices else Quantity(1.0) for s in limit.settings if s.default is None and not s.optional}
        for limit in model.limits
    }
    return replace(goal, objective={term.name: Quantity(1.0) for term in model.terms}, limits=limits, spans={})


def _shape(goal: Goal) -> object:
    """Return what names, dims and units depend on: everything but the numbers of limits and weights, which count by their units."""
    from dyocense_cli.artifacts.goal import Quantity

    def form(value: object) -> object:
        if isinstance(value, Mapping):
            return tuple((name, form(inner)) for name, inner in sorted(value.items()))
        return ("number", value.unit) if isinstance(value, Quantity) else value

    return form(goal.limits), form(goal.objective), goal.constraints, repr(sorted(goal.settings.items())), goal.aggregation


def _bound(goal: Goal, spec: ContextSpec, tables: Tables) -> _Read:
    from dyocense_cli.kernel.context.bind import bind

    try:
        return _Read(bind(goal, spec, tables), ())
    except Findings as error:
        return _Read(None, error.findings)


def _coded(error: InputError, where: Any) -> Finding:
    code = error.code if error.code in CODES else "DY2000"
    made = coded(code, error.message, where=where, remediation="; ".join(error.hints))
    return replace(made, pointer="")
