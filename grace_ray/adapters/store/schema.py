"""The schema's version, and bringing a database up to it. SQLAlchemy and Alembic are imported only to migrate."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from grace_ray.core.errors import NewerVersion

REVISIONS = ("0001", "0002", "0003")
"""Every revision that this version of Grace knows, oldest first; a test holds it to the migrations folder."""


def is_current(version: str) -> bool:
    """Return whether a database at ``version`` ("": none yet) needs no migration. Raises NewerVersion."""
    if version and version not in REVISIONS:
        raise NewerVersion(
            f"The store has schema {version}, which this version of Grace does not know (it knows up to "
            f"{REVISIONS[-1]}): a newer Grace wrote it. Install that one, or choose another GRACE_HOME."
        )
    return version == REVISIONS[-1]


def upgrade(dialect: str, connect: Callable[[], Any]) -> None:
    """Run the migrations that are missing, in one transaction, over a raw connection that ``connect`` opens.

    ``dialect`` is SQLAlchemy's name: ``sqlite`` or ``postgresql+psycopg``.
    """
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine, event
    from sqlalchemy.pool import NullPool

    engine = create_engine(f"{dialect}://", creator=connect, poolclass=NullPool)
    if dialect == "sqlite":
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()
