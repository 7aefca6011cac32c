"""Learns from outcomes of recommendations: patterns that hold later, rules, profiles of agents, and what they are worth."""
