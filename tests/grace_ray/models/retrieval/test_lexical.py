"""BM25 with weighted fields, as documents come and go."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace_ray.models.retrieval.lexical import LexicalIndex

WORDS = st.sampled_from(["disk", "full", "node", "pod", "crash", "slow", "net", "api"])
TEXTS = st.lists(WORDS, min_size=0, max_size=12)


def index_of(*bodies: str) -> LexicalIndex:
    index = LexicalIndex()
    for number, body in enumerate(bodies):
        index.add(str(number), {"body": body.split()})
    return index


def test_scores_are_bm25_by_hand():
    index = index_of("disk full full", "node")
    idf = math.log1p((2 - 1 + 0.5) / (1 + 0.5))
    saturation = 1.2 * (1 - 0.75 + 0.75 * 3 / 2)
    assert index.scores({"full": 1.0})[0] == pytest.approx(idf * 2 * 2.2 / (2 + saturation))


def test_a_word_in_the_title_counts_more_than_in_the_body():
    index = LexicalIndex()
    index.add("body", {"title": ["node"], "body": ["disk"]})
    index.add("title", {"title": ["disk"], "body": ["node"]})
    assert [key for key, _ in index.search({"disk": 1.0})] == ["title", "body"]


def test_the_rare_word_decides():
    index = index_of("pod node", "pod crash", "pod disk", "pod full")
    assert index.search({"pod": 1.0, "crash": 1.0})[0][0] == "1"


def test_a_removed_document_is_never_found():
    index = index_of("disk full", "disk slow")
    assert index.remove("0")
    assert [key for key, _ in index.search({"disk": 1.0, "full": 1.0})] == ["1"]
    assert not index.remove("0")


def test_adding_again_replaces():
    index = index_of("disk full")
    index.add("0", {"body": ["node"]})
    assert len(index) == 1
    assert index.search({"disk": 1.0}) == []
    assert [key for key, _ in index.search({"node": 1.0})] == ["0"]


def test_a_field_without_a_weight_is_an_error():
    with pytest.raises(KeyError):
        LexicalIndex({"body": 1.0}).add("0", {"title": ["disk"]})


def test_coverage_is_whole_when_every_term_is_said():
    index = index_of("disk full", "disk slow node")
    assert index.coverage(["disk", "full"]).tolist() == pytest.approx([1.0, index.coverage(["disk"])[1]])
    assert index.coverage(["disk", "full"], smoothing=4.0)[0] < 1


def test_an_empty_index_answers_nothing():
    index = LexicalIndex()
    assert index.search({"disk": 1.0}) == []
    index.restore(index.state())
    assert len(index) == 0


@given(st.lists(st.tuples(st.integers(0, 5), TEXTS, st.booleans()), max_size=25), TEXTS)
def test_any_history_scores_like_a_fresh_index_and_survives_its_state(history, query):
    index, living = LexicalIndex(), {}
    for key, body, is_removal in history:
        living.pop(str(key), None)
        if is_removal:
            index.remove(str(key))
        else:
            index.add(str(key), {"body": body})
            living[str(key)] = body
        if index.is_sparse:
            index.compact()
    fresh = LexicalIndex()
    for key, body in living.items():
        fresh.add(key, {"body": body})
    restored = LexicalIndex()
    restored.restore(index.state())
    weights = dict.fromkeys(query, 1.0)
    expected = sorted(fresh.search(weights, 99))
    for one in (index, restored):
        assert sorted(key for key, _ in one.search(weights, 99)) == [key for key, _ in expected]
        assert [score for _, score in sorted(one.search(weights, 99))] == pytest.approx([s for _, s in expected])
        shares = {key: share for key, share in zip(one.keys, one.coverage(set(query)), strict=True) if key}
        wanted = dict(zip(fresh.keys, fresh.coverage(set(query)), strict=True))
        assert shares == pytest.approx(wanted, abs=1e-6)


def test_its_state_is_bytes_lists_and_numbers():
    state = index_of("disk full").state()
    assert json.dumps({key: value for key, value in state.items() if not isinstance(value, bytes)})
    assert np.frombuffer(state["slots"], "<i4").tolist() == [0, 0]
