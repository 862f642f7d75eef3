"""`dyocense runs cache`: what the forecast cache holds; check it, query it, empty it."""

from __future__ import annotations

from typing import Annotated

import typer

from dyocense_cli.cli import exits
from dyocense_cli.cli.options import Json, print_json, settings_of
from dyocense_cli.errors import UsageError

__all__ = ["cache"]


def cache(
    as_json: Json = False,
    verify: Annotated[bool, typer.Option("--verify", help="Check every entry and set altered ones aside; they are made again.")] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Remove all entries, or those of --sku.")] = False,
    sku: Annotated[str | None, typer.Option("--sku", help="Only this SKU.", show_default=False)] = None,
    sql: Annotated[str | None, typer.Option("--sql", help="Read-only SQL over the table `entries`.", show_default=False)] = None,
) -> int:
    """Show, check, query or empty the cache of forecasts by series."""
    if sum((verify, clear, sql is not None)) > 1:
        raise UsageError("DY1018", "--verify, --clear and --sql are three different things", hints="give one of them")
    from dyocense_cli.wiring import series_cache

    store = series_cache(settings_of())
    if verify:
        altered = store.verify()
        document: dict[str, object] = {"altered": altered, "entries": sum(1 for _ in store.entries())}
        text = [f"{document['entries']} whole entries", *(f"set aside {key}" for key in altered)]
    elif clear:
        document = {"removed": store.clear(sku)}
        text = [f"removed {document['removed']} entries"]
    elif sql is not None:
        columns, rows = store.query(sql)
        document = {
            "columns": columns,
            "rows": [[str(v) if not isinstance(v, (int, float, str, type(None))) else v for v in r] for r in rows],
        }
        text = ["\t".join(columns), *("\t".join("" if v is None else str(v) for v in row) for row in rows)]
    else:
        document, text = _listing(
            [
                {"sku": e.sku, "horizon": e.horizon, "model": e.model, "bytes": e.bytes, "whole": e.whole, "key": e.key}
                for e in store.entries()
                if sku is None or e.sku == sku
            ]
        )
    if as_json:
        print_json(document)
    else:
        typer.echo("\n".join(text))
    return exits.DONE


def _listing(rows: list[dict[str, str | int | bool]]) -> tuple[dict[str, object], list[str]]:
    size, altered = sum(int(r["bytes"]) for r in rows), sum(not r["whole"] for r in rows)
    document: dict[str, object] = {"entries": len(rows), "bytes": size, "altered": altered, "skus": rows}
    lines = [
        f"{r['sku']}\t{r['horizon']}\t{r['model']}\t{r['bytes']}\t{'whole' if r['whole'] else 'ALTERED'}\t{str(r['key'])[:12]}"
        for r in rows
    ]
    return document, [f"{len(rows)} entries, {size} bytes, {altered} altered", *lines]
