"""Alembic's migrations of the store; schema.py runs them."""
