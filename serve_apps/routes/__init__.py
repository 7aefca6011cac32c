"""Routes, one file an API family; each has a ``router``."""
