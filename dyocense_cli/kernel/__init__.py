"""The verbs: pure stages, siblings that never import one another."""
