"""Decisions become outcomes: learning missions and their strategies."""
