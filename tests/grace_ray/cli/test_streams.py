"""replay, tail and watch: recorded and live streams, sent once each, through waits and rotations."""

import json
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from grace_ray.cli.logtimes import time_of
from grace_ray.cli.pacing import Pace, restamped
from grace_ray.cli.sending import Patience
from grace_ray.client.sse import Parser
from grace_ray.core.errors import Backpressure, Unreachable

LOG = "".join(f"2026-01-31 12:00:{i % 60:02d},000 ERROR db: connection {i} refused\n" for i in range(1200))


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "app.log"
    path.write_text(LOG + "\n\n" + "2026-01-31 12:01:00,000 INFO db: started\n")
    return path


def test_a_log_is_replayed_once_however_often_it_is_sent(here, log):
    said = here("replay", log, "--source", "app", "--json").json
    assert (said["accepted"], said["duplicates"], said["rejected"]) == (1201, 0, 0)
    again = here("replay", log, "--source", "app", "--json").json
    assert (again["accepted"], again["duplicates"]) == (0, 1201)
    assert here("replay", log, "--source", "app", "--run", "second", "--json").json["accepted"] == 1201


def test_a_replay_is_resumed_where_it_stopped(here, log):
    assert here("replay", log, "--limit", "500", "--json").json["accepted"] == 500
    assert here("replay", log, "--skip", "500", "--json").json == {
        **here("replay", log, "--limit", "1", "--json").json,
        "accepted": 701,
        "duplicates": 0,
        "duration_s": pytest.approx(0, abs=60),
    }


def test_a_replayed_event_is_of_now_and_keeps_its_own_time_beside_it(here, log):
    here("replay", log, "--limit", "1")
    (entry,) = here("journal", "list", "--kind", "event", "--json").json["items"]
    assert datetime.fromisoformat(entry["at"]) > datetime.now(UTC) - timedelta(minutes=5)
    assert entry["body"]["extensions"]["originaltime"] == "2026-01-31T12:00:00Z"
    assert entry["body"]["severity"] == "high"


def test_recorded_times_are_kept_on_request(here, log):
    here("replay", log, "--limit", "1", "--keep-time")
    (entry,) = here("journal", "list", "--kind", "event", "--json").json["items"]
    assert entry["at"] == "2026-01-31T12:00:00Z"


def test_files_of_events_and_of_webhooks_are_replayed(here, tmp_path):
    events = tmp_path / "events.jsonl"
    events.write_text("\n".join(json.dumps({"id": str(i), "type": "agent.task.failed"}) for i in range(3)))
    assert here("replay", events, "--format", "cloudevents", "--json").json["accepted"] == 3
    alert = {
        "status": "firing",
        "labels": {"alertname": "Down", "severity": "critical"},
        "startsAt": "2026-01-31T12:00:00Z",
    }
    hook = tmp_path / "hook.json"
    hook.write_text(json.dumps({"version": "4", "status": "firing", "alerts": [alert]}))
    assert here("replay", hook, "--format", "alertmanager", "--json").json["accepted"] == 1


