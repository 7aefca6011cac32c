"""Alembic's entry: runs the migrations over the connection that schema.upgrade passes in."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
