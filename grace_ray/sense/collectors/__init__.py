"""Grace's own senses: its host and its runtime."""
