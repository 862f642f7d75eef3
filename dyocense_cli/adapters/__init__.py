"""The porch: everything that touches disk, network, clock, process or a solver library."""
