"""`dyocense serve`: HTTP API and workers for many tenants; worker, status, token, migrate, bench."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from dyocense_cli.cli.options import Json, print_json, settings_of

if TYPE_CHECKING:
    from dyocense_cli.settings import Settings

__all__ = ["app"]

app = typer.Typer(add_completion=False, rich_markup_mode=None, help="HTTP API and workers for many tenants.", no_args_is_help=False)

Database = Annotated[
    str | None, typer.Option("--database", help="postgresql://… or sqlite:///…", show_default="SQLite in the state folder")
]
Sandbox = Annotated[str | None, typer.Option("--sandbox", help="bubblewrap, or rlimits (leaves the network open).", show_default=False)]
Tenants = Annotated[str | None, typer.Option("--tenants", help="YAML file of tenants: tier and own limits.", show_default=False)]
State = Annotated[str | None, typer.Option("--state", help="Folder of the service.", show_default=".dyocense/serve")]


def _call(name: str, settings: Settings, **more: object) -> Any:
    """Call a function of the service by name: this floor of the house does not import that one."""
    from dyocense_cli.runner.nouns import resolve

    return resolve(f"serve.{name}")(settings, **more)


def _settings(database: str | None, sandbox: str | None, tenants: str | None, state: str | None) -> Settings:
    return settings_of(database_url=database, sandbox=sandbox, tenants=tenants, serve_state=state)


@app.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(help="Runs at once.")] = 2,
    no_workers: Annotated[bool, typer.Option("--no-workers", help="Serve the API only.")] = False,
    database: Database = None,
    sandbox: Sandbox = None,
    tenants: Tenants = None,
    state: State = None,
) -> None:
    """Serve the API and, unless told not to, a worker process beside it. SIGTERM stops it after what it holds is done."""
    if context.invoked_subcommand is None:
        settings = _settings(database, sandbox, tenants, state)
        _call("run:run_service", settings, host=host, port=port, slots=0 if no_workers else workers)


@app.command()
def worker(
    slots: Annotated[int, typer.Option(help="Runs at once.")] = 2,
    database: Database = None,
    sandbox: Sandbox = None,
    tenants: Tenants = None,
    state: State = None,
    beside: Annotated[bool, typer.Option("--beside", hidden=True, help="Stop when the process that started this one is gone.")] = False,
) -> None:
    """Take runs from the queue; any number of workers on any number of machines may share one Postgres."""
    _call("run:worker", _settings(database, sandbox, tenants, state), slots=slots, beside=beside)


#: What the queue calls a run's state, in a reader's words.
_STATES: Final = {"parked": "waiting for their turn", "ready": "next", "running": "running"}


@app.command()
def status(database: Database = None, state: State = None, as_json: Json = False) -> None:
    """Show workers, queue and outbox."""
    found = _call("run:status", _settings(database, None, None, state))
    if as_json:
        print_json(found)
        return
    lines = [f"database {found['database']} · sandbox {found['sandbox']}"]
    lines += [f"worker {w['executor']}: {w['slots']} slots, beat {w['beat_s_ago']} s ago" for w in found["workers"]] or [
        "no worker is alive: start one with `dyocense serve` or `dyocense serve worker`"
    ]
    lines += [f"pool {q['pool']}: {q['runs']} {_STATES.get(q['state'], q['state'])}" for q in found["queue"]] or ["the queue is empty"]
    lines += [
        f"{kind} to deliver: {f'the oldest waits for {lag} s' if lag else 'nothing waits'}" for kind, lag in found["outbox_lag_s"].items()
    ]
    sys.stdout.write("\n".join(lines) + "\n")


@app.command()
def token(
    tenant: Annotated[str, typer.Option(help="Whose token.")] = "local",
    tier: Annotated[str, typer.Option(help="free, standard, pro or enterprise.")] = "pro",
    hours: Annotated[float, typer.Option(help="How long it is good.")] = 8.0,
    operator: Annotated[bool, typer.Option("--operator", help="May read /metrics from other machines.")] = False,
    state: State = None,
) -> None:
    """Mint a token for local use, signed with the service's own secret."""
    sys.stdout.write(
        _call("run:token", _settings(None, None, None, state), tenant=tenant, tier=tier, hours=hours, operator=operator) + "\n"
    )


@app.command()
def migrate(
    app_role: Annotated[str, typer.Option("--app-role", help="Postgres role that the service runs as.")] = "dyo_app",
    database: Database = None,
    state: State = None,
) -> None:
    """Bring the database to this version's schema, as its owner (DYOCENSE_DATABASE_OWNER_URL)."""
    for name in _call("run:migrate_service", _settings(database, None, None, state), app_role=app_role) or ["nothing to do"]:
        sys.stdout.write(f"{name}\n")


@app.command()
def retain(
    keep_last: Annotated[int, typer.Option("--keep-last", help="Runs kept per plan.", min=1)] = 20,
    archive: Annotated[str, typer.Option(help="Send what goes there first: a folder or s3://bucket/prefix.", show_default=False)] = "",
    before: Annotated[str, typer.Option(help="Remove months before this one (2026-06) from the graph too.", show_default=False)] = "",
    expire_days: Annotated[int, typer.Option("--expire-days", help="The archive's bucket drops runs after so many days.", min=0)] = 0,
    storage_class: Annotated[str, typer.Option("--storage-class", help="… or moves them to this class.", show_default=False)] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    database: Database = None,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Sweep the runs of all tenants: the last N of each plan stay, older ones go to the archive, never one that something refers to."""
    found = _call(
        "run:retain_runs",
        _settings(database, None, None, state),
        keep_last=keep_last,
        archive=archive,
        before=before,
        dry_run=dry_run,
        days=expire_days,
        storage_class=storage_class,
    )
    if as_json:
        print_json(found)
        return
    for row in found["tenants"]:
        verb = "would go" if dry_run else "archived" if archive else "removed"
        months = f", {row['nodes']} nodes of old months removed" if before else ""
        sys.stdout.write(f"{row['tenant']}: {len(row['gone'])} runs {verb}, {row['kept']} kept{months}\n")
    for rule in found["rules"]:
        what = f"moves to {rule['storage_class']}" if rule["storage_class"] else "expires"
        sys.stdout.write(f"{rule['prefix']} {what} after {rule['days']} days\n")


@app.command()
def bench(
    runs: Annotated[int, typer.Option(help="Plans to submit.")] = 20,
    goal: Annotated[str, typer.Option(help="Goal to plan.")] = "newsvendor",
    url: Annotated[str, typer.Option(help="Address of a running service.")] = "http://127.0.0.1:8000",
    tenant: Annotated[str, typer.Option(help="Whose plans.")] = "bench",
    tier: Annotated[str, typer.Option(help="Its tier.")] = "enterprise",
    state: State = None,
    as_json: Json = False,
) -> None:
    """Submit plans to a running service and report the service's objectives: P50 compile, P50 solve, P95 end to end."""
    found = _call("bench:bench", _settings(None, None, None, state), runs=runs, goal=goal, url=url, tenant=tenant, tier=tier)
    if as_json:
        print_json(found)
        return
    for row in found["objectives"]:
        sys.stdout.write(f"{row['name']:<18} {row['seconds']:>8.3f} s   {row['target']:<10} {'met' if row['met'] else 'MISSED'}\n")
    sys.stdout.write(f"{found['succeeded']} of {found['runs']} succeeded, {found['runs_per_s']:.2f} runs/s\n")
