"""The client against a real HTTP server on a real socket that answers as it is told to."""

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any

import pytest

from grace_ray.client import AsyncGrace, Grace, Retry
from grace_ray.client.retry import retry_after_s
from grace_ray.core.errors import Backpressure, Conflict, InvalidInput, NotFound, Unauthorized, Unreachable
from grace_ray.core.event import Event

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
EVENT = Event(id="1", source="s", type="error.unhandled", at=NOW, domain="system", severity="high", data={"a": 1})


class Server(ThreadingHTTPServer):
    """Answers each request with the next of ``script`` (status, headers, body), the last one for ever."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[tuple[int, dict[str, str], Any]] = []
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """Plays the script."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        server.seen.append((self.command, self.path, headers, body))
        status, extra, answer = server.script.pop(0) if len(server.script) > 1 else server.script[0]
        content = json.dumps(answer).encode() if not isinstance(answer, bytes) else answer
        self.send_response(status)
        for name, value in {"content-length": str(len(content)), **extra}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815 -- the name that http.server wants

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


class Time:
    """A clock that only sleep moves."""

    def __init__(self) -> None:
        self.now = NOW
        self.slept: list[float] = []

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


def client(url: str, time: Time, **more: Any) -> Grace:
    return Grace(url, clock=time, sleep=time.sleep, rng=Random(1), **more)


def accepted(count: int = 1) -> tuple[int, dict[str, str], Any]:
    return 202, {}, {"accepted": count, "duplicates": 0, "rejected": []}


def test_events_are_sent_as_a_cloudevents_batch_with_a_key_and_a_token(server):
    server.script = [accepted()]
    with client(server.url, Time(), token="t0") as grace:
        assert grace.send([EVENT]).accepted == 1
    _, path, headers, body = server.seen[0]
    assert path == "/api/events"
    assert headers["content-type"] == "application/cloudevents-batch+json"
    assert headers["authorization"] == "Bearer t0"
    assert headers["idempotency-key"]
    sent = json.loads(body)[0]
    assert (sent["id"], sent["severity"], sent["data"], sent["time"]) == ("1", "high", {"a": 1}, "2026-01-01T12:00:00Z")


def test_a_full_runtime_is_asked_again_after_what_it_says_with_the_same_key(server):
    server.script = [(429, {"retry-after": "3"}, {"detail": "full"}), (503, {}, {}), accepted()]
    time = Time()
    with client(server.url, time) as grace:
        assert grace.send([EVENT]).accepted == 1
    assert time.slept[0] >= 3
    assert len(time.slept) == 2
    assert len({headers["idempotency-key"] for _, _, headers, _ in server.seen}) == 1


def test_a_runtime_that_stays_full_is_given_up_as_backpressure(server):
    server.script = [(429, {"retry-after": "2"}, {"detail": "The buffer is full.", "field": "triage"})]
    with client(server.url, Time(), retry=Retry(attempts=3)) as grace, pytest.raises(Backpressure) as raised:
        grace.send([EVENT])
    assert raised.value.retry_after_s == 2
    assert len(server.seen) == 3


def test_a_wait_beyond_patience_is_not_waited_for(server):
    server.script = [(503, {"retry-after": "3600"}, {})]
    time = Time()
    with client(server.url, time) as grace, pytest.raises(Exception, match="503"):
        grace.status()
    assert time.slept == []


@pytest.mark.parametrize(
    ("status", "error"), [(404, NotFound), (409, Conflict), (401, Unauthorized), (422, InvalidInput)]
)
def test_a_problem_is_raised_as_the_error_it_was_and_not_retried(server, status, error):
    server.script = [(status, {}, {"detail": "No such thing.", "field": "key"})]
    with client(server.url, Time()) as grace, pytest.raises(error, match=r"No such thing\.") as raised:
        grace.cluster("a:b:c")
    assert raised.value.field == "key"
    assert len(server.seen) == 1


def test_refused_events_are_told_by_their_place_in_all_that_was_sent(server):
    bad = {"index": 0, "id": "x", "field": "time", "reason": "too old"}
    server.script = [accepted(500), (422, {}, {"detail": "too old", "rejected": [bad]})]
    with client(server.url, Time()) as grace:
        receipt = grace.send([{"id": str(number)} for number in range(501)])
    assert receipt.accepted == 500
    assert [item.index for item in receipt.rejected] == [500]


def test_events_wait_in_the_buffer_while_the_runtime_is_away_and_go_out_when_it_is_back(server):
    time = Time()
    server.script = [(503, {}, {}), (503, {}, {}), accepted(3)]
    with client(server.url, time, retry=Retry(attempts=1)) as grace:
        for number in range(3):
            grace.emit("order.lost", {"number": number})
        assert grace.buffered == 3
        assert len(server.seen) == 1, "after a failure the runtime is left alone for a while"
        time.now += timedelta(minutes=1)
        grace.emit("order.lost", {"number": 3})
        time.now += timedelta(minutes=1)
        assert grace.flush().accepted == 3
        assert grace.buffered == 0
    assert [event["data"]["number"] for event in json.loads(server.seen[-1][3])] == [0, 1, 2, 3]


