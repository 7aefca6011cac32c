"""GitHub's API behind core.ports.CodeHost."""
