"""The journal, its tree and checkpoints, the views' records, and where followers stand."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NOT_EVENT = sa.text("kind <> 'event'")


def upgrade() -> None:
    """Make every table. Events are most of the journal, so only the other kinds pay for an index of their own."""
    op.create_table(
        "entries",
        sa.Column("seq", SEQ, primary_key=True, autoincrement=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("kind", "type", "source", "subject", "trace", "cause")),
        sa.Column("recorded_us", sa.BigInteger, nullable=False),
        sa.Column("body_hash", sa.LargeBinary, nullable=False),
        sa.Column("body", sa.LargeBinary),
    )
    op.create_index("entries_by_id", "entries", ["id", "source"], unique=True)
    for column in ("kind", "type", "subject", "trace"):
        op.create_index(
            f"entries_by_{column}",
            "entries",
            [column, "seq"],
            sqlite_where=NOT_EVENT,
            postgresql_where=NOT_EVENT,
        )
    op.create_table(
        "tiles",
        sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("idx", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("hashes", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "checkpoints",
        sa.Column("tree_size", SEQ, primary_key=True, autoincrement=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "records",
        sa.Column("view", TEXT, primary_key=True),
        sa.Column("key", TEXT, primary_key=True),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("rank_neg", sa.Double, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("records_by_rank", "records", ["view", "rank_neg", "key"])
    op.create_index("records_by_status", "records", ["view", "status", "rank_neg", "key"])
    op.create_table(
        "followers",
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("cursor_seq", sa.BigInteger, nullable=False),
        sa.Column("state", sa.LargeBinary),
        sa.Column("state_seq", sa.BigInteger, nullable=False),
    )
