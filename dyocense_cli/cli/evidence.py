"""`dyocense evidence`: why a line is what it is, and the evidence of runs written, shown, asked, exported, verified."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dyocense_cli.cli import exits
from dyocense_cli.cli.options import Json, Store, print_json, settings_of
from dyocense_cli.cli.render import stderr
from dyocense_cli.cli.runs import gc as sweep_runs
from dyocense_cli.errors import AccessError, UsageError

if TYPE_CHECKING:
    from dyocense_cli.kernel.evidence.claims import Claim
    from dyocense_cli.ports import GraphStore, RunStore
    from dyocense_cli.settings import Settings

__all__ = ["app", "opened"]

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="The evidence graph and snapshots of runs.")

Run = Annotated[str, typer.Argument(help="Run: id, prefix, fingerprint, @last, @goal or a path.")]
Graph = Annotated[str | None, typer.Option("--graph", help="ladybug or neo4j.", show_default=False)]
Output = Annotated[str | None, typer.Option("--output", "-o", help="Write to this file.", show_default=False)]


def _run(settings: Settings, reference: str) -> tuple[RunStore, str]:
    from dyocense_cli.runner.references import find_run
    from dyocense_cli.wiring import run_store

    runs = run_store(settings)
    return runs, find_run(runs, reference)


def _graph(settings: Settings) -> GraphStore:
    from dyocense_cli.wiring import graph_store

    store = graph_store(settings)
    if store is None:
        raise UsageError("DY1004", "no evidence graph is configured", hints="set DYOCENSE_GRAPH=ladybug or neo4j")
    return store


def _deliver(data: bytes, output: str | None, what: str) -> int:
    if output:
        Path(output).write_bytes(data)
        stderr(f"{what} {output}")
    else:
        sys.stdout.buffer.write(data)
    return exits.DONE


@app.command()
def write(
    reference: Annotated[str | None, typer.Argument(help="Run; all runs if none is given.", show_default=False)] = None,
    store: Store = None,
    graph: Graph = None,
    as_json: Json = False,
) -> int:
    """Write the evidence of runs to the graph; what is there already is left as it is."""
    from dyocense_cli.runner.references import find_run, manifest_of
    from dyocense_cli.runner.snapshot import snapshot_artifact
    from dyocense_cli.wiring import run_store

    settings = settings_of(store=store, graph=graph)
    runs = run_store(settings)
    wanted = [find_run(runs, reference)] if reference else runs.list()
    target = _graph(settings)
    written = []
    for run_id in wanted:
        if "artifacts/evidence_graph.json" not in runs.names(run_id):
            continue
        target.merge(snapshot_artifact(runs, run_id, "evidence_graph"))
        record = manifest_of(runs, run_id)
        written.append({"run_id": run_id, "evidence_ref": record["evidence_ref"], "snapshot_hash": record["snapshot_hash"]})
    target.close()
    if as_json:
        print_json({"written": written})
    else:
        for one in written:
            typer.echo(f"{one['evidence_ref']}  {one['run_id']}")
    return exits.DONE


@app.command()
def show(reference: Run = "@last", store: Store = None, as_json: Json = False) -> int:
    """Show what a run was: stages, fingerprints, versions, where its evidence is."""
    from dyocense_cli.runner.references import manifest_of

    runs, run_id = _run(settings_of(store=store), reference)
    record = manifest_of(runs, run_id)
    if as_json:
        print_json(record)
        return exits.DONE
    typer.echo(f"run {run_id}\ngoal {record['goal_id']}:{record['variant']}  {record['status']} ({record['termination']})")
    for key in ("run_fingerprint", "created_at", "as_of", "evidence_ref", "snapshot_hash"):
        if record[key]:
            typer.echo(f"{key.replace('_', ' '):<16} {record[key]}")
    for title in ("fingerprints", "versions"):
        typer.echo(title)
        for name, value in record[title].items():
            typer.echo(f"  {name:<20} {value}")
    typer.echo("stages")
    for stage in record["stages"]:
        typer.echo(f"  {stage['name']:<20} {stage['output']}")
    return exits.DONE


@app.command()
def why(
    reference: Annotated[str, typer.Argument(help="Order line of the last run, or a run together with --line.")],
    line: Annotated[str | None, typer.Option("--line", help="Order line, such as PO-0007.", show_default=False)] = None,
    store: Store = None,
    as_json: Json = False,
) -> int:
    """Say why an order line is what it is, down to table rows and goal lines; every claim is worked out from the run's own files."""
    from dyocense_cli.runner.reasons import reasons_of

    run, wanted = (reference, line) if line else ("@last", reference)
    runs, run_id = _run(settings_of(store=store), run)
    found, manifest = reasons_of(runs, run_id, wanted or "")
    if as_json:
        claims = [_claim_json(c) for c in found.claims]
        print_json({"run_id": run_id, "run_fingerprint": manifest["run_fingerprint"], "line": found.line, "claims": claims})
        return exits.DONE
    typer.echo(f"{found.line}  {', '.join(found.step.keys.values())}")
    for claim in found.claims:
        typer.echo(f"  {claim.kind:<12} {claim.text}")
        for source in sorted({(i.artifact, i.sha) for i in claim.inputs}):
            typer.echo(f"  {'':<12} from {source[0]} {source[1][:19]}…")
    return exits.DONE


