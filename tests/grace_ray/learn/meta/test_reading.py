"""Reading recommendations: whole, in order, and as features that were known before the outcome."""

import numpy as np
import pytest

from grace_ray.learn.meta.reading import Gathered, pages


def samples_of(history):
    gathered = Gathered()
    gathered.add(history.cells())
    return gathered.samples()


@pytest.mark.parametrize("together", [1, 7, 130], ids=["all apart", "some at once", "more at once than a page"])
def test_every_recommendation_is_read_once(house, make_history, together):
    history = make_history(1).live(150)
    for number, row in enumerate(history.rows):
        row["rank"] = 1000.0 + number // together
    house.records.rows = history.rows
    read = [row[0] for page in pages(house.records, "acme", 0.0, 9999.0, 1000, page_rows=20) for row in page]
    assert len(read) == len(set(read)) == 300
    newest = [row for page in pages(house.records, "acme", 0.0, 9999.0, 50, page_rows=20) for row in page]
    assert [row[0] for row in newest] == read[:50]


def test_only_what_was_judged_counts_in_order_of_time(make_history):
    history = make_history(2).live(100)
    history.rows[0]["outcome"] = "pending"
    history.rows[1]["outcome"] = "partial"
    samples = samples_of(history)
    assert (samples.tracked, len(samples.outcomes)) == (200, 199)
    assert samples.outcomes.value[0] == 0.5
    assert np.all(np.diff(samples.created_s) >= 0)


def test_agents_agree_where_they_said_the_same_before_any_was_judged(make_history):
    history = make_history(3).live(30, answers=3)
    for row in history.rows:
        row["recommendation_content"] = '"yes"'
    history.rows[3]["recommendation_content"] = '"no"'
    last = history.rows[8]
    last["rank"] += 3600.0  # this one may have heard how the others went
    agreed = samples_of(history).numbers["agree"]
    assert list(agreed[:3]) == [3, 3, 3]
    assert sorted(agreed[3:6]) == [1, 2, 2]
    assert list(agreed[6:8]) == [2, 2]


def test_an_agent_that_says_it_twice_agrees_with_nobody(make_history):
    history = make_history(4).live(30, answers=2)
    for row in history.rows:
        row["agent_id"], row["recommendation_content"] = "agent-1", '"yes"'
    assert set(samples_of(history).numbers["agree"]) == {1.0}


def test_context_becomes_conditions_of_words_truths_and_numbers(make_history):
    history = make_history(5).live(200)
    for number, row in enumerate(history.rows):
        row["context"] = (
            f'{{"region": "eu", "size": {number}, "retries": {number % 3}, "type": "x", "deep": {{"a": 1}}}}'
        )
    names = {(column.name, str(value)) for column in samples_of(history).outcomes.columns for value in column.values}
    assert ("region", "eu") in names
    assert ("retries", "2") in names
    assert ("context.type", "x") in names
    assert {value for name, value in names if name == "size"} >= {"{'min': 200}", "{'max': 99.8}"}
    assert not [name for name, _ in names if name == "deep"]
