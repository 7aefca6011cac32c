"""A cycle from the store: reads what it needs by itself, so that it can run beside the part that asked for it."""

import json
from datetime import datetime, timedelta

from grace_ray.core.jsonable import from_plain
from grace_ray.core.recommendation import LEARNING_VIEW, PATTERNS_VIEW, LearningCycle, Pattern
from grace_ray.core.store import Reader
from grace_ray.learn.meta.cycle import Known, Result, run
from grace_ray.learn.meta.part import Due
from grace_ray.learn.meta.reading import read
from grace_ray.models.patterns.mining import MiningSettings
from grace_ray.settings import MetaLearnerSettings

_PATTERNS_MAX = 1000
_CYCLES = 10  # among which the last completed one is looked for


def learn(due: Due, reader: Reader, settings: MetaLearnerSettings, now: datetime) -> Result:
    """Return what a cycle finds in the outcomes of its time. ``now`` is when it reads."""
    started = due.cycle
    above = (started.started_at - timedelta(days=due.lookback_days)).timestamp()
    samples = read(reader, started.workspace_id, above, started.started_at.timestamp(), settings.samples_max)
    mining = MiningSettings(error_rate=settings.error_rate, support_min=settings.support_min)
    return run(started, samples, _known(reader, started.workspace_id), mining, now)


def _known(reader: Reader, workspace_id: str) -> Known:
    patterns = reader.records(PATTERNS_VIEW, workspace_id, _PATTERNS_MAX).items
    cycles = (
        from_plain(LearningCycle, json.loads(record.body or b"{}"))
        for record in reader.records(LEARNING_VIEW, workspace_id, _CYCLES).items
    )
    last = next((cycle for cycle in cycles if cycle.status == "completed"), None)
    return Known([from_plain(Pattern, json.loads(record.body or b"{}")) for record in patterns], last)
