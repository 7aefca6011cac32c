"""The strategies that search what Grace knows already: what is about the question, and what is said if nothing is."""

from dataclasses import replace

import pytest

from grace_ray.act.missions.strategies.query import home_query
from grace_ray.act.missions.strategies.rag import RagStrategy
from grace_ray.act.missions.strategies.runbooks import RunbookStrategy
from grace_ray.core.document import Hit
from grace_ray.core.mission import Question

QUESTION = Question(text="redis is down", topic="RedisDown", cluster={"cluster_key": "alerts:critical:RedisDown"})


class Budget:
    """A minute, and nobody cancels."""

    def remaining_s(self):
        return 60.0

    def is_cancelled(self):
        return False


class Shelf:
    """Knowledge with these hits, whatever is asked."""

    def __init__(self, *hits):
        self.hits = hits

    def search(self, query, k=5, origins=frozenset()):
        return list({hit.source: hit for hit in reversed(self.hits)}.values())[::-1][:k]

    def passages(self, source):
        return [hit for hit in self.hits if hit.source == source]

    def add(self, documents):
        raise AssertionError("nothing is added by a search")


def hit(title, relevance):
    return Hit(
        passage_id=title,
        text=f"What to do about {title}.",
        title=title,
        heading="",
        source=f"/books/{title}.md",
        origin="runbook",
        topic="",
        score=0.9,
        confidence=1.0,
        relevance=relevance,
    )


@pytest.mark.parametrize("strategy", [RunbookStrategy, RagStrategy])
def test_the_best_of_nothing_is_not_found_but_named(strategy):
    found = strategy(Shelf(hit("KubeletDown", 0.21), hit("TargetDown", 0.24))).explore(QUESTION, Budget())
    assert found.passages == ()
    assert found.report.status == "nothing"
    assert "The nearest is TargetDown, with relevance 0.24" in found.report.detail


@pytest.mark.parametrize("strategy", [RunbookStrategy, RagStrategy])
def test_what_is_about_the_question_is_found_alone(strategy):
    found = strategy(Shelf(hit("RedisDown", 0.93), hit("KubeletDown", 0.1))).explore(QUESTION, Budget())
    assert {passage.title for passage in found.passages} == {"RedisDown"}
    assert found.report.sources == ("/books/RedisDown.md",)


def test_every_passage_of_a_runbook_that_is_read_whole_is_as_relevant_as_the_one_found():
    first = hit("RedisDown", 0.93)
    found = RunbookStrategy(Shelf(first, replace(first, passage_id="2", relevance=None))).explore(QUESTION, Budget())
    assert {passage.relevance for passage in found.passages} == {0.93}


def test_without_runbooks_the_setting_is_named():
    assert "knowledge.runbooks" in RunbookStrategy(Shelf()).explore(QUESTION, Budget()).report.detail


def test_what_varies_in_a_clusters_messages_is_not_searched_for():
    message = "Failed password for root from 60.2.12.12 port 20658 ssh2"
    question = Question(text=f"sshd {message}", topic="sshd", messages=(message,))
    assert "60.2.12.12" not in home_query(question)
    assert "Failed password for root" in home_query(question)


def test_a_persons_question_is_searched_for_as_it_stands():
    assert home_query(Question(text="error 42 on db-7", topic="databases")) == "error 42 on db-7 databases"
