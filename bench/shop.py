"""A service with faults for the closed loop: it really slows down, fails and leaks, and really mends when it is told.

``Shop`` serves /buy, and what a playbook may call: /unclog, /failover, /restart. ``Watcher`` buys all the time, and
sends what it measures to Grace as samples.
"""

import http.server
import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

METRICS = """
  - id: shop.latency
    category: api
    unit: ms
    direction: higher_is_worse
    warning: 150
    critical: 400
    interval_s: 1
    service: shop
    playbooks: [notify-people, unclog-shop, failover-shop, restart-shop]
  - id: shop.error_rate
    category: api
    unit: percent
    direction: higher_is_worse
    warning: 10
    critical: 50
    interval_s: 1
    service: shop
    playbooks: [unclog-shop, failover-shop, notify-people, restart-shop]
  - id: shop.memory
    category: infra
    unit: MiB
    direction: higher_is_worse
    warning: 600
    critical: 900
    interval_s: 1
    service: shop
    playbooks: [notify-people, restart-shop, unclog-shop, failover-shop]
"""
"""The playbooks are named in an order that is not that of their worth: what helps has to be learned."""

RIGHT = {"slow": "unclog-shop", "failing": "failover-shop", "leaking": "restart-shop"}
METRIC = {"slow": "shop.latency", "failing": "shop.error_rate", "leaking": "shop.memory"}
_MENDS = {"/unclog": "slow", "/failover": "failing", "/restart": "leaking"}
_LEAK_MIB_S = 12.0
_AT_REST_MIB = 200.0
_SLOW_S = 0.5
LEAK_CROSSES_S = (600.0 - _AT_REST_MIB) / _LEAK_MIB_S
"""After so many seconds a leak passes the warning threshold of shop.memory."""


class Shop(http.server.ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1; ``faults`` are the names of the faults that it has now."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.faults: set[str] = set()
        self.called: list[str] = []
        self._leaking_since: float | None = None
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def break_(self, fault: str) -> None:
        """Begin a fault: slow, failing or leaking."""
        self.faults.add(fault)
        if fault == "leaking":
            self._leaking_since = time.monotonic()

    def mend(self, path: str) -> None:
        """Do what a playbook asks; it mends its own fault, and no other."""
        self.called.append(path)
        self.faults.discard(_MENDS[path])

    def memory_mib(self) -> float:
        """Return what the shop says of its memory."""
        if "leaking" not in self.faults or self._leaking_since is None:
            return _AT_REST_MIB
        return _AT_REST_MIB + _LEAK_MIB_S * (time.monotonic() - self._leaking_since)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Shop

    def do_GET(self) -> None:
        """Sell something, if it can."""
        if "slow" in self.server.faults:
            time.sleep(_SLOW_S)
        self._answer(500 if "failing" in self.server.faults else 200)

    def do_POST(self) -> None:
        """Mend something."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path in _MENDS:
            self.server.mend(self.path)
        self._answer(200 if self.path in _MENDS else 404)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


class Watcher:
    """Buys, measures, and sends samples to Grace about twice a second until ``stop``."""

    def __init__(self, shop: Shop, grace_url: str) -> None:
        self._shop = shop
        self._grace = grace_url
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Watch no longer."""
        self._stopped.set()
        self._thread.join(5)

    def _watch(self) -> None:
        with httpx.Client(timeout=5, trust_env=False) as http:
            while not self._stopped.wait(0.4):
                began = time.monotonic()
                try:
                    status = http.get(f"{self._shop.url}/buy").status_code
                    self._send(http, (time.monotonic() - began) * 1000, status)
                except httpx.HTTPError:
                    continue  # Grace restarts; what could not be sent is a gap

    def _send(self, http: httpx.Client, took_ms: float, status: int) -> None:
        found = {
            "shop.latency": took_ms,
            "shop.error_rate": 100.0 * (status >= 500),
            "shop.memory": self._shop.memory_mib(),
        }
        samples = [{"metric": name, "value": value, "timestamp": _now()} for name, value in found.items()]
        http.post(f"{self._grace}/api/metrics", json={"samples": samples})


def _now() -> str:
    from grace_ray.core.clock import to_text, utc_now

    return to_text(utc_now())


def prepare(folder: Path, shop: Shop, thresholds: Mapping[str, tuple[float, float]]) -> dict[str, str]:
    """Write the catalog and the playbooks of the shop below ``folder``; return settings (GRACE_ without the prefix).

    ``thresholds``: (warning, critical) of shipped metrics that are to be other than shipped.
    """
    import yaml

    root = Path(__file__).resolve().parents[1]
    catalog = yaml.safe_load((root / "config" / "metrics_catalog.yaml").read_text())
    metrics = catalog["metrics"] + yaml.safe_load(METRICS)
    for metric in metrics:
        metric["interval_s"] = 1
        if metric["id"] in thresholds:
            metric["warning"], metric["critical"] = thresholds[metric["id"]]
    playbooks = folder / "playbooks"
    playbooks.mkdir(parents=True)
    (folder / "metrics.yaml").write_text(yaml.safe_dump({"metrics": metrics}))
    for path in (root / "grace_ray" / "seeds" / "playbooks").glob("*.yaml"):
        plain = yaml.safe_load(path.read_text()) | {"settle_s": 8, "per_hour": 100}
        plain["parameters"] = plain.get("parameters", {}) | (
            {"for_s": 30} if "for_s" in plain.get("parameters", {}) else {}
        )
        if path.stem == "cancel-oldest-missions":  # the oldest are all of them
            plain["parameters"] = {"count": 1000, "older_than_s": 0}
        (playbooks / path.name).write_text(yaml.safe_dump(plain, sort_keys=False))
    for path in _MENDS:
        name = f"{path[1:]}-shop"
        step = {"kind": "call_http", "arguments": {"url": f"{shop.url}{path}"}, "timeout_s": 10}
        plain = {"id": name, "description": f"Call {path}.", "risk": "safe", "per_hour": 100, "settle_s": 6}
        (playbooks / f"{name}.yaml").write_text(yaml.safe_dump({**plain, "steps": [step]}, sort_keys=False))
    return {
        "metrics__catalog": str(folder / "metrics.yaml"),
        "metrics__interval_s": "1",
        "metrics__snapshot_s": "2",
        "metrics__anomalies": "false",
        "playbooks__folders": json.dumps([str(playbooks)]),
        "playbooks__allow_private": "true",
        "playbooks__nothing_settle_s": "6",
        "playbooks__lease_s": "5",
        "sensors__interval_s": "2",
        "web__enabled": "false",
        "github__enabled": "false",
        "ray__dashboard": "false",
    }
