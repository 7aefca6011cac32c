"""The door for recommendations: what it takes, what it refuses and by which name, and what it knows again."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import orjson
import pytest

from grace_ray.core.canonical import canonical
from grace_ray.core.clock import to_text
from grace_ray.core.errors import InvalidInput, TooLarge
from grace_ray.core.jsonable import from_plain
from grace_ray.core.recommendation import Judgement, Recommendation
from grace_ray.sense.recommendations import RecommendationDoor, decode
from grace_ray.settings import IntakeSettings

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
TRACKED = {"workspace_id": "acme", "recommendation_id": "r-1", "agent_id": "ann"}
JUDGED = {"workspace_id": "acme", "recommendation_id": "r-1", "outcome": "approved"}


@pytest.fixture
def door():
    return RecommendationDoor(IntakeSettings(event_max_bytes=4096), Random(1))


def _body(taken, place=0) -> dict[str, Any]:
    return orjson.loads(taken.rows[place].body)


def test_a_recommendation_becomes_a_row_from_which_the_noun_is_read_again(door):
    item = {
        **TRACKED,
        "agent_name": "Ann", "correlation_id": "task-1", "workflow_id": "wf", "recommendation_type": "strategy",
        "recommendation_content": {"plan": ["index", "ask"]}, "confidence_score": 0.9, "reasoning": "seen before",
        "evidence": [{"url": "https://example.org"}], "context": {"repo": "x/y", "files": 3, "is_new": True},
        "latency_ms": 12, "within_ms": 1000, "created_at": to_text(NOW - timedelta(hours=1)),
    }  # fmt: skip
    (row,) = door.track([item], NOW).rows
    assert (row.id, row.kind, row.type) == ("r-1", "recommendation", "recommendation.tracked")
    assert (row.source, row.subject, row.trace) == ("workspaces/acme/recommendations", "r-1", "task-1")
    assert row.body == canonical(orjson.loads(row.body))
    noun = from_plain(Recommendation, orjson.loads(row.body))
    assert (noun.agent_name, noun.confidence_score, noun.context["files"]) == ("Ann", 0.9, 3)
    assert noun.created_at == row.at == NOW - timedelta(hours=1)
    assert noun.outcome == "pending"


def test_fields_at_their_default_take_no_room(door):
    given = {**TRACKED, "agent_name": "", "evidence": [], "context": {}, "reasoning": None, "outcome": "pending"}
    assert _body(door.track([given], NOW)).keys() == {"workspace_id", "recommendation_id", "agent_id", "created_at"}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"workspace_id": None}, "workspace_id"),
        ({"workspace_id": "a/b"}, "workspace_id"),
        ({"workspace_id": "x" * 101}, "workspace_id"),
        ({"recommendation_id": "a\nb"}, "recommendation_id"),
        ({"recommendation_id": 5}, "recommendation_id"),
        ({"agent_id": ""}, "agent_id"),
        ({"agent_id": "x" * 201}, "agent_id"),
        ({"confidence_score": 1.01}, "confidence_score"),
        ({"confidence_score": True}, "confidence_score"),
        ({"confidence_score": "high"}, "confidence_score"),
        ({"latency_ms": -1}, "latency_ms"),
        ({"recommendation_type": "x" * 101}, "recommendation_type"),
        ({"reasoning": {"why": 1}}, "reasoning"),
        ({"context": [1]}, "context"),
        ({"context": {str(number): 1 for number in range(51)}}, "context"),
        ({"context": {"deep": {"er": 1}}}, "context.deep"),
        ({"context": {"word": "x" * 201}}, "context.word"),
        ({"recommendation_content": "x" * 5000}, "recommendation_content"),
        ({"created_at": "yesterday"}, "created_at"),
        ({"created_at": "2026-01-01T12:00:00"}, "created_at"),
        ({"created_at": "2027-01-01T12:00:00Z"}, "created_at"),
        ({"created_at": "2020-01-01T12:00:00Z"}, "created_at"),
        ({"outcome": "approved"}, "outcome"),
        ({"confidence": 0.5}, "confidence"),
    ],
)
def test_a_bad_recommendation_is_refused_by_the_name_of_its_field_and_costs_only_itself(door, changed, field):
    taken = door.track([{**TRACKED, **changed}, {**TRACKED, "recommendation_id": "r-2"}], NOW)
    assert [(item.place, item.field) for item in taken.rejected] == [(0, field)]
    assert [row.id for row in taken.rows] == ["r-2"]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"outcome": "great"}, "outcome"),
        ({"outcome": None}, "outcome"),
        ({"recommendation_id": None}, "recommendation_id"),
        ({"quality_scores": {"accuracy": 101}}, "quality_scores.accuracy"),
        ({"quality_scores": [50]}, "quality_scores"),
        ({"overall_quality_score": -1}, "overall_quality_score"),
        ({"comparative_rank": 0}, "comparative_rank"),
        ({"evaluator_feedback": 7}, "evaluator_feedback"),
        ({"evaluated_at": "soon"}, "evaluated_at"),
        ({"agent_id": "ann"}, "agent_id"),
    ],
)
def test_a_bad_outcome_is_refused_by_the_name_of_its_field(door, changed, field):
    taken = door.judge([{**JUDGED, **changed}, JUDGED], NOW)
    assert len(taken.rejected) == 1
    assert (taken.rejected[0].place, taken.rejected[0].field) == (0, field)
    assert len(taken.rows) == 1


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ('"confidence_score": %s', "confidence_score"),
        ('"context": {"size": %s}', "context.size"),
        ('"recommendation_content": {"deep": [%s]}', "recommendation_content"),
    ],
)
def test_what_is_no_number_is_refused_by_the_name_of_its_field(door, number, sent, field):
    text = '[{"workspace_id": "acme", "agent_id": "ann", ' + sent % number + "}]"
    items, is_one = decode(text.encode(), IntakeSettings())
    taken = door.track(items, NOW)
    assert ([item.field for item in taken.rejected], taken.rows, is_one) == ([field], [], False)


@pytest.mark.parametrize(
    ("quality", "outcome"), [(70, "approved"), (69.99, "partial"), (40, "partial"), (39.9, "rejected"), (0, "rejected")]
)
def test_an_outcome_that_is_left_out_follows_from_the_quality(door, quality, outcome):
    item = {"workspace_id": "acme", "recommendation_id": "r", "overall_quality_score": quality}
    assert _body(door.judge([item], NOW))["outcome"] == outcome


def test_the_overall_quality_is_the_mean_of_its_dimensions_where_it_is_left_out(door):
    item = {"workspace_id": "acme", "recommendation_id": "r", "quality_scores": {"accuracy": 90, "timeliness": 60}}
    noun = from_plain(Judgement, _body(door.judge([item], NOW)))
    assert (noun.overall_quality_score, noun.outcome) == (75.0, "approved")
    said = from_plain(Judgement, _body(door.judge([{**item, "overall_quality_score": 10}], NOW)))
    assert (said.overall_quality_score, said.outcome) == (10.0, "rejected")


def test_the_same_outcome_is_one_row_and_another_is_another(door):
    rows = door.judge([JUDGED, dict(reversed(JUDGED.items())), {**JUDGED, "outcome": "rejected"}], NOW).rows
    assert rows[0].id == rows[1].id != rows[2].id
    assert {row.subject for row in rows} == {"r-1"}
    later = door.judge([JUDGED], NOW + timedelta(hours=1)).rows[0]
    assert later.id == rows[0].id, "when it came in makes it no other outcome"


def test_a_repeated_request_makes_the_same_ids_and_another_one_others(door):
    nameless = {"workspace_id": "acme", "agent_id": "ann"}
    first = [row.id for row in door.track([nameless, nameless], NOW, key="k1").rows]
    assert [row.id for row in door.track([nameless, nameless], NOW, key="k1").rows] == first
    assert len({*first, *(row.id for row in door.track([nameless], NOW, key="k2").rows)}) == 3
    assert len({row.id for row in door.track([nameless] * 20, NOW).rows}) == 20


def test_secrets_are_blacked_out_and_ids_and_scores_are_not(door):
    tracked = {
        **TRACKED,
        "recommendation_id": "token=abc",
        "recommendation_content": {"command": "login --password hunter2", "api_key": "k-1"},
        "reasoning": "with Authorization: Bearer abcdefgh12345",
    }
    body = _body(door.track([tracked], NOW))
    assert "hunter2" not in str(body)
    assert "k-1" not in str(body)
    assert "abcdefgh" not in str(body)
    assert body["recommendation_id"] == "token=abc"
    judged = {**JUDGED, "quality_scores": {"secret": 50}, "evaluator_feedback": "password=x1"}
    found = _body(door.judge([judged], NOW))
    assert (found["quality_scores"], found["evaluator_feedback"]) == ({"secret": 50.0}, "password=[redacted]")


def test_a_nul_character_is_refused(door):
    taken = door.track([TRACKED, {**TRACKED, "reasoning": "a\0b"}], NOW)
    assert ([item.place for item in taken.rejected], len(taken.rows)) == ([1], 1)


def test_what_is_nested_too_deep_is_refused(door):
    content: Any = 1
    for _ in range(40):
        content = [content]
    (refused,) = door.track([{**TRACKED, "recommendation_content": content}], NOW).rejected
    assert refused.field == "recommendation_content"


def test_a_workspace_may_be_refused(door):
    def admit(workspace_id: str) -> None:
        if workspace_id != "acme":
            raise InvalidInput("One too many.", "workspace_id")

    strict = RecommendationDoor(IntakeSettings(), Random(1), admit)
    taken = strict.track([TRACKED, {**TRACKED, "workspace_id": "other"}], NOW)
    assert ([row.id for row in taken.rows], [item.place for item in taken.rejected]) == (["r-1"], [1])


def test_a_request_is_one_object_or_a_list_or_a_list_with_a_workspace():
    settings = IntakeSettings(batch_max_events=3)
    assert decode(b'{"agent_id": "a"}', settings) == ([{"agent_id": "a"}], True)
    assert decode(b'[{"agent_id": "a"}]', settings) == ([{"agent_id": "a"}], False)
    items, is_one = decode(b'{"workspace_id": "w", "items": [{"a": 1}, {"workspace_id": "v"}, 5]}', settings)
    assert (items, is_one) == ([{"workspace_id": "w", "a": 1}, {"workspace_id": "v"}, 5], False)


@pytest.mark.parametrize(
    ("body", "error", "field"),
    [
        (b"", InvalidInput, "body"),
        (b"{NaN", InvalidInput, "body"),
        (b"NaN", InvalidInput, "items"),
        (b"[" * 100_000 + b"NaN", InvalidInput, "body"),
        (b'"text"', InvalidInput, "items"),
        (b'{"items": 5}', InvalidInput, "items"),
        (b'{"items": [], "more": 1}', InvalidInput, "more"),
        (b"[1,2,3,4]", TooLarge, "items"),
    ],
)
def test_a_request_that_cannot_be_read_is_refused_as_a_whole(body, error, field):
    with pytest.raises(error) as refusal:
        decode(body, IntakeSettings(batch_max_events=3))
    assert refusal.value.field == field
