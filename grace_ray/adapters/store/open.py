"""Opens the store that the settings name: PostgreSQL where ``database_url`` is set, else SQLite in the home."""

from pathlib import Path

from grace_ray.adapters.store import sqlite
from grace_ray.adapters.store.tables import TableReader, TableWriter
from grace_ray.settings import Settings


def open_writer(settings: Settings) -> TableWriter:
    """Return the store's single writer, unconnected: ``migrate`` comes first, and is what can fail."""
    if settings.database_url:
        from grace_ray.adapters.store import postgres

        return postgres.writer(settings.database_url)
    return sqlite.writer(sqlite_path(settings))


def open_reader(settings: Settings) -> TableReader:
    """Return a reader of the store, which may not exist yet."""
    if settings.database_url:
        from grace_ray.adapters.store import postgres

        return postgres.reader(settings.database_url)
    return sqlite.reader(sqlite_path(settings))


def sqlite_path(settings: Settings) -> Path:
    """Return where SQLite's file is."""
    return settings.home / "grace.db"
