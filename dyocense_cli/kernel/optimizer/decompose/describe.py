"""Say in words how a model would be solved: which blocks, which shared rules, which level, and why not a higher one."""

from __future__ import annotations

from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.kernel.optimizer.decompose.detect import Shape, block_dims, detect
from dyocense_cli.kernel.optimizer.decompose.extract import Extracted, extract
from dyocense_cli.kernel.optimizer.decompose.linear import Reader, Unsuitable
from dyocense_cli.kernel.optimizer.decompose.master import analyse
from dyocense_cli.kernel.optimizer.decompose.price_and_reinsert import FEWEST_BLOCKS

__all__ = ["describe"]


def describe(optimodel: OptiModel) -> list[str]:
    """Return lines for ``compile --explain``: levels from block programs to one piece, each taken or declined by name.

    Decided from the symbolic model; nothing is ground.
    """
    reader = Reader(optimodel)
    lines: list[str] = []
    try:
        rules = reader.rules()
    except Unsuitable as reason:
        return [f"block programs: declined, {reason}", "neighbourhoods: by labels of the ground model", "one piece: taken otherwise"]
    largest = block_dims(reader, rules)[:1]
    for dim, size, rows in largest:
        lines.append(f"blocks: {size} of `{dim}`, coupled by {rows} rows")
    lower = _lower(*largest[0]) if largest else _lower("", 0, 0)
    try:
        shape = detect(reader)
        extracted = extract(reader, shape)
    except Unsuitable as reason:
        return [*lines, f"block programs: declined, {reason}", *lower]
    lines = [_blocks(shape, extracted), *_roles(shape)]
    whole = [n for n in shape.master if reader.vars[n].type != "float"]
    if whole:
        return [*lines, f"block programs: declined, `{whole[0]}`, outside the blocks, is a whole number", *lower]
    master = analyse(extracted.form)
    if not master.closed:
        return [*lines, "block programs: declined, columns outside the blocks have no closed form", *lower]
    if extracted.form.shape[0] < FEWEST_BLOCKS:
        return [*lines, f"block programs: fit, but fewer than {FEWEST_BLOCKS} blocks: one piece is quicker", *lower]
    return [*lines, "block programs: taken (price-and-reinsert), with a proven bound"]


def _lower(dim: str, size: int, rows: int) -> list[str]:
    taken = f"{size}, one of each `{dim}`, at prices of {rows} shared rows; where the first plan leaves the gap open"
    declined = f"declined, no dim parts the model into {FEWEST_BLOCKS} blocks"
    return [
        "neighbourhoods: of the ground model, where it has many integers",
        f"block programs by branching: {taken if size >= FEWEST_BLOCKS else declined}",
        "one piece: otherwise, and to improve what the levels above found",
    ]


def _blocks(shape: Shape, extracted: Extracted) -> str:
    S, A, T, W = extracted.form.shape
    rows = extracted.form.n_rows
    return (f"blocks: {S} of {' × '.join(f'`{d}`' for d in shape.block)}; {A} sources, {T} of `{shape.time}`, {W} scenarios; "
            f"{rows} shared rows")


def _roles(shape: Shape) -> list[str]:
    order = f"order `{shape.order}`" + (f" with switch `{shape.switch}`" if shape.switch else "")
    position = f"running total `{shape.level}`" if shape.level else f"stock `{shape.held}`"
    owed = f", owed `{shape.owed}`" if shape.owed else ", nothing may be owed"
    out = [f"roles: {order}, {position}{owed}, carried by rule `{shape.balance.name}`"]
    shared = ", ".join(f"`{r.name}`" for r in shape.coupling) or "none"
    own = f"; per block: `{shape.service.name}`" if shape.service is not None else ""
    outside = f"; outside the blocks: {', '.join(f'`{n}`' for n in shape.master)}" if shape.master else ""
    return [*out, f"shared rules: {shared}{own}{outside}"]


