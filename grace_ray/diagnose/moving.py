"""Moving the events of some templates from one cluster to another, and back."""

from collections.abc import Sequence
from typing import Any

from grace_ray.diagnose.live_cluster import LiveCluster


def move_templates(leaf: LiveCluster, new: LiveCluster, templates: Sequence[str]) -> None:
    """Move what a leaf counted of these templates; its sources and recency go along in proportion."""
    counts = {template: leaf.templates.pop(template) for template in templates if template in leaf.templates}
    moved = sum(counts.values())
    share = moved / leaf.count if leaf.count else 0.0
    sources = {source: round(count * share) for source, count in leaf.sources.items()}
    _add(new.templates, counts, 1)
    _add(new.sources, sources, 1)
    _add(leaf.sources, sources, -1)
    new.count += moved
    leaf.count -= moved
    recent = round(leaf.recent * share, 6)
    new.recent, leaf.recent = round(new.recent + recent, 6), round(leaf.recent - recent, 6)
    new.first_us, new.last_us = min(new.first_us, leaf.first_us), max(new.last_us, leaf.last_us)
    leaf.sample()
    for half, target in ((leaf.oldest, new.oldest), (leaf.newest, new.newest)):
        target += [event for event in half if _template(event) in counts]
        half[:] = [event for event in half if _template(event) not in counts]


def move_back(new: LiveCluster, leaf: LiveCluster) -> None:
    """Give all that a cluster counted to the leaf that it was split off from."""
    _add(leaf.templates, new.templates, 1)
    _add(leaf.sources, new.sources, 1)
    leaf.count += new.count
    leaf.recent = round(leaf.recent + new.recent, 6)
    leaf.first_us, leaf.last_us = min(leaf.first_us, new.first_us), max(leaf.last_us, new.last_us)
    new.sample()
    leaf.sample()
    leaf.oldest = sorted([*leaf.oldest, *new.oldest], key=_at)[: max(len(leaf.oldest), len(new.oldest))]
    leaf.newest = sorted([*leaf.newest, *new.newest], key=_at)[-max(len(leaf.newest), len(new.newest), 1) :]


def _add(counts: dict[str, int], more: dict[str, int], sign: int) -> None:
    for name, count in more.items():
        counts[name] = counts.get(name, 0) + sign * count
        if not counts[name]:
            del counts[name]


def _template(event: Any) -> str:
    return str(event["template"])


def _at(event: Any) -> str:
    return str(event["at"])
