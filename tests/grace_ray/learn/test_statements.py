"""What missions state becomes knowledge, and its use is learned from what happened next."""

from datetime import timedelta

from grace_ray.core.fact import Fact
from grace_ray.core.jsonable import to_plain
from grace_ray.core.mission import Statement

CLUSTER = "system:high:disk"


def statement(house, name="s1", text="Delete old logs to free the disk.", source="disk.md", **rest):
    fields = {
        "id": name, "text": text, "passage": text, "source": source, "origin": "runbooks", "topic": "disk",
        "confidence": 0.8, "at": house.now, "mission_id": "m1", "cluster_key": CLUSTER, **rest,
    }  # fmt: skip
    return Statement(**fields)


def completed(house, *statements, mission_id="m1", cluster_key=CLUSTER):
    body = {
        "mission_id": mission_id,
        "cluster_key": cluster_key,
        "status": "completed",
        "knowledge_acquired": [to_plain(each) for each in statements],
    }
    return house.tell(
        Fact(id=f"done-{mission_id}", at=house.now, kind="mission", type="mission.completed",
             source="grace/mission_launcher", subject=mission_id, trace="t", body=body)
    )  # fmt: skip


def found(house, what, number=0):
    house.now += timedelta(minutes=1)
    return house.tell(
        Fact(id=f"{what}-{number}-{house.now}", at=house.now, kind="finding", type=what, source="grace/triage",
             subject=CLUSTER, body={"cluster_key": CLUSTER})
    )  # fmt: skip


def feedback(house, useful, by, name="s1"):
    return house.ask("feedback", statement_id=name, useful=useful, by=by)


def test_a_completed_missions_statements_are_searchable_and_applied_to_the_cluster(house):
    completed(house, statement(house))
    (hit,) = house.knowledge.search("free the disk")
    assert (hit.origin, hit.source, hit.mission_id, hit.passage_id) == ("mission", "disk.md", "m1", "s1")
    (learned,) = house.of_type("knowledge.learned")
    (applied,) = house.of_type("knowledge.applied")
    assert (learned.subject, learned.trace, learned.cause) == ("s1", "t", "done-m1")
    assert applied.body["statement_ids"] == ["s1"]
    assert applied.subject == CLUSTER


def test_the_same_statement_of_a_second_mission_is_learned_once_and_applied_again(house):
    completed(house, statement(house))
    completed(house, statement(house, name="s2", text="delete OLD logs  to free the disk."), mission_id="m2")
    assert len(house.of_type("knowledge.learned")) == 1
    assert [fact.body["statement_ids"] for fact in house.of_type("knowledge.applied")] == [["s1"], ["s1"]]
    assert len(house.records.scan("statements")) == 1


def test_the_same_entry_again_gives_the_same_fact_ids(house):
    first = completed(house, statement(house))
    house.restart()
    house.records.held.clear()
    again = completed(house, statement(house))
    assert [fact.id for fact in first.facts] == [fact.id for fact in again.facts]


def test_what_was_followed_by_quiet_is_useful_and_what_was_followed_by_trouble_is_not(house):
    completed(house, statement(house))
    found(house, "cluster.stayed_quiet")
    assert house.knowledge.search("disk")[0].usefulness > 0.5
    completed(house, statement(house), mission_id="m2")
    found(house, "cluster.reopened")
    completed(house, statement(house), mission_id="m3")
    found(house, "cluster.reopened")
    assert house.knowledge.search("disk")[0].usefulness < 0.5
    assert [fact.body["helped"] for fact in house.of_type("knowledge.scored")] == [True, False, False]


def test_an_application_is_judged_once(house):
    completed(house, statement(house))
    found(house, "cluster.reopened", 1)
    found(house, "cluster.reopened", 2)
    assert len(house.of_type("knowledge.scored")) == 1


