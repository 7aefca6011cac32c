"""What Ray's own metrics show of Grace's parts."""

import json
import re
import time

import httpx
import pytest

from grace_ray.cli.running import RunFiles
from tests.conftest import Running

pytestmark = pytest.mark.cluster


def test_rays_prometheus_port_shows_what_the_parts_did(running: Running) -> None:
    event = {"specversion": "1.0", "id": "metrics-1", "source": "/tests", "type": "service.degraded", "data": {}}
    headers = {"Content-Type": "application/cloudevents+json"}
    assert running.http.post("/api/events", json=event, headers=headers).status_code == 202
    found = RunFiles(running.home).ray_temp_dir / "prom_metrics_service_discovery.json"
    deadline = time.monotonic() + 60
    taken: dict[str, float] = {}
    while time.monotonic() < deadline and not taken.get("triage"):
        targets = [target for group in json.loads(found.read_text()) for target in group["targets"]]
        text = "".join(httpx.get(f"http://{target}/metrics", timeout=10).text for target in targets)
        pattern = r'^ray_grace_part_entries_total\{.*part="(\w+)"\} (\S+)$'
        taken = {part: float(value) for part, value in re.findall(pattern, text, re.MULTILINE)}
        time.sleep(0.5)
    assert taken.get("triage", 0) >= 1
