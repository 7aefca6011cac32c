"""What falls due by time alone: ends of overrides, quiet periods and deletions; a heap, checked when it fires."""

import heapq


class Timers:
    """Due times of clusters. A timer says only "look again": whoever takes it checks what is really due."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, str]] = []

    def at(self, due_us: int, key: str) -> None:
        """Have the cluster looked at again at a time."""
        heapq.heappush(self._heap, (due_us, key))

    def due(self, now_us: int) -> list[tuple[int, str]]:
        """Take the (time, key) that are due, earliest first."""
        found = []
        while self._heap and self._heap[0][0] <= now_us:
            found.append(heapq.heappop(self._heap))
        return found
