"""Personal data become keyed hashes before anything is stored, logged or shown."""
