"""Choices whose reward is still to come: what was chosen for which situation, and when it may be judged."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from grace_ray.core.canonical import canonical
from grace_ray.core.jsonable import from_plain, to_plain
from grace_ray.core.playbook import Candidate
from grace_ray.core.store import Reader, Record

CHOICES_VIEW = "playbook_choices"
OPEN = ("acting", "settling")
"""acting: its run has not ended; settling: it is left alone until its effect can be seen; then it is ``judged``, or
``dropped`` where nothing can be said (it never ran, or nothing was measured)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """A choice, from when it was made until its reward is known.

    ``before`` holds the values by series as the choice was made; ``slope_per_s`` is how its metric was forecast to go
    on, with ``probability``.
    ``was_idle``: its run found nothing to do, and teaches nothing.
    ``tried`` are the playbooks that this episode has tried already; ``settles_at`` is when it may be judged.
    """

    choice_id: str
    status: str
    at: datetime
    service: str
    diagnosis: str
    series: str
    finding: str
    playbook: str
    context: Mapping[str, float]
    candidates: Sequence[Candidate]
    before: Mapping[str, float]
    slope_per_s: float = 0.0
    probability: float = 0.0
    is_forecast: bool = False
    warning_id: str = ""
    attempt: int = 1
    tried: Sequence[str] = ()
    run_id: str = ""
    acted_until: datetime | None = None
    settles_at: datetime | None = None
    has_failed: bool = False
    was_idle: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    @property
    def is_open(self) -> bool:
        """Whether its reward may still come."""
        return self.status in OPEN


def choice_record(choice: Awaited) -> Record:
    """Return the record of a choice."""
    return Record(CHOICES_VIEW, choice.choice_id, choice.status, choice.at.timestamp(), canonical(to_plain(choice)))


def open_choices(reader: Reader) -> dict[str, Awaited]:
    """Return every choice whose reward is still to come."""
    found = {}
    for status in OPEN:
        after: str | None = None
        while True:
            page = reader.records(CHOICES_VIEW, status, 500, after)
            for record in page.items:
                choice = from_plain(Awaited, json.loads(record.body or b"{}"))
                found[choice.choice_id] = choice
            after = page.next
            if after is None:
                break
    return found
