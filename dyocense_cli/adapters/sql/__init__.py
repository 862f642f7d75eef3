"""Adapters of the sql port."""
