"""Conditions under which outcomes are better or worse than elsewhere, that noise does not show; and when to decide."""