def test_a_persons_last_word_counts_once(house):
    completed(house, statement(house))
    answers = [feedback(house, True, "ann")["usefulness"] for _ in range(5)]
    assert len(set(answers)) == 1
    assert feedback(house, True, "bob")["usefulness"] > answers[0]
    assert feedback(house, False, "ann")["usefulness"] == 0.5
    assert house.knowledge.search("disk")[0].usefulness == 0.5


def test_evidence_outlives_a_restart(house):
    completed(house, statement(house))
    feedback(house, True, "ann")
    found(house, "cluster.stayed_quiet")
    before = house.knowledge.search("disk")
    house.restart()
    assert house.knowledge.search("disk") == before
    assert before[0].usefulness is not None
    completed(house, statement(house, name="other"), mission_id="m2")
    assert len(house.of_type("knowledge.learned")) == 1


def test_usefulness_lifts_one_of_two_like_statements_but_hides_neither(house):
    completed(
        house,
        statement(house, "s1", "Restart the kubelet service on the node.", "a"),
        statement(house, "s2", "Restart the kubelet service on a node.", "b"),
    )
    for by in ("ann", "bob", "cid"):
        feedback(house, False, by, "s1")
        feedback(house, True, by, "s2")
    hits = house.knowledge.search("restart kubelet service")
    assert [hit.passage_id for hit in hits] == ["s2", "s1"]
    assert any("helped in 3 of 3" in reason for reason in hits[0].reasons)


def test_a_text_stands_for_what_missions_took_from_it(house):
    house.add("disk.md", "# Disk\n\nDelete old logs to free the disk.", origin="runbook")
    completed(house, statement(house))
    feedback(house, True, "ann")
    (hit,) = house.knowledge.search("free the disk")
    assert (hit.origin, hit.source) == ("runbook", "disk.md")
    assert hit.usefulness > 0.5
    assert house.knowledge.search("free the disk", origins=frozenset({"mission"}))[0].passage_id == "s1"
    assert house.knowledge.search("free the disk", origins=frozenset({"runbook"}))[0].origin == "runbook"


def test_statements_of_one_mission_do_not_multiply_its_outcome(house):
    house.add("disk.md", "# Disk\n\nDelete old logs to free the disk.", origin="runbook")
    completed(house, *(statement(house, f"s{n}", f"Delete old logs, step {n}.") for n in range(8)))
    found(house, "cluster.stayed_quiet")
    (hit,) = house.knowledge.search("free the disk")
    assert hit.usefulness == 0.6


def test_a_statement_stands_alone_again_once_its_text_is_gone(house):
    house.add("disk.md", "# Disk\n\nDelete old logs to free the disk.", origin="runbook")
    completed(house, statement(house))
    house.ask("remove", source="disk.md")
    assert [hit.passage_id for hit in house.knowledge.search("free the disk")] == ["s1"]


def test_a_passage_takes_feedback_as_well(house):
    house.add("disk.md", "# Disk\n\nDelete old logs to free the disk.")
    passage = house.knowledge.search("free the disk")[0].passage_id
    assert feedback(house, True, "ann", passage)["usefulness"] > 0.5
    house.restart()
    assert house.knowledge.search("free the disk")[0].usefulness > 0.5


def test_explain_names_mission_strategy_source_and_evidence(house):
    completed(house, statement(house))
    feedback(house, True, "ann")
    answer = " ".join(house.knowledge.explain("s1")["answer"])
    assert "m1" in answer
    assert "runbooks" in answer
    assert "disk.md" in answer
    assert "helped in 1 of 1" in answer
    assert house.knowledge.explain("nothing") is None


def test_a_document_fact_that_cannot_be_taken_is_told_not_swallowed(house):
    house.tell(Fact(id="x", at=house.now, kind="knowledge", type="knowledge.document", source="elsewhere",
                    subject="bad", body={"source": "bad"}))  # fmt: skip
    (rejected,) = house.of_type("knowledge.rejected")
    assert rejected.body["field"] == "documents[0].text"
