"""`dyocense policy`: build, test and explain the rules of an organisation."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dyocense_cli.cli.options import Json, print_json, settings_of
from dyocense_cli.errors import InputError, UsageError

__all__ = ["app"]

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True, help="Policy packages: build, test, explain.")

Folder = Annotated[str | None, typer.Argument(help="Folder of policies; the configured one if not given.", show_default=False)]
Opa = Annotated[str | None, typer.Option("--opa", help="Path of the opa program.", show_default=False)]

DATA = """\
Policy data is one file, policies/data.json or policies/data.yaml. Every key is optional; the shipped value stands otherwise.

vendors.deny          [{supplier, reason, owner, since, tenants}]   POL-V001; the plan avoids the supplier
vendors.deny_regions  [{region, reason, tenants}]                   POL-V003
vendors.allow         {tenant or "*": [supplier]}                   POL-V002; empty = everyone
spend.caps            {tenant or "*": [{max, currency, over: horizon or period, category or supplier}]}   POL-S001 to S004
spend.require_cap     true refuses a tenant without a cap           POL-S007
tiers                 {tier: {scenarios, time_limit_s, cells}}      POL-T001 to T004
exempt_tenants        tenants without a tier
required              {tenant or "*": [[field, field, ...]]}        POL-F001
relax                 {tier or "*": {rule or "*": {max_fraction}}}  POL-R002, R003
waivers               [{rule, tenant, owner, reason, expires, path, args}]
mandatory             policies that a goal cannot leave out; "all" = every one
custom                anything: the data of own rules
"""


@app.command("build")
def build(folder: Folder = None, opa: Opa = None, as_json: Json = False) -> int:
    """Check the policies with OPA and write bundles and wasm into their folder `build`, so that machines without OPA decide too."""
    from dyocense_cli import wiring

    settings = settings_of(policies=folder, opa=opa)
    written: list[str] = wiring.policy_tool("build")(str(settings.path("policies")), opa=settings["opa"])
    if as_json:
        print_json({"written": written})
    else:
        typer.echo("\n".join(written))
    return 0


@app.command("test")
def run_tests(
    folder: Folder = None,
    opa: Opa = None,
    coverage: Annotated[float, typer.Option("--coverage", help="Least share of lines to cover, in percent.")] = 0.0,
    as_json: Json = False,
) -> int:
    """Run the tests of policies with `opa test`; exit 3 if one fails or too few lines are covered."""
    from dyocense_cli import wiring

    settings = settings_of(policies=folder, opa=opa)
    tested: Any = wiring.policy_tool("test")(str(settings.path("policies")), opa=settings["opa"])
    if as_json:
        print_json({"passed": tested.passed, "coverage": tested.coverage, "files": dict(tested.files)})
    else:
        for name, share in sorted(tested.files.items()):
            typer.echo(f"{share:6.1f} %  {name}")
        typer.echo(f"{tested.coverage:6.1f} %  of the lines of rules and tests; {tested.passed} tests passed")
    low = {n: s for n, s in sorted(tested.files.items()) if s < coverage}
    if low:
        raise InputError("DY3007", f"{len(low)} files are covered by less than {coverage:g} %", why=", ".join(low))
    return 0


@app.command("explain")
def explain(
    rule: Annotated[
        str | None, typer.Argument(help="Rule id such as POL-V001, or `data`; all rules if not given.", show_default=False)
    ] = None,
    folder: Annotated[str | None, typer.Option("--policy", help="Folder of policies.", show_default=False)] = None,
    as_json: Json = False,
) -> int:
    """Say what a rule finds, what to do about it, and whether a plan obeys it by itself."""
    if rule == "data":
        print_json({"text": DATA}) if as_json else typer.echo(DATA, nl=False)
        return 0
    from dyocense_cli import wiring

    known: dict[str, dict[str, str]] = wiring.policy_tool("rules")(str(settings_of(policies=folder).path("policies")))
    if rule is None:
        _list(known, as_json=as_json)
        return 0
    found = known.get(rule.upper())
    if found is None:
        import difflib

        near = difflib.get_close_matches(rule.upper(), known, 3)
        raise UsageError(
            "DY3005", f"no rule is named `{rule}`", hints=f"near: {', '.join(near)}" if near else "dyocense policy explain lists them"
        )
    if as_json:
        print_json(found)
    else:
        typer.echo(_text(found))
    return 0


def _list(known: dict[str, dict[str, str]], *, as_json: bool) -> None:
    if as_json:
        print_json({"rules": list(known.values())})
    else:
        typer.echo("\n".join(f"{r['id']}  {r['severity']:<7}  {r['title']}" for r in known.values()))


_EFFECTS = {
    "supplier": "The plan obeys it: no order goes to the supplier. `--no-compile-policy` refuses the goal in place of that.",
    "cap": "The plan obeys it: the cap is a limit of the model. `--no-compile-policy` refuses the goal in place of that.",
    "": "It refuses the goal or plan.",
}


def _text(rule: dict[str, str]) -> str:
    effect = _EFFECTS[rule["effect"]] if rule["severity"] == "error" else "It is told; nothing is refused."
    waiver = "It cannot be waived." if rule["id"].startswith("POL-G") else "A waiver in the policy data excuses it until its last day."
    return (
        f"{rule['id']}: {rule['title']}\n\n  finds    {rule['message']}\n  do       {rule['remediation']}\n  effect   {effect}\n"
        f"  waiver   {waiver}\n  package  {rule['package']} ({rule['file']})"
    )
