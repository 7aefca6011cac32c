"""Idempotency-Key: sent again, a POST makes nothing new."""

import asyncio

import httpx
import pytest

from serve_apps.app import build

BODY = {"question": "Why?"}


def _post(http, key="k", body=BODY):
    return http.post("/api/missions", json=body, headers={"Idempotency-Key": key})


def test_the_same_key_gets_the_first_answer(http):
    first, again = _post(http), _post(http)
    assert again.status_code == first.status_code == 201
    assert again.json() == first.json()
    assert len(http.get("/api/missions").json()["items"]) == 1


def test_the_answer_outlives_a_restart(house):
    first = _post(house.http).json()
    transport = httpx.ASGITransport(build(house.gateway))

    async def again():
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
            return await client.post("/api/missions", json=BODY, headers={"Idempotency-Key": "k"})

    answer = asyncio.run(again())
    assert answer.json() == first
    assert answer.headers["Idempotency-Replayed"] == "true"


def test_the_same_key_with_another_body_is_refused(http):
    _post(http)
    answer = _post(http, body={"question": "Something else?"})
    assert answer.status_code == 422
    assert answer.json()["field"] == "Idempotency-Key"


def test_a_refused_request_may_be_corrected_under_its_key(http):
    assert _post(http, body={}).status_code == 422
    assert _post(http).status_code == 201


def test_requests_at_the_same_time_make_one_thing(house):
    async def many():
        transport = httpx.ASGITransport(house.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
            sent = [client.post("/api/missions", json=BODY, headers={"Idempotency-Key": "k"}) for _ in range(8)]
            return await asyncio.gather(*sent)

    answers = asyncio.run(many())
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["mission_id"] for answer in answers}) == 1


def test_the_same_key_at_another_address_is_another_request(http, event):
    _post(http)
    answer = http.post("/api/events", json=event(), headers={"Idempotency-Key": "k"})
    assert answer.json()["accepted"] == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
def test_a_key_that_is_none_is_refused(http, key):
    answer = _post(http, key)
    assert answer.status_code == 422
    assert answer.json()["field"] == "Idempotency-Key"
