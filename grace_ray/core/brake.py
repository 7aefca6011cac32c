"""A brake: for a while the HTTP face takes no events of one source, or none below a severity."""

import json
from dataclasses import dataclass
from datetime import datetime

from grace_ray.core.canonical import canonical
from grace_ray.core.jsonable import from_plain, to_plain
from grace_ray.core.store import Record

BRAKES_VIEW = "brakes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Brake:
    """``kind`` source: events of the source ``value`` must wait; severity: those less severe than ``value``."""

    kind: str
    value: str
    until: datetime
    run_id: str = ""
    reason: str = ""

    @property
    def key(self) -> str:
        """What is unique about it."""
        return f"{self.kind}:{self.value}"


def brake_record(brake: Brake) -> Record:
    """Return the record of a brake; its rank is when it ends."""
    return Record(BRAKES_VIEW, brake.key, "", brake.until.timestamp(), canonical(to_plain(brake)))


def brake_of(record: Record) -> Brake:
    """Return the brake that a record holds."""
    return from_plain(Brake, json.loads(record.body or b"{}"))
