"""Learns from outcomes of recommendations: patterns that hold later, rules, profiles, and what all that is worth."""
