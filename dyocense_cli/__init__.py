"""A decision kernel for the command line."""
