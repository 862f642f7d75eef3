"""Adapters of the graph port."""
