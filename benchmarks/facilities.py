"""One real mixed-integer solve, imports and all: what the fairness benchmark's workers start as children.

python benchmarks/facilities.py SITES SEED
"""

from __future__ import annotations

import sys

import highspy
import numpy as np


def solve(size: int, seed: int) -> None:
    """Solve a capacitated facility location problem of `size` sites and twice as many customers to 1 %."""
    rng, sites, customers = np.random.default_rng(seed), size, 2 * size
    fixed, unit, need = rng.uniform(20, 40, sites), rng.uniform(1, 20, (sites, customers)), rng.uniform(1, 5, customers)
    room = need.sum() / sites * 3
    site, customer = np.divmod(np.arange(sites * customers), customers)
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = sites + sites * customers, customers + sites
    lp.col_cost_ = np.concatenate([fixed, (unit * need).ravel()])
    lp.col_lower_, lp.col_upper_ = np.zeros(lp.num_col_), np.ones(lp.num_col_)
    lp.row_lower_ = np.concatenate([np.ones(customers), np.full(sites, -np.inf)])
    lp.row_upper_ = np.concatenate([np.ones(customers), np.zeros(sites)])
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_ = np.concatenate([np.arange(sites), sites + 2 * np.arange(sites * customers + 1)])
    lp.a_matrix_.index_ = np.concatenate([customers + np.arange(sites), np.column_stack([customer, customers + site]).ravel()])
    lp.a_matrix_.value_ = np.concatenate([np.full(sites, -room), np.column_stack([np.ones(len(site)), need[customer]]).ravel()])
    lp.integrality_ = [highspy.HighsVarType.kInteger] * sites + [highspy.HighsVarType.kContinuous] * (sites * customers)
    highs = highspy.Highs()
    for name, value in (("output_flag", False), ("threads", 1), ("mip_rel_gap", 0.01), ("random_seed", seed)):
        highs.setOptionValue(name, value)
    highs.passModel(lp)
    highs.run()
    assert highs.getModelStatus() == highspy.HighsModelStatus.kOptimal


if __name__ == "__main__":
    solve(int(sys.argv[1]), int(sys.argv[2]))
