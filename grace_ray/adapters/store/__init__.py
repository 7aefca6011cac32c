"""The store behind the journal: SQLite in GRACE_HOME, or PostgreSQL; SQL stands in sql.py and views.py alone."""
