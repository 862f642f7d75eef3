"""Make a linter of the project: its workspace, policy engine, waivers and day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from dyocense_cli import wiring
from dyocense_cli.artifacts.policy import Admission, Principal
from dyocense_cli.errors import Span
from dyocense_cli.runner.lint import Linter
from dyocense_cli.runner.nouns import resolve

if TYPE_CHECKING:
    from dyocense_cli.artifacts.context import Context
    from dyocense_cli.artifacts.goal import Goal
    from dyocense_cli.kernel.lint.waivers import Waiver
    from dyocense_cli.settings import Settings

__all__ = ["make_linter"]


def make_linter(
    settings: Settings, *, allow: tuple[str, ...] = (), policy: bool = True, many: bool = False, overrides: Mapping[str, str] | None = None
) -> Linter:
    """Return a linter; with `policy` it asks the policy engine, kept alive where `many` goals are asked about."""
    today = wiring.today()
    return Linter(
        workspace=wiring.workspace(settings, allow),
        admit=_admit(settings, today, many=many) if policy else None,
        today=today,
        tier=None if settings["tenant_id"] == "local" else settings["tier"],
        waivers=_waivers(settings),
        overrides=overrides or {},
        mask=resolve("kernel.privacy.mask:Mask")(settings["pii_key"], settings["tenant_id"]),
    )


def _admit(settings: Settings, today: str, *, many: bool) -> Callable[[Goal, Context], Admission]:
    principal = Principal(settings["tenant_id"], settings["tier"], "local")

    @cache
    def engine() -> tuple[Callable[[Mapping[str, object]], Mapping[str, object]], dict[str, str]]:
        """Return how to decide, and what a run says of the engine: asked once, not once a goal."""
        asked = wiring.policy_engine(settings, keep=many)
        as_of = today if asked.dated() else ""
        return asked.decide, {"snapshot": asked.snapshot(), "engine": asked.version(), "as_of": as_of}

    def admit(goal: Goal, context: Context) -> Admission:
        decide, about = engine()
        made = resolve("kernel.policy.admit:admit")(goal, context, principal, decide=decide, compile_policy=False, **about)
        answer: Admission = made
        return answer

    return admit


def _waivers(settings: Settings) -> tuple[Waiver, ...]:
    """Return the waivers of DYO rules in the project's policy data that are this tenant's."""
    from dyocense_cli.kernel.lint.waivers import read_waivers

    entries, name = wiring.policy_tool("waivers")(str(settings.path("policies")))
    own = [e for e in entries if isinstance(e, dict) and e.get("tenant", settings["tenant_id"]) in ("*", settings["tenant_id"])]
    return read_waivers(own, Span(f"{settings['policies'].rstrip('/')}/{name}", 1, 1))
