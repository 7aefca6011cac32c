"""What a part tells Ray's metrics (ray.util.metrics): Ray's Prometheus port and dashboard show it beside Ray's own.

Only where ``ray.dashboard_metrics`` is on: collecting them costs Ray a share of a core. ``/metrics`` of the HTTP face
has Grace's figures in any case.
"""

from ray.util.metrics import Counter, Gauge, Histogram

_BOUNDARIES_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0]


class PartMeter:
    """Counts the turns of one part; ``part`` is a tag of every figure."""

    def __init__(self, part: str) -> None:
        self._entries = Counter("grace_part_entries", "Journal entries that a part took", ("part",))
        self._cursor = Gauge("grace_part_cursor", "Sequence number up to which a part has come", ("part",))
        self._turn = Histogram("grace_part_turn_seconds", "Time to take and commit a batch", _BOUNDARIES_S, ("part",))
        for metric in (self._entries, self._cursor, self._turn):
            metric.set_default_tags({"part": part})

    def note_turn(self, entries: int, cursor: int, took_s: float) -> None:
        """Note that a batch of ``entries`` was taken."""
        if entries:
            self._entries.inc(entries)
        self._cursor.set(cursor)
        self._turn.observe(max(took_s, 1e-9))  # Ray takes no zero
