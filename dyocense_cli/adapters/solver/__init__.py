"""Adapters of the solver port."""
