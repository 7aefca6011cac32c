"""What goes to ``grace_training/``: experiences, approvals and refusals as files, each a pure function of its record.

So a file that a crash has kept from being written is made again from the store, with the same name and content.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from grace_ray.core.canonical import canonical
from grace_ray.core.jsonable import from_plain, to_plain
from grace_ray.core.playbook import EXPERIENCES_VIEW, Experience
from grace_ray.core.store import Reader, Record

VERDICTS_VIEW = "playbook_verdicts"
CATEGORIES = (
    "web_scraping",
    "github",
    "youtube",
    "reddit",
    "api_discovery",
    "code_patterns",
    "errors_fixed",
    "user_feedback",
    "constitutional",
    "governance",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A yes, a no, or an expiry of a person's (governance), or a refusal by rule (constitutional)."""

    verdict_id: str
    at: datetime
    category: str
    verdict: str
    run_id: str
    playbook: str
    subject: str
    by: str
    reason: str


def verdict_record(verdict: Verdict) -> Record:
    """Return the record of a verdict, by category, newest first."""
    rank = verdict.at.timestamp()
    return Record(VERDICTS_VIEW, verdict.verdict_id, verdict.category, rank, canonical(to_plain(verdict)))


def file_of(record: Record) -> tuple[str, bytes] | None:
    """Return (path below grace_training, content) of a record that has a file; None for any other."""
    if not record.body:
        return None
    if record.view == EXPERIENCES_VIEW:
        experience = from_plain(Experience, json.loads(record.body))
        name = f"{_clock(experience.at)}_incident_{_safe(experience.experience_id)}.json"
        return f"errors_fixed/{_day(experience.at)}/{name}", _pretty(to_plain(experience))
    if record.view == VERDICTS_VIEW:
        verdict = from_plain(Verdict, json.loads(record.body))
        name = f"{_clock(verdict.at)}_{verdict.verdict}_{_safe(verdict.verdict_id)}.json"
        return f"{verdict.category}/{_day(verdict.at)}/{name}", _pretty(to_plain(verdict))
    return None


def newest_files(reader: Reader, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield the files of the newest ``count`` records of each view: what is missing of them is to be made."""
    for view in (EXPERIENCES_VIEW, VERDICTS_VIEW):
        for record in reader.records(view, None, count).items:
            found = file_of(record)
            if found is not None:
                yield found


def _pretty(plain: Mapping[str, Any]) -> bytes:
    return json.dumps(plain, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _day(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d")


def _clock(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%H%M%S")


def _safe(text: str) -> str:
    return "".join(char if char.isalnum() or char in "-_" else "-" for char in text)[:80]
