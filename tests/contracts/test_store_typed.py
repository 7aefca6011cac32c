"""What core.store promises of the views whose records stand in columns, tried on every store that Grace has."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from grace_ray.adapters.store.tables import TableWriter
from grace_ray.core.canonical import canonical
from grace_ray.core.errors import InvalidInput
from grace_ray.core.jsonable import from_plain, to_plain
from grace_ray.core.recommendation import (
    LEARNING_VIEW,
    OUTCOMES_VIEW,
    PATTERNS_VIEW,
    RECOMMENDATIONS_VIEW,
    TRUST_VIEW,
    AgentProfile,
    Judgement,
    LearningCycle,
    Pattern,
    Recommendation,
    Rule,
    TrustScore,
    key_of,
)
from grace_ray.core.store import Record, RecordPage

NOW = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)


def advice(number: int = 1, **changes: Any) -> Recommendation:
    made = Recommendation(
        workspace_id="acme",
        recommendation_id=f"r-{number:04}",
        agent_id=f"agent-{number % 3}",
        created_at=NOW + timedelta(seconds=number),
    )
    return replace(made, **changes)


FULL_ADVICE = advice(
    agent_name='日本 "q" \\ \'%s ?',
    correlation_id="c-1",
    workflow_id="w-1",
    recommendation_type="strategy",
    recommendation_content={"z": [1, None, {"a": 1.5e300}], "b": "é\x00", "long": 2**80, "small": 0.1},
    confidence_score=0.1 + 0.2,
    reasoning="because\n\tof it",
    evidence=("e", 1, {"k": []}),
    context={"hour": 3, "tier": "gold", "on": True},
    latency_ms=12,
    within_ms=1e30,
    outcome="approved",
    quality_scores={"accuracy": 97.5, "relevance": 80},
    overall_quality_score=90.25,
    evaluator_feedback="good",
    evaluated_at=NOW,
)
JUDGEMENT = Judgement(
    workspace_id="acme", outcome_id="o-1", recommendation_id="r-0001", outcome="partial", evaluated_at=NOW
)
TRUST = TrustScore(
    workspace_id="acme",
    agent_id="agent-1",
    overall_trust_score=0.5,
    accuracy_score=0.4,
    consistency_score=0.3,
    timeliness_score=0.2,
    reliability_score=1,
    expected=0.75,
    interval=(0.5, 0.9),
    by_type={"strategy": {"expected": 0.5}},
    calibration={"bins": [[0.9, 0.8, 12]]},
    history=({"at": "2026-11-21T12:00:00Z", "overall": 0.5},),
    sample_size=2**40,
    updated_at=NOW,
)
PATTERN = Pattern(
    workspace_id="acme",
    pattern_id="p-1",
    pattern_type="consensus",
    condition={"type": "strategy", "agents_agree": 2},
    description="two agree",
    success_rate=0.9,
    base_rate=0.5,
    frequency_count=31,
    confidence_level=0.99,
    strength="strong",
    is_confirmed=True,
    first_validated=NOW,
    last_validated=NOW,
)
RULE = Rule(rule_id="u", pattern_id="p-1", condition={"type": "x"}, action="prefer", agents=("a", "b"))
PROFILE = AgentProfile(workspace_id="acme", agent_id="a", sample_size=3, success_rate=0.5, strengths=({"type": "x"},))
CYCLE = LearningCycle(
    workspace_id="acme", iteration_id="i-1", trigger="asked for", status="running", error="", started_at=NOW
)
NOUNS = {
    "a recommendation": (RECOMMENDATIONS_VIEW, advice()),
    "a full recommendation": (RECOMMENDATIONS_VIEW, FULL_ADVICE),
    "an outcome": (OUTCOMES_VIEW, JUDGEMENT),
    "a ranked outcome": (OUTCOMES_VIEW, replace(JUDGEMENT, comparative_rank=2.0, quality_scores={"a": 1.0})),
    "trust": (TRUST_VIEW, TRUST),
    "a pattern": (PATTERNS_VIEW, PATTERN),
    "an unconfirmed pattern": (PATTERNS_VIEW, replace(PATTERN, is_confirmed=False, condition={})),
    "a cycle": (LEARNING_VIEW, CYCLE),
    "a completed cycle": (
        LEARNING_VIEW,
        replace(
            CYCLE,
            status="completed",
            rules=(RULE,),
            profiles=(PROFILE,),
            key_insights=("one",),
            iteration_accuracy=0.8,
            completed_at=NOW,
        ),
    ),
}

RANKS = {name: -1.5 + number for number, name in enumerate(NOUNS)}


def given(name: str, view: str, noun: Any) -> Record:
    return Record(view, f"acme/{name}", "some/status", RANKS[name], canonical(to_plain(noun)))


def record(noun: Recommendation, status: str = "", rank: float | None = None) -> Record:
    key = key_of(noun.workspace_id, noun.recommendation_id)
    rank = noun.created_at.timestamp() if rank is None else rank
    return Record(RECOMMENDATIONS_VIEW, key, status, rank, canonical(to_plain(noun)))


def put(writer: TableWriter, *records: Record) -> None:
    writer.transact(lambda transaction: transaction.put_records(records))


def keys(records: list[Record]) -> list[str]:
    return [record.key for record in records]


class TestNouns:
    """A noun goes in as JSON, stands in columns, and comes back."""

    def test_each_comes_back_equal(self, writer, reader):
        put(writer, *(given(name, view, noun) for name, (view, noun) in NOUNS.items()))
        for name, (view, noun) in NOUNS.items():
            read = reader.record(view, f"acme/{name}")
            assert read._replace(body=None) == given(name, view, noun)._replace(body=None)
            assert from_plain(type(noun), json.loads(read.body)) == noun, name
            assert reader.find_records(view, [read.key]) == [read]
            assert read in reader.scan(view)
            assert read in reader.records(view).items

    def test_each_field_has_a_column(self, writer, reader):
        put(writer, *(given(name, view, noun) for name, (view, noun) in NOUNS.items()))
        for name, (view, noun) in NOUNS.items():
            plain = to_plain(noun)
            (key, *row), *others = reader.cells(view, ["key", *plain], "acme", -3.0, RANKS[name], limit=1)
            assert (key, others) == (f"acme/{name}", [])
            for field, value in zip(plain, row, strict=True):
                is_nested = isinstance(plain[field], dict | list)
                assert (json.loads(value) if is_nested else value) == plain[field], (name, field)

    def test_what_a_body_leaves_out_is_the_default(self, writer, reader):
        plain = {"workspace_id": "acme", "recommendation_id": "r", "agent_id": "a", "created_at": to_plain(NOW)}
        put(writer, Record(RECOMMENDATIONS_VIEW, "acme/r", "", 0.0, canonical({**plain, "of_a_newer_grace": 1})))
        body = json.loads(reader.record(RECOMMENDATIONS_VIEW, "acme/r").body)
        assert body == to_plain(from_plain(Recommendation, plain))

    def test_one_that_does_not_fit_is_refused_by_field_and_nothing_of_the_transaction_is_kept(self, writer, reader):
        plain = to_plain(advice())
        bad = {
            "created_at": {**plain, "created_at": None},
            "agent_id": {name: value for name, value in plain.items() if name != "agent_id"},
            "confidence_score": {**plain, "confidence_score": "0.5"},
            "reasoning": {**plain, "reasoning": ["because"]},
            "latency_ms": {**plain, "latency_ms": True},
        }
        for name, each in bad.items():
            with pytest.raises(InvalidInput, match=name) as refusal:
                put(writer, record(advice(2)), Record(RECOMMENDATIONS_VIEW, "acme/x", "", 0.0, canonical(each)))
            assert refusal.value.field == name
        for body in (b"", b"[]", b"{", b"\xff"):
            with pytest.raises(InvalidInput):
                put(writer, Record(RECOMMENDATIONS_VIEW, "acme/x", "", 0.0, body))
        assert reader.scan(RECOMMENDATIONS_VIEW) == []

    def test_a_nul_in_a_callers_text_keeps_nothing_from_being_written(self, writer, reader):
        put(writer, record(advice(reasoning="a\x00b", recommendation_content="c\x00d")))
        body = json.loads(reader.scan(RECOMMENDATIONS_VIEW)[0].body)
        assert (body["reasoning"], body["recommendation_content"]) == ("a\ufffdb", "c\x00d")


class TestRecords:
    """To everyone else they are records as ever."""

    def test_the_last_one_put_counts_none_deletes_and_other_views_are_not_touched(self, writer, reader):
        a, b = record(advice(1), "acme/a"), record(advice(2), "acme/b")
        other = Record("clusters", a.key, "open", 1.0, b"x")
        put(writer, record(advice(1, reasoning="first")), b, other, a)
        assert {r.key: json.loads(r.body)["reasoning"] for r in reader.scan(a.view)} == {a.key: "", b.key: ""}
        put(writer, b._replace(body=None), a._replace(status="acme/c", rank=-2.0))
        (left,) = reader.scan(a.view)
        assert left[:4] == (a.view, a.key, "acme/c", -2.0)
        assert reader.count(a.view) == {"acme/c": 1}
        assert reader.record(a.view, b.key) is None
        assert reader.scan("clusters") == [other]

    def test_pages_go_down_by_rank_then_up_by_key_and_miss_nothing(self, writer, reader):
        made = [record(advice(n), f"acme/{n % 3}", float(n % 4)) for n in range(50)]
        put(writer, *made)
        for status in (None, "acme/1", "acme/9"):
            expected = sorted((r for r in made if status in (None, r.status)), key=lambda r: (-r.rank, r.key))
            found, page = [], reader.records(RECOMMENDATIONS_VIEW, status, 7)
            while page.next is not None:
                found += page.items
                page = reader.records(RECOMMENDATIONS_VIEW, status, 7, page.next)
            assert keys(found + page.items) == keys(expected)
        assert reader.count(RECOMMENDATIONS_VIEW) == {"acme/0": 17, "acme/1": 17, "acme/2": 16}

    @pytest.mark.parametrize("view", [RECOMMENDATIONS_VIEW, "plain"])
    def test_many_are_found_by_their_keys_each_once(self, writer, reader, view):
        made = [record(advice(n))._replace(view=view) for n in range(1300)]
        put(writer, *made)
        wanted = [r.key for r in made[:1201]]
        found = reader.find_records(view, [*wanted, "acme/unheard-of", *wanted])
        assert sorted(keys(found)) == wanted
        assert {r.view for r in found} == {view}
        assert reader.find_records(view, []) == []

    @pytest.mark.parametrize("view", [RECOMMENDATIONS_VIEW, "plain"])
    def test_those_below_a_rank_come_lowest_first(self, writer, reader, view):
        put(writer, *(record(advice(n), rank=float(n))._replace(view=view) for n in (3, 1, 2, 4)))
        assert reader.below(view, 3.0, 10) == ["acme/r-0001", "acme/r-0002"]
        assert reader.below(view, 3.0, 1) == ["acme/r-0001"]
        assert reader.below(view, -1.0, 10) == []

    @pytest.mark.parametrize("view", [RECOMMENDATIONS_VIEW, "plain"])
    def test_each_of_a_workspace_comes_once_and_none_of_another(self, writer, reader, view):
        made = [record(advice(n))._replace(view=view) for n in range(2100)]
        others = [record(advice(1, workspace_id=name))._replace(view=view) for name in ("acm", "acme0", "acme-2", "a")]
        put(writer, *made, *others)
        assert keys(reader.of_workspace(view, "acme")) == keys(made)
        assert keys(reader.of_workspace(view, "acme0")) == ["acme0/r-0001"]
        assert keys(reader.of_workspace(view, "none")) == []


class TestColumns:
    """What only typed views have."""

    def test_cells_are_of_one_workspace_between_two_ranks_newest_first(self, writer, reader):
        made = [record(advice(n), f"acme/{n}", float(n)) for n in range(1, 8)]
        put(writer, *made, record(advice(3, workspace_id="other"), rank=3.0))
        columns = ["recommendation_id", "rank", "record_status", "key", "confidence_score"]
        assert reader.cells(RECOMMENDATIONS_VIEW, columns, "acme", 2.0, 4.0) == [
            ("r-0004", 4.0, "acme/4", "acme/r-0004", None),
            ("r-0003", 3.0, "acme/3", "acme/r-0003", None),
        ]
        everything = (float("-inf"), float("inf"))
        assert len(reader.cells(RECOMMENDATIONS_VIEW, ["agent_id"], "acme", *everything)) == 7
        assert reader.cells(RECOMMENDATIONS_VIEW, ["rank"], "acme", *everything, limit=2) == [(7.0,), (6.0,)]

    @pytest.mark.parametrize(("view", "column"), [(RECOMMENDATIONS_VIEW, 'x"'), ("clusters", "key")])
    def test_a_column_or_table_that_there_is_not_is_refused(self, reader, view, column):
        with pytest.raises(InvalidInput):
            reader.cells(view, [column], "acme", 0.0, 1.0)

    def test_those_that_answer_one_question_are_found_newest_first(self, writer, reader):
        put(
            writer,
            *(record(advice(n, correlation_id="q", workflow_id=f"w{n}")) for n in (1, 3, 2)),
            record(advice(4, correlation_id="q2")),
            record(advice(5)),
            record(advice(6, correlation_id="q", workspace_id="other")),
            Record(OUTCOMES_VIEW, "acme/o", "waiting", 0.0, canonical(to_plain(JUDGEMENT))),
        )
        found = reader.matching(RECOMMENDATIONS_VIEW, "correlation_id", "q", "acme")
        assert keys(found) == ["acme/r-0003", "acme/r-0002", "acme/r-0001"]
        assert reader.matching(RECOMMENDATIONS_VIEW, "correlation_id", "q", "acme", limit=1) == found[:1]
        assert reader.matching(RECOMMENDATIONS_VIEW, "workflow_id", "w2", "acme") == found[1:2]
        assert keys(reader.matching(OUTCOMES_VIEW, "recommendation_id", "r-0001", "acme")) == ["acme/o"]
        assert reader.matching(RECOMMENDATIONS_VIEW, "correlation_id", "", "acme") == []
        for view, column in ((RECOMMENDATIONS_VIEW, "reasoning"), ("clusters", "correlation_id")):
            with pytest.raises(InvalidInput):
                reader.matching(view, column, "q", "acme")

    def test_the_workspaces_are_listed_in_order(self, writer, reader):
        assert reader.workspaces(RECOMMENDATIONS_VIEW) == []
        put(writer, *(record(advice(n, workspace_id=f"w{n % 3}")) for n in range(20)))
        assert reader.workspaces(RECOMMENDATIONS_VIEW) == ["w0", "w1", "w2"]
        assert reader.workspaces(OUTCOMES_VIEW) == []
        with pytest.raises(InvalidInput):
            reader.workspaces("clusters")


def test_a_store_of_the_version_before_gets_the_tables_and_keeps_what_it_has(store, writer):
    kept = Record("clusters", "a", "open", 1.0, b"x")
    put(writer, kept)
    writer.close()
    for view in {view for view, _ in NOUNS.values()}:
        store.execute(f"DROP TABLE {view}")
    store.execute("UPDATE alembic_version SET version_num = '0002'")
    later = store.writer()
    later.migrate()
    put(later, record(advice()))
    assert later.scan("clusters") == [kept]
    assert keys(later.scan(RECOMMENDATIONS_VIEW)) == ["acme/r-0001"]
    later.close()


def test_a_store_that_is_not_there_yet_has_none(store):
    reader = store.reader()
    for view in (RECOMMENDATIONS_VIEW, "plain"):
        assert reader.find_records(view, ["acme/r"]) == reader.below(view, 0.0, 1) == reader.scan(view) == []
        assert reader.records(view) == RecordPage([], None)
        assert reader.record(view, "acme/r") is None
        assert list(reader.of_workspace(view, "acme")) == []
    assert reader.cells(RECOMMENDATIONS_VIEW, ["outcome"], "acme", 0.0, 1.0) == []
    assert reader.matching(OUTCOMES_VIEW, "recommendation_id", "r", "acme") == []
    assert reader.workspaces(RECOMMENDATIONS_VIEW) == []
    reader.close()
