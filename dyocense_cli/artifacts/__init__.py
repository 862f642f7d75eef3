"""The nouns: frozen values that pass between stages, their canonical bytes and fingerprints."""
