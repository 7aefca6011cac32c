"""The invariant check: what was asked of the launcher and never came to an end."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from grace_ray.act.missions.ledger import VIEW, missions
from grace_ray.core.clock import from_us
from grace_ray.core.mission import requested_mission_id
from grace_ray.core.store import EntryFilter, Reader

_REQUESTED = EntryFilter(kinds=frozenset({"decision"}), type="mission.requested")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """A mission that was triggered and has not ended. ``is_stuck``: by the rules it should have moved on by now."""

    mission_id: str
    status: str
    since: datetime
    detail: str
    is_stuck: bool


def unfinished(reader: Reader, now: datetime, slack_s: float = 60.0, requests: int = 5000) -> list[Unfinished]:
    """Return every mission without an end: waiting, running, or requested (among the last ``requests``) and unknown.

    A running mission whose lease ran out more than ``slack_s`` seconds ago is stuck, and so is a request that became
    no mission for so long: nobody drives the launcher.
    """
    slack = timedelta(seconds=slack_s)
    found = []
    for mission in missions(reader, "pending"):
        detail = mission.error or "It waits for a worker."
        found.append(_item(mission.mission_id, "pending", mission.created_at, detail, False))
    for mission in missions(reader, "running"):
        is_stuck = mission.lease_until is None or now > mission.lease_until + slack
        detail = f"Attempt {mission.attempt} on {mission.worker}."
        found.append(_item(mission.mission_id, "running", mission.started_at or mission.created_at, detail, is_stuck))
    for entry in reader.latest(requests, _REQUESTED):
        at = from_us(entry.at_us)
        mission_id = entry.content().get("mission_id") or requested_mission_id(entry.id, at)
        if reader.record(VIEW, mission_id) is None:
            is_stuck = now > from_us(entry.recorded_us) + slack
            found.append(_item(mission_id, "requested", at, "The launcher has not taken it yet.", is_stuck))
    return found


def _item(mission_id: str, status: str, since: datetime, detail: str, is_stuck: bool) -> Unfinished:
    return Unfinished(mission_id=mission_id, status=status, since=since, detail=detail, is_stuck=is_stuck)
