"""Whom to believe: trust in agents from what came of their work, calibration, drift, and consensus among answers."""
