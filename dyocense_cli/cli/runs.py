"""`dyocense runs`: the run store, and what is sent to or fetched from another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dyocense_cli.cli import exits
from dyocense_cli.cli.cache import cache
from dyocense_cli.cli.options import Json, Store, print_json, settings_of
from dyocense_cli.cli.page import Page
from dyocense_cli.cli.render import stderr
from dyocense_cli.errors import UsageError

if TYPE_CHECKING:
    from dyocense_cli.ports import RunStore
    from dyocense_cli.settings import Settings

__all__ = ["app", "collect"]

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="The run store.")
app.command("cache")(cache)

Remote = Annotated[
    str | None, typer.Option("--store", help="s3://bucket/prefix; the configured store if none is given.", show_default=False)
]


@app.command("list")
def list_runs(
    goal: Annotated[str | None, typer.Option("--goal", help="Only runs of this goal.", show_default=False)] = None,
    count: Annotated[int, typer.Option("--count", "-n", help="How many, newest last; 0 for all.", min=0)] = 20,
    store: Store = None,
    as_json: Json = False,
) -> int:
    """List runs, newest last."""
    from dyocense_cli.runner.references import manifest_of
    from dyocense_cli.wiring import run_store

    runs = run_store(settings_of(store=store))
    rows: list[dict[str, Any]] = []
    for run_id in reversed(runs.list()):
        if count and len(rows) == count:
            break
        record = manifest_of(runs, run_id)
        if goal is None or record["goal_id"] == goal:
            keys = ("run_id", "created_at", "goal_id", "variant", "status", "run_fingerprint")
            rows.append({k: record[k] for k in keys} | {"draft": bool(record["draft"])})
    rows.reverse()
    if as_json:
        print_json(rows)
        return exits.DONE
    page = Page()
    for row in rows:
        draft = "  DRAFT" if row["draft"] else ""
        print_ = row["run_fingerprint"].removeprefix("sha256:")[:12]
        page.line(f"{row['run_id']}  {row['created_at'][:19]}  {row['goal_id']}:{row['variant']}  {row['status']}{draft}  {print_}")
    return exits.DONE


@app.command()
def show(reference: Annotated[str, typer.Argument(help="Run.")] = "@last", store: Store = None, as_json: Json = False) -> int:
    """Show what a run was, and its files."""
    from dyocense_cli.runner.references import find_run, manifest_of
    from dyocense_cli.wiring import run_store

    runs = run_store(settings_of(store=store))
    run_id = find_run(runs, reference)
    record = manifest_of(runs, run_id)
    if as_json:
        print_json(record)
        return exits.DONE
    for key in ("run_id", "run_fingerprint", "goal_id", "variant", "status", "termination", "created_at", "evidence_ref", "snapshot_hash"):
        typer.echo(f"{key.replace('_', ' '):<16} {record[key]}")
    for name, sha in record["files"].items():
        typer.echo(f"  {sha.removeprefix('sha256:')[:12]}  {name}")
    return exits.DONE


@app.command()
def gc(
    keep_last: Annotated[int, typer.Option("--keep-last", help="Runs kept per plan.", min=1)] = 20,
    pinned: Annotated[list[str] | None, typer.Option("--keep", help="Also keep this run.", show_default=False)] = None,
    archive: Annotated[str | None, typer.Option("--archive", help="Send what goes to this store first.", show_default=False)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    store: Store = None,
    as_json: Json = False,
) -> int:
    """Remove old runs: all but the last N of each plan, never one that something refers to."""
    return collect(
        settings_of(store=store), keep_last=keep_last, pinned=pinned or [], archive=archive or "", dry_run=dry_run, as_json=as_json
    )


def collect(settings: Settings, *, keep_last: int, pinned: list[str], archive: str, dry_run: bool, as_json: bool) -> int:
    """Sweep the run store and say what went; with `archive`, a run leaves only once it is whole there."""
    from dyocense_cli.runner.gc import sweep
    from dyocense_cli.runner.references import find_run
    from dyocense_cli.wiring import run_store

    runs = run_store(settings)
    found = sweep(runs, keep_last=keep_last, pinned=[find_run(runs, r) for r in pinned])
    if not dry_run:
        for run_id in found.remove:
            if archive:
                _archived(settings, runs, archive, run_id)
            runs.delete(run_id)
    if as_json:
        print_json({"removed": list(found.remove), "kept": dict(found.keep), "dry_run": dry_run})
    else:
        for run_id in found.remove:
            typer.echo(f"{'would remove' if dry_run else 'removed'} {run_id}")
        stderr(f"{len(found.remove)} {'to remove' if dry_run else 'removed'}, {len(found.keep)} kept")
    return exits.DONE


def _archived(settings: Settings, runs: RunStore, url: str, run_id: str) -> None:
    from dyocense_cli.wiring import archive_runs

    archive_runs(settings, runs, url).push(run_id)


def _mirror(settings: Settings, store: str | None) -> Any:
    from dyocense_cli.wiring import mirrored_runs

    url = store or settings["store"]
    if not url.startswith("s3://"):
        raise UsageError("DY4303", "there is no remote store to talk to", hints="give --store s3://bucket/prefix, or set DYOCENSE_STORE")
    return mirrored_runs(settings, url)


def _wanted(runs: RunStore, references: list[str] | None) -> list[str]:
    from dyocense_cli.runner.references import find_run

    return [find_run(runs, r) for r in references] if references else runs.list()


@app.command()
def push(
    references: Annotated[list[str] | None, typer.Argument(help="Runs; all local ones if none is given.", show_default=False)] = None,
    store: Remote = None,
    as_json: Json = False,
) -> int:
    """Send runs to the remote store: what is missing there, manifest last. A broken upload goes on where it stopped."""
    mirror = _mirror(settings_of(), store)
    return _transfer(mirror.push, _wanted(mirror.local, references), "pushed", as_json=as_json)


@app.command()
def pull(
    references: Annotated[list[str] | None, typer.Argument(help="Runs; all remote ones if none is given.", show_default=False)] = None,
    store: Remote = None,
    as_json: Json = False,
) -> int:
    """Fetch runs from the remote store and verify them."""
    from dyocense_cli.runner.verify import require_whole

    mirror = _mirror(settings_of(), store)

    def fetch(run_id: str) -> bool:
        came = bool(mirror.pull(run_id))
        require_whole(mirror.local, run_id)
        return came

    return _transfer(fetch, _wanted(mirror.remote, references), "pulled", as_json=as_json)


def _transfer(move: Any, wanted: list[str], word: str, *, as_json: bool) -> int:
    moved = {run_id: bool(move(run_id)) for run_id in wanted}
    if as_json:
        print_json({word: [r for r, new in moved.items() if new], "there_already": [r for r, new in moved.items() if not new]})
    else:
        for run_id, new in moved.items():
            typer.echo(f"{word if new else 'there already':<14} {run_id}")
    return exits.DONE