def _claim_json(claim: Claim) -> dict[str, Any]:
    inputs = [{"artifact": i.artifact, "sha": i.sha, "pointer": i.pointer, "place": i.place} for i in claim.inputs]
    return {"kind": claim.kind, "text": claim.text, "value": claim.value, "how": claim.how, "inputs": inputs}


@app.command()
def query(
    statement: Annotated[str | None, typer.Argument(help="Name of a query, or read-only Cypher.", show_default=False)] = None,
    parameters: Annotated[
        list[str] | None, typer.Option("--param", "-p", help="name=value; `run=@last` names a run.", show_default=False)
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="List the named queries.")] = False,
    store: Store = None,
    graph: Graph = None,
    as_json: Json = False,
) -> int:
    """Ask the evidence graph: a named query or read-only Cypher, within this tenant."""
    from dyocense_cli.kernel.evidence.queries import QUERIES

    if listing or not statement:
        for name, one in QUERIES.items():
            typer.echo(
                f"{name:<14} {one.tells}" + (f"  (--param {' --param '.join(p + '=…' for p in one.parameters)})" if one.parameters else "")
            )
        return exits.DONE
    settings = settings_of(store=store, graph=graph)
    given = _parameters(settings, parameters or [])
    named = QUERIES.get(statement)
    if named is None and statement.isidentifier():
        raise UsageError("DY1004", f"no query is named `{statement}`", hints=f"use one of {', '.join(QUERIES)}, or read-only Cypher")
    missing = [p for p in named.parameters if p not in given] if named is not None else []
    if missing:
        raise UsageError("DY1004", f"query `{statement}` needs {', '.join(missing)}", hints=f"--param {missing[0]}=…")
    target = _graph(settings)
    rows = target.query(named.statement if named is not None else statement, given)
    target.close()
    if as_json:
        print_json(json.loads(json.dumps(rows, default=str)))
    else:
        _table(rows)
    return exits.DONE


def _parameters(settings: Settings, given: list[str]) -> dict[str, Any]:
    from dyocense_cli.runner.references import manifest_of

    out: dict[str, Any] = {}
    for one in given:
        name, mark, value = one.partition("=")
        if not mark:
            raise UsageError("DY1004", f"--param takes name=value, not `{one}`", hints="such as --param run=@last")
        if name == "run" and not value.startswith("run/"):
            runs, run_id = _run(settings, value)
            value = "run/" + manifest_of(runs, run_id)["run_fingerprint"]
        out[name] = value
    return out


def _table(rows: list[dict[str, Any]]) -> None:
    if not rows:
        stderr("nothing found")
        return
    typer.echo("\t".join(rows[0]))
    for row in rows:
        typer.echo("\t".join("" if v is None else (f"{v:g}" if isinstance(v, float) else str(v)) for v in row.values()))


@app.command()
def similar(
    reference: Run = "@last",
    count: Annotated[int, typer.Option("--count", "-k", help="How many.", min=1, max=100)] = 5,
    store: Store = None,
    as_json: Json = False,
) -> int:
    """Find earlier plans like this one, by features that hold no data (plan DNA)."""
    from dyocense_cli.runner.similar import similar_runs
    from dyocense_cli.wiring import vector_index

    settings = settings_of(store=store)
    runs, run_id = _run(settings, reference)
    found = similar_runs(runs, vector_index(settings), run_id, count)
    if as_json:
        print_json({"run_id": run_id, "similar": [{"run_id": n.key, "distance": n.distance, **n.payload} for n in found]})
    else:
        for one in found:
            typer.echo(f"{one.distance:8.4f}  {one.key}  {one.payload.get('goal', '')}  {one.payload.get('status', '')}")
    return exits.DONE


