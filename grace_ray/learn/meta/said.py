"""What the meta-learner says of a cycle: the finding that it has ended."""

from datetime import datetime

from grace_ray.core.fact import Fact
from grace_ray.core.ids import derived_id
from grace_ray.core.recommendation import CYCLE_ENDED, LearningCycle

_INSIGHTS = 5  # that a fact holds


def ended(cycle: LearningCycle, now: datetime) -> Fact:
    """Return the finding that a cycle has ended, however it did."""
    figures = (
        "samples_analyzed",
        "patterns_tried",
        "patterns_discovered",
        "patterns_confirmed",
        "patterns_dropped",
        "rules_updated",
        "iteration_accuracy",
        "iteration_coverage",
        "processing_time_seconds",
    )
    told = {name: getattr(cycle, name) for name in figures} if cycle.status == "completed" else {"error": cycle.error}
    return Fact(
        id=derived_id(now, CYCLE_ENDED, cycle.workspace_id, cycle.iteration_id, cycle.status),
        at=now,
        kind="finding",
        type=CYCLE_ENDED,
        source="grace/meta_learner",
        subject=cycle.workspace_id,
        trace=cycle.iteration_id,
        body={
            "workspace_id": cycle.workspace_id,
            "iteration_id": cycle.iteration_id,
            "trigger": cycle.trigger,
            "status": cycle.status,
            **told,
            "key_insights": list(cycle.key_insights[:_INSIGHTS]),
        },
    )
