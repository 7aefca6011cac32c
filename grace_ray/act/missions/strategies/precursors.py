"""What comes before trouble: events that stand before its onsets more often than chance would put them there."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from grace_ray.core.clock import from_us, to_text
from grace_ray.core.entry import Entry
from grace_ray.core.event import Event
from grace_ray.core.store import EntryFilter, Reader

WINDOW_S = 600.0
EVENTS_A_WINDOW = 500
BASE_EVENTS = 2000
LIFT_MIN = 2.0
SHARE_MIN = 0.5
NAMED_MAX = 3

_WINDOW_US = int(WINDOW_S * 1e6)
_CHANGE = re.compile(r"deploy|release|rollout|push|config|migration|upgrade|scal(e|ing)|flag", re.IGNORECASE)
_VARIABLE = re.compile(r"0x[0-9a-f]+|\d+(?:[.:/-]\d+)*|[0-9a-f]{8,}", re.IGNORECASE)
_EVENTS = EntryFilter(kinds=frozenset({"event"}))
_CHANGES = EntryFilter(kinds=frozenset({"change"}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Precursor:
    """A kind of event that came before ``count`` of ``onsets`` onsets, ``lift`` times as often as by chance.

    ``seq`` is the journal entry of the last such event, ``lag_s`` the seconds from it to its onset.
    """

    label: str
    count: int
    onsets: int
    lift: float
    lag_s: float
    seq: int
    is_change: bool

    def sentence(self) -> str:
        """Return it in words."""
        often = f"{self.count} of {self.onsets} times" if self.onsets > 1 else "this time"
        what = "This change" if self.is_change else "This event"
        return f"{what} came before it {often}, last {self.lag_s:.0f} s before: {self.label}"


def precursors(reader: Reader, onsets: Sequence[Entry]) -> list[Precursor]:
    """Return what preceded the onsets (findings that a cluster was created or reopened), most telling first."""
    if not onsets:
        return []
    seen: Counter[str] = Counter()
    last: dict[str, tuple[Entry, Entry]] = {}
    for onset in onsets:
        before = _before(reader, onset)
        for signature, entry in before.items():
            seen[signature] += 1
            last.setdefault(signature, (entry, onset))
    base, span_us = _base_rates(reader)
    found = []
    for signature, count in seen.items():
        entry, onset = last[signature]
        is_change = entry.kind == "change" or bool(_CHANGE.search(entry.type))
        chance = 1.0 - math.exp(-base.get(signature, 1) * _WINDOW_US / span_us)
        lift = count / len(onsets) / max(chance, 1e-3)
        if is_change or (count >= 2 and count >= SHARE_MIN * len(onsets) and lift >= LIFT_MIN):
            found.append(
                Precursor(
                    label=label(entry),
                    count=count,
                    onsets=len(onsets),
                    lift=lift,
                    lag_s=max(0.0, (onset.at_us - entry.at_us) / 1e6),
                    seq=entry.seq,
                    is_change=is_change,
                )
            )
    return sorted(found, key=lambda p: (-p.is_change, -p.lift, p.seq))[:NAMED_MAX]


def label(entry: Entry) -> str:
    """Return an entry in a few words: type, source, the start of its message."""
    message = ""
    if entry.kind == "event":
        message = " ".join(Event.from_entry(entry).message.split())[:120].replace(". ", "; ")
    told = f", {message!r}" if message else ""
    return f"{entry.type} from {entry.source}{told} at {to_text(from_us(entry.at_us))}."


def _before(reader: Reader, onset: Entry) -> dict[str, Entry]:
    """Return the last entry of each kind in the window before an onset, but for those like the one that caused it."""
    own = {_signature(entry) for entry in reader.find(onset.cause)} if onset.cause else set()
    entries = [
        *reader.latest(EVENTS_A_WINDOW, _EVENTS, before=onset.seq),
        *reader.latest(20, _CHANGES, before=onset.seq),
    ]
    near: dict[str, Entry] = {}
    for entry in entries:
        signature = _signature(entry)
        if onset.at_us - _WINDOW_US <= entry.at_us <= onset.at_us and signature not in own and not _is_baseline(entry):
            near.setdefault(signature, entry)
    return near


def _is_baseline(entry: Entry) -> bool:
    return entry.kind == "event" and not _CHANGE.search(entry.type) and Event.from_entry(entry).success


def _base_rates(reader: Reader) -> tuple[Counter[str], float]:
    """Return how often each signature came lately, and over how long a time (microseconds, at least two windows)."""
    lately = reader.latest(BASE_EVENTS, _EVENTS)
    times = [entry.at_us for entry in lately]
    span = max(times) - min(times) if times else 0
    return Counter(map(_signature, lately)), max(float(span), 2.0 * _WINDOW_US)


def _signature(entry: Entry) -> str:
    message = Event.from_entry(entry).message[:80] if entry.kind == "event" else ""
    return f"{entry.kind}|{entry.type}|{entry.source}|{_VARIABLE.sub('#', message)}"
