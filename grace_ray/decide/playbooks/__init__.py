"""Playbooks: which one to choose, when it may run, what came of it, and what was learned."""
