"""The web behind ports: a guarded fetcher, and search providers."""
