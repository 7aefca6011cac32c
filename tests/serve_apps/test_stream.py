"""The live stream: one poller for all watchers, and nobody misses an entry."""

import asyncio
import json
from contextlib import aclosing

import pytest

from serve_apps import feed
from serve_apps.feed import NEWS, Feed


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(feed, "POLL_S", 0.01)


def _messages(chunk):
    for block in chunk.decode().strip().split("\n\n"):
        found = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if "data" in found:
            yield found.get("event"), int(found.get("id", 0)), json.loads(found["data"])


async def _collect(watched, enough):
    """Read until ``enough(entries)``; return the entries of news and the stats."""
    news, stats = [], []
    async with asyncio.timeout(10), aclosing(watched) as chunks:
        async for chunk in chunks:
            for name, mark, data in _messages(chunk):
                (stats if name == "stats" else news if mark else []).append(data)
            if enough(news, stats):
                return news, stats
    return news, stats


def _send(house, event, start, number):
    """Send events that each open a cluster, so that each makes news."""
    body = [event(i, domain=f"d{i}", pattern="stuck") for i in range(start, start + number)]
    assert house.http.post("/api/events", json=body).status_code == 202


def _news(house, after=0):
    return [entry.seq for entry in house.gateway.reader.entries(after, 100_000, NEWS)]


def test_a_watcher_sees_what_happens_from_now_on(house, event):
    _send(house, event, 0, 2)
    before = house.gateway.reader.head()

    async def watch():
        live = Feed(house.gateway.reader, lambda: {"journal_head": 1})
        task = asyncio.create_task(_collect(live.watch(None), lambda news, stats: len(news) >= 3 and stats))
        await asyncio.sleep(0.1)
        await asyncio.to_thread(_send, house, event, 10, 3)
        return await task

    news, stats = asyncio.run(watch())
    assert [entry["seq"] for entry in news] == _news(house, before)[: len(news)]
    assert stats[0] == {"journal_head": 1}


def test_a_watcher_that_was_away_gets_what_it_missed_from_the_journal(house, event, monkeypatch):
    monkeypatch.setattr(feed, "PAGE", 7)
    _send(house, event, 0, 30)
    wanted = _news(house, 5)

    async def watch():
        live = Feed(house.gateway.reader, dict)
        return await _collect(live.watch(5), lambda news, _stats: len(news) >= len(wanted))

    news, _ = asyncio.run(watch())
    assert [entry["seq"] for entry in news] == wanted


def test_a_slow_watcher_that_falls_off_the_ring_misses_nothing(house, event, monkeypatch):
    monkeypatch.setattr(feed, "RING", 4)

    async def watch():
        live = Feed(house.gateway.reader, dict)
        async with aclosing(live.watch(0)) as chunks:
            await anext(chunks)
            for start in range(0, 60, 20):
                await asyncio.to_thread(_send, house, event, start, 20)
                await asyncio.sleep(0.1)
            wanted = _news(house)
            seen = []
            async with asyncio.timeout(10):
                while len(seen) < len(wanted):
                    seen += [mark for _, mark, _ in _messages(await anext(chunks)) if mark]
        return seen, wanted, len(live._ring)

    seen, wanted, held = asyncio.run(watch())
    assert seen == wanted
    assert held <= 4


def test_many_watchers_see_the_same_and_the_poller_ends_with_the_last(house, event):
    _send(house, event, 0, 5)
    wanted = _news(house)

    async def watch():
        live = Feed(house.gateway.reader, dict)
        found = await asyncio.gather(
            *(_collect(live.watch(0), lambda news, _stats: len(news) >= len(wanted)) for _ in range(20))
        )
        return found, live

    found, live = asyncio.run(watch())
    assert all([entry["seq"] for entry in news] == wanted for news, _ in found)
    assert live.watchers == 0
    assert live._poller is None


def test_who_comes_after_a_time_without_watchers_gets_no_old_figures(house):
    turns = iter(range(1_000_000))

    async def watch():
        live = Feed(house.gateway.reader, lambda: {"turn": next(turns)})
        await _collect(live.watch(None), lambda _news, stats: stats)
        asked = next(turns)
        _, stats = await _collect(live.watch(None), lambda _news, stats: stats)
        return asked, stats[0]["turn"]

    asked, told = asyncio.run(watch())
    assert told > asked


def test_a_quiet_stream_still_beats(house, monkeypatch):
    monkeypatch.setattr(feed, "POLL_S", 3600)
    monkeypatch.setattr(feed, "HEARTBEAT_S", 0.05)

    async def watch():
        async with asyncio.timeout(5), aclosing(Feed(house.gateway.reader, dict).watch(None)) as chunks:
            async for chunk in chunks:
                if chunk == feed.HEARTBEAT:
                    return True
        return False

    assert asyncio.run(watch())


@pytest.mark.parametrize("mark", ["x", "-1", "99999999999999999999999"])
def test_a_place_to_resume_from_must_be_one(http, mark):
    answer = http.get("/api/stream", headers={"Last-Event-ID": mark})
    assert answer.status_code == 422
    assert answer.json()["field"] == "Last-Event-ID"
