"""Recommendations, outcomes, trust, patterns and learning cycles: tables with a column for each field.

``key``, ``record_status`` and ``rank_neg`` are what the table ``records`` has as key, status and rank_neg.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
WORDS = sa.Text()
REAL = sa.Double
WHOLE = sa.BigInteger()
TRUTH = sa.Boolean()
JSON = sa.Text()  # the text itself, so that it comes back as it was given
TIME = sa.Text()  # RFC 3339 in UTC; rank_neg is what is ordered by

TABLES = {
    "agent_recommendations": (
        ("recommendation_id", TEXT, False),
        ("agent_id", TEXT, False),
        ("agent_name", WORDS, False),
        ("correlation_id", TEXT, False),
        ("workflow_id", TEXT, False),
        ("recommendation_type", TEXT, False),
        ("recommendation_content", JSON, True),
        ("confidence_score", REAL, True),
        ("reasoning", WORDS, False),
        ("evidence", JSON, False),
        ("context", JSON, False),
        ("latency_ms", REAL, True),
        ("within_ms", REAL, True),
        ("created_at", TIME, False),
        ("outcome", TEXT, False),
        ("quality_scores", JSON, False),
        ("overall_quality_score", REAL, True),
        ("evaluator_feedback", WORDS, False),
        ("evaluated_at", TIME, True),
    ),
    "recommendation_outcomes": (
        ("outcome_id", TEXT, False),
        ("recommendation_id", TEXT, False),
        ("outcome", TEXT, False),
        ("quality_scores", JSON, False),
        ("overall_quality_score", REAL, True),
        ("comparative_rank", REAL, True),
        ("evaluator_feedback", WORDS, False),
        ("evaluated_at", TIME, False),
    ),
    "agent_trust_scores": (
        ("agent_id", TEXT, False),
        ("agent_name", WORDS, False),
        ("overall_trust_score", REAL, False),
        ("accuracy_score", REAL, False),
        ("consistency_score", REAL, False),
        ("timeliness_score", REAL, False),
        ("reliability_score", REAL, False),
        ("approval_rate", REAL, True),
        ("avg_quality_score", REAL, True),
        ("trend", TEXT, False),
        ("recommendation_strength", TEXT, False),
        ("sample_size", WHOLE, False),
        ("expected", REAL, False),
        ("interval", JSON, False),
        ("by_type", JSON, False),
        ("calibration", JSON, False),
        ("history", JSON, False),
        ("updated_at", TIME, False),
    ),
    "recommendation_patterns": (
        ("pattern_id", TEXT, False),
        ("pattern_type", TEXT, False),
        ("condition", JSON, False),
        ("description", WORDS, False),
        ("success_rate", REAL, False),
        ("base_rate", REAL, False),
        ("frequency_count", WHOLE, False),
        ("confidence_level", REAL, False),
        ("strength", TEXT, False),
        ("is_confirmed", TRUTH, False),
        ("first_validated", TIME, False),
        ("last_validated", TIME, False),
    ),
    "meta_learner_state": (
        ("iteration_id", TEXT, False),
        ("trigger", TEXT, False),
        ("status", TEXT, False),
        ("samples_analyzed", WHOLE, False),
        ("patterns_tried", WHOLE, False),
        ("patterns_discovered", WHOLE, False),
        ("patterns_confirmed", WHOLE, False),
        ("patterns_dropped", WHOLE, False),
        ("rules_updated", WHOLE, False),
        ("iteration_accuracy", REAL, True),
        ("iteration_coverage", REAL, True),
        ("pattern_confidence_improvement", REAL, True),
        ("rule_effectiveness_improvement", REAL, True),
        ("key_insights", JSON, False),
        ("recommendations_for_swarm", JSON, False),
        ("rules", JSON, False),
        ("profiles", JSON, False),
        ("error", WORDS, False),
        ("started_at", TIME, False),
        ("completed_at", TIME, True),
        ("processing_time_seconds", REAL, True),
    ),
}


def upgrade() -> None:
    """Make the tables.

    Few records have the same rank, so the indexes leave out the key, which is long: ties are sorted as they are read.
    What a recommendation answers is mostly left out, so only those that tell it are indexed.
    """
    for table, fields in TABLES.items():
        op.create_table(
            table,
            sa.Column("key", TEXT, primary_key=True),
            sa.Column("record_status", TEXT, nullable=False),
            sa.Column("rank_neg", sa.Double, nullable=False),
            sa.Column("workspace_id", TEXT, nullable=False),
            *(sa.Column(name, kind, nullable=is_nullable) for name, kind, is_nullable in fields),
        )
        op.create_index(f"{table}_by_rank", table, ["rank_neg"])
        op.create_index(f"{table}_by_status", table, ["record_status", "rank_neg"])
        op.create_index(f"{table}_by_workspace", table, ["workspace_id", "rank_neg"])
    for table, column in (
        ("agent_recommendations", "correlation_id"),
        ("agent_recommendations", "workflow_id"),
        ("recommendation_outcomes", "recommendation_id"),
    ):
        is_told = sa.text(f"{column} <> ''")
        op.create_index(
            f"{table}_by_{column}",
            table,
            ["workspace_id", column, "rank_neg"],
            sqlite_where=is_told,
            postgresql_where=is_told,
        )
