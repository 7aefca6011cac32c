"""Points of metrics, the series that they belong to, and the snapshots that sum them up."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables; a series is named by a small number in the two that grow."""
    op.create_table(
        "series",
        sa.Column("id", SEQ, primary_key=True, autoincrement=True),
        sa.Column("key", TEXT, nullable=False, unique=True),
        sa.Column("metric", TEXT, nullable=False),
        sa.Column("is_counter", sa.Boolean, nullable=False),
        sa.Column("first_us", sa.BigInteger, nullable=False),
    )
    op.create_index("series_by_metric", "series", ["metric", "key"])
    op.create_table(
        "points",
        sa.Column("seq", SEQ, primary_key=True, autoincrement=True),
        sa.Column("series_id", SEQ, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sqlite_autoincrement=True,  # a seq that was used is never used again, whatever is pruned
    )
    op.create_index("points_by_series", "points", ["series_id", "at_us"], unique=True)
    op.create_index("points_by_time", "points", ["at_us"])
    op.create_table(
        "snapshots",
        sa.Column("series_id", SEQ, primary_key=True, autoincrement=False),
        sa.Column("step_s", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("start_us", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Double, nullable=False) for name in ("min", "max", "mean", "p50", "p95", "p99")),
        sa.Column("band", TEXT, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("snapshots_by_time", "snapshots", ["step_s", "start_us"])
