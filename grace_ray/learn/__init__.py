"""Outcomes become knowledge."""