def test_a_full_buffer_keeps_the_oldest_and_says_what_it_dropped():
    time = Time()
    grace = client("http://127.0.0.1:9", time, buffer_max=2, retry=Retry(attempts=1))
    grace.enqueue([EVENT])
    with pytest.raises(Backpressure, match="2 were dropped"):
        grace.enqueue([EVENT, EVENT, EVENT])
    assert (grace.buffered, grace.dropped) == (2, 2)
    with pytest.raises(Unreachable):
        grace.close()


def test_the_buffer_is_bounded_in_bytes_too():
    grace = Grace("http://127.0.0.1:1", buffer_max_bytes=2000, retry=Retry(attempts=1))
    with pytest.raises(Backpressure):
        grace.enqueue([{"id": str(number), "text": "x" * 600} for number in range(4)])
    assert (grace.buffered, grace.dropped) == (3, 1)


def test_a_url_that_cannot_be_used_is_told_at_once():
    waits: list[float] = []
    with pytest.raises(InvalidInput) as refusal:
        Grace("junk", sleep=waits.append).status()
    assert (refusal.value.field, waits) == ("url", [])


STREAM = b'retry: 2000\n\nid: 7\nevent: entry\ndata: {"seq": 7}\n\nevent: stats\ndata: {}\n\n'


def test_the_stream_is_watched_until_it_ends(server):
    server.script = [(200, {"content-type": "text/event-stream"}, STREAM)]
    messages = [("entry", "7", {"seq": 7}), ("stats", "7", {})]

    async def watched() -> list[Any]:
        async with AsyncGrace(server.url) as grace:
            return [tuple(message) async for message in grace.watch(6)]

    assert [tuple(message) for message in Grace(server.url).watch(6)] == messages
    assert asyncio.run(watched()) == messages
    assert {path for _, path, _, _ in server.seen} == {"/api/stream?after=6"}


def test_an_entry_of_the_stream_may_hold_any_character(server):
    said = "one\u2028two\x85three"
    stream = f"id: 1\nevent: entry\ndata: {json.dumps({'said': said}, ensure_ascii=False)}\r\n\r\n".encode()
    server.script = [(200, {"content-type": "text/event-stream"}, stream)]

    async def watched() -> list[Any]:
        async with AsyncGrace(server.url) as grace:
            return [message.data async for message in grace.watch()]

    assert [message.data for message in Grace(server.url).watch()] == [{"said": said}]
    assert asyncio.run(watched()) == [{"said": said}]


def test_a_stream_that_is_refused_or_away_is_an_error_of_the_tree(server):
    server.script = [(401, {}, {"detail": "Who are you?"})]
    with pytest.raises(Unauthorized):
        next(Grace(server.url).watch())
    with pytest.raises(Unreachable):
        next(Grace("http://127.0.0.1:1").watch())


def test_an_answer_that_is_no_json_is_an_error_of_the_tree(server):
    server.script = [(200, {}, b"<html>")]
    with client(server.url, Time()) as grace, pytest.raises(Exception, match="not what was expected"):
        grace.status()


def test_cluster_keys_travel_in_the_path_and_nouns_come_back(server):
    cluster = {
        "cluster_key": "a b:high:x/y", "domain": "a b", "severity": "high", "pattern_type": "x/y", "event_count": 2,
        "first_seen": "2026-01-01T00:00:00Z", "last_seen": "2026-01-01T00:00:01Z", "status": "silenced",
    }  # fmt: skip
    server.script = [(200, {}, cluster), (200, {}, {"items": [cluster], "next": "n"})]
    with client(server.url, Time()) as grace:
        found = grace.silence("a b:high:x/y", until=NOW, by="ann")
        page = grace.clusters(status="silenced", limit=1)
    assert found.first_seen == datetime(2026, 1, 1, tzinfo=UTC)
    assert page.next == "n"
    assert page.items[0].cluster_key == "a b:high:x/y"
    assert server.seen[0][1] == "/api/clusters/a%20b:high:x%2Fy/silence"
    assert json.loads(server.seen[0][3]) == {"until": "2026-01-01T12:00:00Z", "by": "ann", "note": ""}
    assert server.seen[1][1] == "/api/clusters?status=silenced&limit=1"


def test_the_async_client_does_the_same_and_loses_nothing_when_many_emit_at_once(server):
    server.script = [(503, {}, {}), accepted()]

    async def run() -> int:
        time = Time()

        async def sleep(seconds: float) -> None:
            time.sleep(seconds)

        async with AsyncGrace(server.url, clock=time, sleep=sleep, rng=Random(1)) as grace:
            await asyncio.gather(*(grace.emit("order.lost", {"number": number}) for number in range(20)))
            time.now += timedelta(minutes=1)
            await grace.flush()
            return grace.buffered

    assert asyncio.run(run()) == 0
    durable = [event["id"] for _, _, _, body in server.seen[1:] for event in json.loads(body)]
    assert len(durable) == len(set(durable)) == 20


def test_retry_after_is_read_as_seconds_or_as_a_date():
    assert retry_after_s({"retry-after": "7"}, NOW) == 7
    assert retry_after_s({"retry-after": "Thu, 01 Jan 2026 12:00:09 GMT"}, NOW) == 9
    assert retry_after_s({"retry-after": "soon"}, NOW) is None
    assert retry_after_s({}, NOW) is None
