"""Findings become decisions."""
