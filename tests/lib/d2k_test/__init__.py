"""What the integration tests use: programs of d2k in directories of their own, certificates,
configuration, and a client of the protocol that is independent of the C code."""
