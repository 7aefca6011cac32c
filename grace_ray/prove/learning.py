"""How fast Grace learns, from the records of what was learned: experiences, rewards and policies, day by day."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from grace_ray.core.playbook import EXPERIENCES_VIEW
from grace_ray.core.store import Reader

DAYS = 14
_READ_MAX = 10_000
_PAGE = 1000


def progress(experiences: Iterable[Mapping[str, Any]], now: datetime, days: int = DAYS) -> dict[str, Any]:
    """Return experiences, mean reward and policies by day for ``days`` days, and the velocity of the last week.

    A policy is a service and diagnosis that something was learned for; ``new_policies`` are a day's first ones.
    Rewards are in [-1, 1].
    """
    rewards: dict[str, list[float]] = defaultdict(list)
    first_seen: dict[tuple[str, str], str] = {}
    for experience in experiences:
        day = str(experience["at"])[:10]
        rewards[day].append(float(experience["reward"]))
        cell = (experience["service"], experience["diagnosis"])
        first_seen[cell] = min(day, first_seen.get(cell, day))
    shown = [f"{now - timedelta(days=back):%Y-%m-%d}" for back in range(days - 1, -1, -1)]
    by_day: list[dict[str, Any]] = [
        {
            "day": day,
            "experiences": len(rewards[day]),
            "mean_reward": round(sum(rewards[day]) / len(rewards[day]), 4) if rewards[day] else None,
            "new_policies": sum(1 for seen in first_seen.values() if seen == day),
        }
        for day in shown
    ]
    week = by_day[-7:]
    return {
        "experiences": sum(map(len, rewards.values())),
        "policies": len(first_seen),
        "learning_velocity": {
            "experiences_a_day": round(sum(day["experiences"] for day in week) / len(week), 2),
            "new_policies_a_day": round(sum(day["new_policies"] for day in week) / len(week), 2),
        },
        "by_day": by_day,
    }


def rewards_of(experiences: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return {count, mean} of the rewards of experiences, ``mean`` None before the first."""
    rewards = [float(experience["reward"]) for experience in experiences]
    return {"count": len(rewards), "mean": round(sum(rewards) / len(rewards), 4) if rewards else None}


def newest_experiences(reader: Reader) -> Iterator[dict[str, Any]]:
    """Yield the newest 10,000 experiences, newest first."""
    after: str | None = None
    for _ in range(_READ_MAX // _PAGE):
        page = reader.records(EXPERIENCES_VIEW, None, _PAGE, after)
        for record in page.items:
            yield json.loads(record.body or b"{}")
        after = page.next
        if after is None:
            return
