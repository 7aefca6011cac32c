"""What was learned of playbooks, in figures: for the API, the console and the CLI."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from grace_ray.core.jsonable import to_plain
from grace_ray.core.metric import Metric
from grace_ray.core.playbook import DO_NOTHING
from grace_ray.core.ports import Playbooks
from grace_ray.core.sample import metric_of
from grace_ray.decide.playbooks.learned import NEWEST_WEIGHT, Learned
from grace_ray.decide.playbooks.runs import Runs

_DAY = timedelta(days=1)
_NAMED = ("greedy", "uniform", "do_nothing")


def statistics(
    learned: Learned, runs: Mapping[str, int], experiences: Mapping[str, int], now: datetime
) -> dict[str, Any]:
    """Return {experiences, last_day, mean_reward, policies, runs, exploration, replay, moving_average, off_policy}.

    ``exploration`` is the share of the choices in the replay buffer that fell on another candidate than the likeliest;
    ``off_policy`` what other policies would have earned, from the log (see worth).
    """
    replay = list(learned.replay)
    rewards = [experience.reward for experience in replay]
    chosen = [experience for experience in replay if len(experience.candidates) > 1]
    explored = sum(
        max(experience.candidates, key=lambda candidate: candidate.probability).playbook != experience.playbook
        for experience in chosen
    )
    return {
        "experiences": sum(experiences.values()),
        "last_day": sum(experience.at > now - _DAY for experience in replay),
        "mean_reward": _mean(rewards),
        "recent_mean_reward": _mean(rewards[-20:]),
        "policies": len(learned.averages()),
        "playbooks_tried": len({experience.playbook for experience in replay} - {DO_NOTHING}),
        "runs": dict(runs),
        "exploration": {"choices": len(chosen), "explored": explored, "share": explored / max(len(chosen), 1)},
        "replay": {"size": len(replay), "capacity": learned.replay.maxlen},
        "moving_average": {"weight_of_newest": NEWEST_WEIGHT},
        "off_policy": learned.worth(),
    }


def policies(learned: Learned, metrics: Mapping[str, Metric]) -> list[dict[str, Any]]:
    """Return for each service and diagnosis its candidates, ranked, with moving average, count and uncertainty."""
    found = []
    for cell, arms in sorted(learned.averages().items()):
        service, _, diagnosis = cell.partition("|")
        metric = metrics.get(metric_of(diagnosis))
        named = list(metric.playbooks) if metric else []
        candidates = list(dict.fromkeys([*named, *arms, DO_NOTHING]))
        ranked = []
        for recommendation in learned.recommend(cell, candidates, named):
            known = arms.get(recommendation.playbook)
            ranked.append(
                {
                    **to_plain(recommendation),
                    "moving_average": known.average if known else None,
                    "mean_reward": known.total / known.count if known else None,
                    "standard_error": known.deviation if known else None,
                    "last_at": known.last_at if known else None,
                    "effect": learned.effect(service, diagnosis, recommendation.playbook),
                }
            )
        samples = sum(one.count for one in arms.values())
        found.append({"service": service, "diagnosis": diagnosis, "samples": samples, "candidates": ranked})
    return found


def performance(learned: Learned, playbooks: Playbooks, runs: Runs) -> list[dict[str, Any]]:
    """Return for each playbook its runs by status, and its rewards over all services and diagnoses."""
    by_status: dict[str, Counter[str]] = {}
    for run in runs.known():
        if not run.is_dry:
            by_status.setdefault(run.playbook, Counter())[run.status] += 1
    found = []
    for playbook_id in [*(playbook.id for playbook in playbooks.all()), DO_NOTHING]:
        known = [arms[playbook_id] for arms in learned.averages().values() if playbook_id in arms]
        count = sum(one.count for one in known)
        total, squares = sum(one.total for one in known), sum(one.squares for one in known)
        mean = total / count if count else None
        variance = (
            max(squares / count - mean * mean, 0.0) * count / (count - 1) if mean is not None and count > 1 else None
        )
        newest = max(known, key=lambda one: one.last_at, default=None)
        found.append(
            {
                "playbook": playbook_id,
                "runs": dict(by_status.get(playbook_id, {})),
                "samples": count,
                "mean_reward": mean,
                "standard_error": (variance / count) ** 0.5 if variance is not None else None,
                "moving_average": newest.average if newest else None,
                "last_at": newest.last_at if newest else None,
                "services": len(known),
            }
        )
    return sorted(found, key=lambda one: (one["mean_reward"] is None, -(one["mean_reward"] or 0.0), one["playbook"]))


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
