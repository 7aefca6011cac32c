"""Grace behind Serve's HAProxy ingress: the same face, and nothing beyond loopback."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.runtime.own import OwnGrace

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")


@pytest.fixture
def grace(tmp_path: Path) -> Iterator[OwnGrace]:
    own = OwnGrace(tmp_path / "home", ray__haproxy="true", web__enabled="false", github__enabled="false")
    yield own
    own.end()


def test_haproxy_takes_events_and_listens_on_loopback_alone(grace: OwnGrace) -> None:
    grace.up()
    event = {"specversion": "1.0", "id": "1", "source": "/tests", "type": "service.degraded", "data": {}}
    headers = {"Content-Type": "application/cloudevents+json"}
    answer = httpx.post(f"{grace.url}/api/events", json=event, headers=headers, timeout=30)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    ours = {process.pid for process in grace.processes()}
    listening = [c for c in psutil.net_connections("inet") if c.pid in ours and c.status == psutil.CONN_LISTEN]
    names = {psutil.Process(connection.pid).name() for connection in listening}
    assert "haproxy" in names
    assert not [connection for connection in listening if connection.laddr.ip not in LOOPBACK]
    grace.down()
