"""goaldsl."""
