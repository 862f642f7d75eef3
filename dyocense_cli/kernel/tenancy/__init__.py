"""Tiers, quotas, budgets, cost estimates and the fair order of runs: arithmetic only, on numbers read elsewhere."""
