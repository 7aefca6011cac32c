"""Pause a source that sends too much: its events are answered 429 for a while, and it sends them again later."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from grace_ray.act.playbooks.brakes import put_brake, standing, take_off
from grace_ray.act.playbooks.step import Arguments, NothingToDo, StepTime, World
from grace_ray.core.clock import to_text
from grace_ray.core.store import EntryFilter

NOISIEST = "noisiest"
_LOOKED_AT = 2000


class PauseArguments(Arguments):
    """Which source (``noisiest``: the one that most of the newest events come from), and for how many seconds."""

    source: str = Field(min_length=1, max_length=512)
    for_s: float = Field(gt=0)


class PauseSource:
    """Nothing that was acknowledged is lost: what comes meanwhile is not taken, and the sender is told when to come."""

    arguments = PauseArguments

    def plan(self, arguments: PauseArguments, world: World) -> str:
        """Say which source, and how long."""
        return f"Answer 429 to {_named(arguments, world)} for {min(arguments.for_s, world.settings.brake_max_s):g} s."

    def prepare(self, arguments: PauseArguments, world: World) -> Mapping[str, Any] | None:
        """Note the brake, and one that stands already."""
        return standing(world, "source", _named(arguments, world), world.clock())

    def run(self, arguments: PauseArguments, world: World, time: StepTime) -> str:
        """Put the brake on."""
        source = _named(arguments, world)
        time.left()
        brake = put_brake(world, "source", source, arguments.for_s, "paused by a playbook")
        return f"Events of {source} wait until {to_text(brake.until)}."

    def undo(self, undo: Mapping[str, Any], world: World, time: StepTime) -> str:
        """Take the brake off."""
        return take_off(world, undo)


def _named(arguments: PauseArguments, world: World) -> str:
    """Return the source that is meant. Raises NothingToDo where none sends anything."""
    if arguments.source != NOISIEST:
        return arguments.source
    newest = world.reader.latest(_LOOKED_AT, EntryFilter(kinds=frozenset({"event"})))
    counts = Counter(entry.source for entry in newest if not entry.source.startswith("grace/"))
    if not counts:
        raise NothingToDo("No source from outside sends anything: there is none to pause.")
    return counts.most_common(1)[0][0]
