"""A client that never gives up: events with ids of its own, each batch repeated until it is acknowledged."""

import random
import threading
import time
from collections import Counter
from typing import Any

import httpx
import orjson

_BATCH_MAX = 20
_NEW_PATTERN_S = 5.0
_SYLLABLES = ("bar", "cel", "dim", "fon", "gul", "hax", "jet", "kip", "lom", "muz")
"""Digits as words, so that each pattern is another question to the search: numbers would be taken for noise."""


class Sender(threading.Thread):
    """Sends until ``stop``; ``acknowledged`` are the ids of events that Grace said were durable.

    Events are critical, in ever new patterns (``patterns`` counts them), so that missions are launched all the time.
    ``answers`` counts what came back: a status, or the kind of failure; ``unclear`` are answers that do not say that
    a repetition may do.
    """

    def __init__(self, url: str, source: str, seed: int) -> None:
        super().__init__(daemon=True)
        self.source = source
        self.acknowledged: list[str] = []
        self.patterns: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.fault = ""
        self.unclear: list[str] = []
        self._url = url
        self._rng = random.Random(seed)
        self._stopping = threading.Event()
        self._began = time.monotonic()

    def run(self) -> None:
        """Send batch after batch."""
        number = 0
        with httpx.Client(base_url=self._url, timeout=40, limits=httpx.Limits(keepalive_expiry=1)) as http:
            while not self._stopping.is_set():
                batch = [self._event(number + place) for place in range(self._rng.randint(1, _BATCH_MAX))]
                number += len(batch)
                if not self._deliver(http, batch):
                    return
                self._stopping.wait(self._rng.uniform(0, 0.05))

    def stop(self, timeout_s: float) -> None:
        """Stop after the batch under way is acknowledged."""
        self._stopping.set()
        self.join(timeout_s)
        assert not self.is_alive(), f"a batch was not acknowledged within {timeout_s:.0f} s"
        assert not self.fault, self.fault

    def _deliver(self, http: httpx.Client, batch: list[dict[str, Any]]) -> bool:
        body = orjson.dumps(batch)
        while True:
            try:
                answer = http.post(
                    "/api/events", content=body, headers={"Content-Type": "application/cloudevents-batch+json"}
                )
            except httpx.HTTPError as error:
                self.answers[type(error).__name__] += 1
                time.sleep(0.1)
                continue
            self.answers[str(answer.status_code)] += 1
            if answer.status_code == 202:
                said = answer.json()
                if said["accepted"] + said["duplicates"] != len(batch) or said["rejected"]:
                    self.fault = f"{len(batch)} events were sent, and the answer was {said}"
                    return False
                self.acknowledged += [event["id"] for event in batch]
                self.patterns.update(event["pattern"] for event in batch)
                return True
            if 400 <= answer.status_code < 500 and answer.status_code != 429:
                self.fault = f"{answer.status_code}: {answer.text[:500]}"
                return False
            if answer.status_code == 500:
                self.unclear.append(f"{answer.headers} {answer.text[:300]}")
            time.sleep(min(float(answer.headers.get("Retry-After", 0.2)), 1.0))

    def _event(self, number: int) -> dict[str, Any]:
        newest = int((time.monotonic() - self._began) / _NEW_PATTERN_S)
        name = "".join(_SYLLABLES[int(digit)] for digit in str(self._rng.randint(max(0, newest - 20), newest)))
        pattern = f"{self.source.rpartition('/')[2]} {name}"
        return {
            "specversion": "1.0",
            "id": f"{number}",
            "source": self.source,
            "type": "service.degraded",
            "domain": "chaos",
            "severity": "critical",
            "pattern": pattern,
            "data": {"message": f"worker {number} of pool {pattern} is jammed"},
        }