def test_what_is_not_a_recording_is_refused(here, tmp_path):
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"id": "1"}\n{oops')
    assert "line 2" in str(here("replay", bad, "--format", "cloudevents").error)
    assert here("replay", bad, "--format", "morse").code == 2
    assert here("replay", tmp_path / "missing.log").code == 2


def test_a_full_buffer_is_waited_for_and_nothing_is_lost(here, served, log):
    settle, refused = served.loop.settle, []
    served.loop.settle = lambda: None  # triage is busy: the buffer fills

    def relieve():
        time.sleep(0.5)
        refused.append(True)
        served.loop.settle = settle
        settle()

    thread = threading.Thread(target=relieve)
    thread.start()
    said = here("replay", log, "--json").json
    thread.join()
    assert said["accepted"] + said["duplicates"] == 1201
    events = served.loop.reader.count_entries("event", 0, served.loop.reader.head())
    assert events == 1201


def test_a_speed_keeps_the_distances_of_the_recording():
    start = datetime(2026, 1, 1, tzinfo=UTC)
    events = [{"time": (start + timedelta(seconds=s)).isoformat()} for s in (0, 1, 10, 10.1, 60)]
    dues = [(due, len(part)) for due, part in Pace(10.0, 0).batches(events, 100)]
    assert dues == [(pytest.approx(1.01), 4), (pytest.approx(6.0), 1)] or sum(n for _, n in dues) == 5
    assert max(due for due, _ in dues) == pytest.approx(6.0)


def test_a_rate_is_not_exceeded():
    dues = [(due, len(part)) for due, part in Pace(0, 100.0).batches([{}] * 1000, 50)]
    assert dues[-1][0] == pytest.approx(9.99)
    assert all(
        sent <= 100 * due + 101 for due, sent in zip((d for d, _ in dues), _sums(n for _, n in dues), strict=True)
    )


def _sums(numbers):
    total = 0
    for number in numbers:
        total += number
        yield total


def test_restamped_events_keep_their_order():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    fresh = restamped([{"id": str(i)} for i in range(10)], now)
    times = [event["time"] for event in fresh]
    assert times == sorted(times)
    assert len(set(times)) == 10


def test_a_tail_sends_each_line_once_even_if_it_is_started_again(here, log):
    first = here("tail", log, "--from-start", "--for-s", "0.1", "--json").json
    again = here("tail", log, "--from-start", "--for-s", "0.1", "--json").json
    assert (first["accepted"], again["accepted"], again["duplicates"]) == (1201, 0, 1201)


def test_a_tail_that_is_started_again_goes_on_where_it_was(here, log):
    assert here("tail", log, "--for-s", "0.1", "--json").json["accepted"] == 0
    with log.open("a") as file:
        file.write("2026-01-31 12:02:00,000 ERROR db: written while nobody looked\n  at line 2\n")
    assert here("tail", log, "--for-s", "0.1", "--json").json["accepted"] == 1
    (entry,) = here("journal", "list", "--kind", "event", "--json").json["items"]
    assert entry["body"]["data"]["stack"] == "  at line 2"


@pytest.mark.parametrize(
    ("line", "at"),
    [
        ("2026-01-31T12:00:00.5Z x", "2026-01-31T12:00:00.500000+00:00"),
        ("2026-01-31T12:00:00+02:00 x", "2026-01-31T12:00:00+02:00"),
        ("Jan  5 01:02:03 host x", "2000-01-05T01:02:03+00:00"),
        ('1.2.3.4 - - [31/Jan/2026:12:00:00 +0000] "GET /"', "2026-01-31T12:00:00+00:00"),
        ("999999 999999 x", None),
        ("no time at all", None),
    ],
)
def test_a_lines_time_is_found_where_logs_write_it(line, at):
    found = time_of(line)
    assert (found.isoformat() if found else None) == at


def test_the_stream_is_read_as_server_sent_events():
    lines = [
        "retry: 2000",
        "",
        ": beat",
        "",
        "id: 7",
        "event: entry",
        'data: {"seq": 7}',
        "",
        "event: stats",
        "data: {}",
        "",
    ]
    said = filter(None, map(Parser().feed, lines))
    assert [(m.name, m.id, m.data) for m in said] == [("entry", "7", {"seq": 7}), ("stats", "7", {})]


def test_watch_shows_what_happens(here, log):
    here("replay", log, "--limit", "10")
    said = here("watch", "--after", "0", "--for-s", "1.5", "--json")
    messages = [json.loads(line) for line in said.out.splitlines()]
    assert {"entry", "stats"} <= {message["event"] for message in messages}
    seqs = [message["seq"] for message in messages if message["event"] == "entry" and message["kind"] != "event"]
    assert seqs == sorted(set(seqs))
    assert "cluster.created" in {message.get("type") for message in messages}


@pytest.fixture
def nowhere():
    """A URL of this machine at which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.mark.parametrize(
    "command", [("emit", "a.b"), ("replay", "LOG"), ("tail", "LOG"), ("watch",), ("clusters", "list")]
)
def test_without_a_grace_a_command_says_so_at_once(grace, nowhere, log, command):
    words = [str(log) if word == "LOG" else word for word in command]
    error = grace(*words, "--url", nowhere, "--home", log.parent).error
    assert isinstance(error, Unreachable)
    assert (nowhere in error.message, error.field) == (True, "url")


def test_what_is_not_grace_is_not_taken_for_it(grace, log):
    class Other(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(404)

        def log_message(self, *_):
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        error = grace("replay", log, "--url", f"http://127.0.0.1:{server.server_port}", "--home", log.parent).error
        server.shutdown()
    assert "not Grace" in error.message


class Absence:
    """A Grace that is away for some calls, on a clock that only sleeping moves."""

    def __init__(self, *errors):
        self.errors, self.now, self.lines = list(errors), 0.0, []

    def patience(self, wait_s):
        return Patience(wait_s=wait_s, say=self.lines.append, clock=lambda: self.now, sleep=self.sleep)

    def sleep(self, seconds):
        self.now += seconds

    def work(self):
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def test_a_grace_that_goes_away_is_waited_for_visibly():
    away = Absence(*[Unreachable("Grace did not answer.", "url")] * 10)
    assert away.patience(60).wait_for(away.work) == "done"
    assert [line.split(".")[0] for line in away.lines] == ["Grace did not answer", "Grace answers again"]


def test_it_is_waited_for_no_longer_than_was_said():
    away = Absence(*[Unreachable("Grace did not answer.", "url")] * 1000)
    with pytest.raises(Unreachable):
        away.patience(60).wait_for(away.work)
    assert away.now == pytest.approx(60)


def test_a_full_buffer_is_not_worth_a_line_unless_it_stays_full():
    busy = Absence(*[Backpressure("Full.")] * 3)
    assert (busy.patience(60).wait_for(busy.work), busy.lines) == ("done", [])
    stuck = Absence(*[Backpressure("Full.")] * 30)
    assert (stuck.patience(60).wait_for(stuck.work), len(stuck.lines)) == ("done", 2)