@app.command()
def report(
    reference: Run = "@last",
    output: Output = None,
    xlsx: Annotated[bool, typer.Option("--xlsx", help="A workbook in place of the page.")] = False,
    store: Store = None,
) -> int:
    """Write a run's report: the page it was stored with, or a workbook."""
    runs, run_id = _run(settings_of(store=store), reference)
    if not xlsx:
        return _deliver(runs.read(run_id, "report.html"), output, "report")
    from dyocense_cli.runner.nouns import resolve
    from dyocense_cli.runner.reasons import facts_of

    return _deliver(resolve("kernel.report.xlsx:plan_xlsx")(facts_of(runs, run_id)), output, "workbook")


@app.command()
def export(
    reference: Run = "@last",
    form: Annotated[
        str,
        typer.Option(
            "--format", help="bundle (a zip of all), or one of ro-crate, prov, openlineage, in-toto; several with commas make a zip."
        ),
    ] = "bundle",
    output: Output = None,
    approved: Annotated[bool, typer.Option("--approved", help="Refuse a run that policy did not approve.")] = False,
    store: Store = None,
) -> int:
    """Export a run's evidence in open forms, or all of it as one zip that opens anywhere and replays."""
    from dyocense_cli.runner.bundle import FORMATS, bundle, export
    from dyocense_cli.runner.references import manifest_of

    runs, run_id = _run(settings_of(store=store), reference)
    record = manifest_of(runs, run_id)
    if approved and (record["draft"] or record["status"] == "DENIED"):
        why = record["draft"] or "policy denies it"
        raise AccessError(
            "DY5015", f"run {run_id} is not an approved plan: {why}", hints="export it without --approved; it says what it is"
        )
    if form == "bundle":
        return _deliver(bundle(runs, run_id), output, "bundle")
    forms = tuple(f.strip() for f in form.split(","))
    data = export(runs, run_id, forms[0]) if len(forms) == 1 else bundle(runs, run_id, forms)
    return _deliver(data, output, f"evidence as {', '.join(f for f in forms if f in FORMATS)}:")


@app.command()
def verify(
    references: Annotated[list[str] | None, typer.Argument(help="Runs; all if none is given.", show_default=False)] = None,
    key: Annotated[str | None, typer.Option("--key", help="Key file the manifest must be signed with.", show_default=False)] = None,
    bundle_file: Annotated[str | None, typer.Option("--bundle", help="Verify the run in this zip.", show_default=False)] = None,
    store: Store = None,
    as_json: Json = False,
) -> int:
    """Hash runs again: every file, every artifact, the manifest and its signature. Exit 8 names what was altered."""
    from dyocense_cli.runner.references import find_run
    from dyocense_cli.runner.verify import verify_run

    runs = opened(settings_of(store=store), bundle_file)
    wanted = [find_run(runs, r) for r in references] if references else runs.list()
    faults = {run_id: verify_run(runs, run_id, key_file=key or "") for run_id in wanted}
    bad = sum(1 for found in faults.values() if found)
    if as_json:
        print_json({"runs": {r: [{"name": f.name, "what": f.what} for f in found] for r, found in faults.items()}, "altered": bad})
    else:
        for run_id, found in faults.items():
            typer.echo(f"{'altered' if found else 'whole  '} {run_id}")
            for fault in found:
                typer.echo(f"        {fault}")
    return exits.MISMATCH if bad else exits.DONE


def opened(settings: Settings, bundle_file: str | None) -> RunStore:
    """Return the run store of the settings, or the one run of a bundle."""
    from dyocense_cli.runner.bundle import BundleRuns
    from dyocense_cli.wiring import run_store

    if bundle_file is None:
        return run_store(settings)
    path = Path(bundle_file)
    if not path.is_file():
        raise UsageError("DY1007", f"there is no bundle `{bundle_file}`", hints="make one: dyocense evidence export RUN --output run.zip")
    return BundleRuns(path.read_bytes())


app.command("gc")(sweep_runs)
