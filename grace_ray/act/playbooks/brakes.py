"""Brakes: records that the HTTP face's intake reads, so that it answers 429 for a while; they expire by themselves."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from grace_ray.act.playbooks.step import World
from grace_ray.core.brake import BRAKES_VIEW, Brake, brake_record
from grace_ray.core.store import Record


def put_brake(world: World, kind: str, value: str, for_s: float, reason: str) -> Brake:
    """Put a brake on; one that this kind and value has already is replaced. Return it."""
    until = world.clock() + timedelta(seconds=min(for_s, world.settings.brake_max_s))
    brake = Brake(kind=kind, value=value, until=until, run_id=world.run_id, reason=reason)
    world.runtime.put([brake_record(brake)])
    return brake


def standing(world: World, kind: str, value: str, now: datetime) -> Mapping[str, Any]:
    """Return what ``take_off`` needs: the key, and the brake that stands there already (body text, or "")."""
    key = f"{kind}:{value}"
    found = world.reader.record(BRAKES_VIEW, key)
    before = found.body.decode() if found and found.body and found.rank > now.timestamp() else ""
    return {"key": key, "before": before, "rank": found.rank if found and before else 0.0}


def take_off(world: World, undo: Mapping[str, Any]) -> str:
    """Take a brake off, or put back the one that stood there before."""
    before = undo.get("before") or None
    record = Record(BRAKES_VIEW, undo["key"], "", float(undo.get("rank", 0.0)), before.encode() if before else None)
    world.runtime.put([record])
    return f"The brake {undo['key']} is off." if before is None else f"The brake {undo['key']} is as it was before."
