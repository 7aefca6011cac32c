"""One file a schema revision, named by its number."""
