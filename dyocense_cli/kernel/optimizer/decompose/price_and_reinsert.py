"""Price-and-reinsert: a proven plan for models made of many like blocks that share a few rows.

1. *Detect* the blocks in the symbolic model; 2. *price* the shared rows by the relaxation of a sample of blocks, refined by a
preconditioned Polyak step over all of them; 3. *prove* a bound by the safe block program at those prices; 4. *insert* the
blocks one after another into what the others leave, re-pricing between passes; 5. where shared rows truly bind, *combine* plans
of the pool by a small program. Efforts are counted, so a result is the same everywhere; a clock only guards, and says so.
"""

from __future__ import annotations

import numpy as np

from dyocense_cli.artifacts.goal import SolverOptions
from dyocense_cli.artifacts.optimodel import OptiModel
from dyocense_cli.artifacts.solution import Solution
from dyocense_cli.kernel.optimizer.decompose.detect import detect
from dyocense_cli.kernel.optimizer.decompose.extract import extract
from dyocense_cli.kernel.optimizer.decompose.linear import Reader, Unsuitable
from dyocense_cli.kernel.optimizer.decompose.master import analyse
from dyocense_cli.kernel.optimizer.decompose.outcome import Declined, Earlier
from dyocense_cli.ports import Lent

__all__ = ["FEWEST_BLOCKS", "Declined", "Earlier", "attempt"]

#: Below this the blocks' duality gap outweighs what decomposition saves; measured in benchmarks/solve.py.
FEWEST_BLOCKS = 10


def attempt(
    optimodel: OptiModel, options: SolverOptions, *, lent: Lent, start: np.ndarray | None = None, earlier: Earlier | None = None
) -> Solution | Declined:
    """Solve a model by its blocks, or decline with the reason.

    Parameters
    ----------
    optimodel : OptiModel
        Model to solve.
    options : SolverOptions
        Limits; `work` counts insertion passes; `method` ``decompose`` also takes models of few blocks.
    lent : Lent
        How to solve small programs; `seconds` guards the time limit.
    start : float64[n_cols], optional
        An earlier plan to improve on.
    earlier : Earlier, optional
        Its prices, used instead of new ones; blocks that the change reaches are re-planned first.
    """
    reader = Reader(optimodel)
    try:
        shape = detect(reader)
        blocks = int(np.prod([reader.sizes[d] for d in shape.block]))
        if blocks < FEWEST_BLOCKS and options.method != "decompose":
            return Declined(f"{blocks} blocks of {' and '.join(shape.block)} are fewer than {FEWEST_BLOCKS}: one piece is quicker")
        extracted = extract(reader, shape)
    except Unsuitable as reason:
        return Declined(str(reason))
    whole = [n for n in shape.master if reader.vars[n].type != "float"]
    if whole:
        return Declined(f"`{whole[0]}`, outside the blocks, is a whole number")
    master = analyse(extracted.form)
    if not master.closed:
        return Declined("columns outside the blocks have no closed form")
    # the compiled kernels are imported on use: most models never reach this line
    from dyocense_cli.optimodel import jit

    if not jit.AVAILABLE:
        return Declined("block programs need numba: pip install 'dyocense-cli[numba]'")
    from dyocense_cli.kernel.optimizer.decompose.run import solve_blocks

    return solve_blocks(reader, extracted, master, options, lent=lent, start=start, earlier=earlier)
