"""Playbooks: the catalog, the kinds of steps, and the runner that carries them out."""
