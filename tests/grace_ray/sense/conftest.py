"""Hypothesis without deadlines: the machine is shared, and speed is measured in bench/."""

from hypothesis import settings

settings.register_profile("grace", deadline=None)
settings.load_profile("grace")
