"""optimodel."""
