"""Grace's own counters for Prometheus, in a registry of the app's own."""

from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from grace_ray.core.store import Reader

CONTENT_TYPE = CONTENT_TYPE_LATEST
FOLLOWERS = ("triage", "mission_launcher", "knowledge", "playbooks", "forecaster", "scheduler")
_COUNTED = {
    "clusters": "Clusters",
    "groups": "Groups",
    "missions": "Missions",
    "statements": "Statements",
    "documents": "Documents",
    "metrics": "Series of metrics, by band",
    "incidents": "Early warnings",
    "training_runs": "Trainings of the forecaster",
    "playbook_runs": "Runs of playbooks",
}
_NO_STATUS = "all"
_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Meters:
    """Counts as requests pass; reads the store when it is scraped."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each counter, which no one asks for
        self.registry = CollectorRegistry()
        self._events = Counter(
            "grace_events", "Events by route and outcome", ["route", "outcome"], registry=self.registry
        )
        self._samples = Counter(
            "grace_samples", "Samples of metrics by route and outcome", ["route", "outcome"], registry=self.registry
        )
        self._recommendations = Counter(
            "grace_recommendations",
            "Recommendations and outcomes by route and what became of them",
            ["route", "outcome"],
            registry=self.registry,
        )
        self._requests = Counter(
            "grace_http_requests", "Requests answered", ["method", "route", "status"], registry=self.registry
        )
        self._duration = Histogram(
            "grace_http_request_duration_seconds",
            "Time to answer",
            ["route"],
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        self._head = Gauge("grace_journal_head", "Sequence number of the last journal entry", registry=self.registry)
        self._lag = Gauge("grace_follower_lag_entries", "Entries behind the head", ["follower"], registry=self.registry)
        self._records = {
            view: Gauge(f"grace_{view}", f"{title} by status", ["status"], registry=self.registry)
            for view, title in _COUNTED.items()
        }
        self._parts = Gauge("grace_part_up", "1 where a part answers as it should", ["part"], registry=self.registry)
        self._watchers = Gauge("grace_stream_watchers", "Clients of /api/stream", registry=self.registry)

    def count_events(self, route: str, accepted: int, duplicates: int, rejected: int) -> None:
        """Count what became of the events of one request."""
        _count(self._events, route, accepted, duplicates, rejected)

    def count_samples(self, route: str, accepted: int, duplicates: int, rejected: int) -> None:
        """Count what became of the samples of one request."""
        _count(self._samples, route, accepted, duplicates, rejected)

    def count_recommendations(self, route: str, accepted: int, duplicates: int, rejected: int) -> None:
        """Count what became of the recommendations, or the outcomes, of one request."""
        _count(self._recommendations, route, accepted, duplicates, rejected)

    def count_request(self, method: str, route: str, status: int, duration_s: float) -> None:
        """Count one answered request."""
        self._requests.labels(method, route, str(status)).inc()
        self._duration.labels(route).observe(duration_s)

    def count_watchers(self, number: int) -> None:
        """Set how many clients watch the stream."""
        self._watchers.set(number)

    def expose(self, reader: Reader, parts: Mapping[str, Mapping[str, Any]]) -> bytes:
        """Return the Prometheus text, with the store's figures as of now."""
        head = reader.head()
        self._head.set(head)
        for name in FOLLOWERS:
            self._lag.labels(name).set(max(0, head - reader.follower(name).cursor))
        for view, gauge in self._records.items():
            gauge.clear()
            for status, number in reader.count(view).items():
                gauge.labels(status or _NO_STATUS).set(number)
        self._parts.clear()
        for part, state in parts.items():
            self._parts.labels(part).set(state.get("state") in {"ok", "ready", "disabled"})
        return generate_latest(self.registry)


def _count(counter: Counter, route: str, accepted: int, duplicates: int, rejected: int) -> None:
    for outcome, number in (("accepted", accepted), ("duplicate", duplicates), ("rejected", rejected)):
        if number:
            counter.labels(route, outcome).inc(number)
