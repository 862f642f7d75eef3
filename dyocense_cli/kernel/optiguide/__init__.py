"""optiguide."""
