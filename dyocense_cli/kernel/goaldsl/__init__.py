"""YAML text → Goal, ContextSpec, ModelSpec: every field keeps its place, all findings come at once."""
