"""Goal + model file + context + scenarios → OptiModel, as a tuple of passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from dyocense_cli.artifacts.context import Context
from dyocense_cli.artifacts.forecast import ScenarioSet
from dyocense_cli.artifacts.goal import Goal
from dyocense_cli.artifacts.model import ModelSpec
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.policy import Admission
from dyocense_cli.kernel.optiguide.draft import Draft, Inputs
from dyocense_cli.kernel.optiguide.passes.bind_data import bind_data
from dyocense_cli.kernel.optiguide.passes.check_meaning import check_circles, check_dims, check_units
from dyocense_cli.kernel.optiguide.passes.expand_names import expand_names
from dyocense_cli.kernel.optiguide.passes.finish import finish
from dyocense_cli.kernel.optiguide.passes.lower_risk import lower_risk
from dyocense_cli.kernel.optiguide.passes.piecewise_to_rules import piecewise_to_rules
from dyocense_cli.kernel.optiguide.passes.select_and_parse import select_and_parse
from dyocense_cli.kernel.optiguide.verify_draft import verify_draft
from dyocense_cli.optimodel.verify import verify

__all__ = ["PASSES", "STATIC", "compile_goal", "passes"]

Pass: TypeAlias = Callable[[Draft], Draft]

#: What can be decided without data, so that `lint` finds it in milliseconds.
STATIC: Final[tuple[tuple[str, Pass], ...]] = (
    ("resolve", check_circles),
    ("dims", check_dims),
    ("units", check_units),
    ("expand", expand_names),
)

#: Name and function of every pass between the parsed draft and the OptiModel.
PASSES: Final[tuple[tuple[str, Pass], ...]] = (
    *STATIC,
    ("bind", bind_data),
    ("risk", lower_risk),
    ("piecewise", piecewise_to_rules),
)


def passes(inputs: Inputs, *, static: bool = False) -> Iterator[tuple[str, Draft | OptiModel]]:
    """Yield the name of each pass and what it gives, from ``parse`` to ``finish``; with `static`, only what needs no data.

    Raises
    ------
    Findings
        All findings of the first pass that has any.
    InputError
        DY22xx for data that does not fit the model.
    """
    draft = select_and_parse(inputs)
    yield "parse", draft
    for name, run in STATIC if static else PASSES:
        draft = run(draft)
        if name != "resolve":  # names of dims are judged by the pass after it
            verify_draft(draft, name)
        yield name, draft
    if not static:
        model = finish(draft)
        verify(model)
        yield "finish", model


def compile_goal(
    goal: Goal, model_spec: ModelSpec, context: Context, scenario_set: ScenarioSet, admission: Admission | None = None
) -> OptiModel:
    """Return the OptiModel of a goal.

    Raises
    ------
    Findings
        DY22xx for what a goal or model file says wrongly, all findings of a pass together.
    InputError
        DY22xx for data that does not fit.

    Notes
    -----
    The result depends on nothing but the arguments; row order of tables and order of keys in files change nothing.
    """
    steps = list(passes(Inputs(goal, model_spec, context, scenario_set, admission)))
    model = steps[-1][1]
    assert isinstance(model, OptiModel)
    return model
