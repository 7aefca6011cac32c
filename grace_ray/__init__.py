"""Grace: a self-improving operations runtime for fleets of agents and services."""

__version__ = "0.1.0"
