"""What a person may expect of knowledge: nothing twice, nothing lost, everything with its source."""

import pytest

from grace_ray.core.errors import Disabled, InvalidInput, NotFound, TooLarge
from grace_ray.learn.knowledge import EMBED_MAX

DISK = "# Disk full\n\nFree space by deleting old logs with journalctl --vacuum-size.\n"
NETWORK = "# Network\n\nCheck the switch port and the cable when packets are lost.\n"


def sections(*texts: str) -> str:
    return "\n".join(f"## Step {number}\n\n{text} " + "detail " * 60 for number, text in enumerate(texts))


def test_a_document_is_found_at_once_with_where_it_came_from(house):
    house.add("runbooks/disk.md", DISK, origin="runbook", topic="storage", learned_from="git", confidence=0.9)
    house.add("runbooks/network.md", NETWORK, origin="runbook")
    best = house.knowledge.search("disk: free space by deleting old logs")[0]
    assert (best.source, best.origin, best.topic, best.learned_from) == (
        "runbooks/disk.md",
        "runbook",
        "storage",
        "git",
    )
    assert best.confidence == 0.9
    assert "journalctl" in best.text
    assert best.at == house.now.replace(second=1)
    assert any("logs" in reason or "log" in reason for reason in best.reasons)


def test_the_same_document_again_changes_nothing_and_embeds_nothing(house):
    assert house.add("disk.md", DISK) == {"added": 1, "unchanged": 0}
    before = len(house.embedder.texts)
    assert house.add("disk.md", DISK) == {"added": 0, "unchanged": 1}
    assert len(house.embedder.texts) == before
    assert house.knowledge.stats()["documents"] == 1


def test_the_same_document_twice_in_one_call_is_added_once(house):
    twice = [{"source": "a", "title": "", "text": DISK}] * 2
    assert house.ask("add", documents=twice) == {"added": 1, "unchanged": 1}


def test_a_document_added_again_before_the_journal_was_read_is_unchanged(house):
    documents = {"documents": [{"source": "a", "title": "", "text": DISK}]}
    first, _ = house.knowledge.operate("add", documents, house.now)
    second, answer = house.knowledge.operate("add", documents, house.now)
    assert (len(first.facts), len(second.facts), answer) == (1, 0, {"added": 0, "unchanged": 1})


def test_the_same_text_from_two_places_is_one_document_that_names_both(house):
    house.add("a/disk.md", DISK, title="disk", origin="runbook")
    house.add("b/disk.md", DISK + "\n\n", title="disk", origin="web")
    assert house.knowledge.stats()["documents"] == 1
    hits = house.knowledge.search("free space")
    assert [hit.source for hit in hits] == ["a/disk.md"]
    assert any("2 places" in reason for reason in hits[0].reasons)
    assert house.knowledge.search("free space", origins=frozenset({"web"}))[0].source == "b/disk.md"


def test_a_text_stays_while_it_is_read_somewhere_and_goes_with_its_last_place(house):
    house.add("a", DISK, title="disk")
    house.add("b", DISK, title="disk")
    house.ask("remove", source="a")
    assert [hit.source for hit in house.knowledge.search("free space")] == ["b"]
    house.ask("remove", source="b")
    assert house.knowledge.search("free space") == []
    assert house.records.held == {}


def test_a_changed_document_replaces_the_old_text_and_embeds_only_what_changed(house):
    house.add("guide.md", sections("alpha", "beta", "gamma"), title="guide")
    house.settle()
    house.knowledge.search("alpha")
    house.embedder.texts.clear()
    house.add("guide.md", sections("alpha", "zebra", "gamma"), title="guide")
    house.settle()
    assert len(house.embedder.texts) == 1
    assert "zebra" in house.embedder.texts[0]
    assert "zebra" in house.knowledge.search("zebra")[0].text
    assert all("beta" not in passage["text"] for passage in house.bodies("passages"))
    assert house.knowledge.stats()["documents"] == 1


def test_search_gives_the_same_answer_after_a_restart(house):
    for number in range(8):
        house.add(f"doc{number}", sections(f"topic{number} disk", f"network {number}"), title=f"Guide {number}")
    house.add("doc3", sections("replaced disk text"), title="Guide 3")
    house.ask("remove", source="doc5")
    house.settle()
    asked = ["disk", "network 7", "topic2 detail", "replaced"]
    before = [house.knowledge.search(query) for query in asked]
    house.embedder.texts.clear()
    house.restart()
    assert [house.knowledge.search(query) for query in asked] == before
    assert house.embedder.texts == asked


def test_a_large_document_is_searchable_by_words_at_once_and_gets_its_vectors_in_bounded_steps(house):
    house.knowledge.search("anything")
    house.embedder.texts.clear()
    house.add("long.md", sections(*[f"chapter{n}" for n in range(50)]))
    assert len(house.embedder.texts) == EMBED_MAX
    assert house.knowledge.search("chapter49")[0].source == "long.md"
    assert house.knowledge.stats()["pending"] == 1
    assert house.settle() == 3
    assert house.knowledge.stats()["pending"] == 0


def test_what_waits_for_vectors_gets_them_after_a_restart_without_a_search(house):
    house.add("long.md", sections(*[f"chapter{n}" for n in range(50)]))
    house.restart()
    house.embedder.texts.clear()
    house.settle()
    assert len(house.embedder.texts) == 51 - EMBED_MAX
    assert len(house.records.scan("vectors")) == 51
    house.restart()
    assert house.settle() == 0


def test_the_tick_right_after_handle_knows_what_is_not_committed_yet(house):
    effects, _ = house.knowledge.operate(
        "add",
        {"documents": [{"source": "a", "title": "a", "text": sections(*"abcdefghijklmnopqrstuvwxyz")}]},
        house.now,
    )
    taken, house.records.take = house.records.take, lambda records: None
    handled = house.tell(*effects.facts)
    ticked = house.knowledge.tick(house.now)
    house.records.take = taken
    house.records.take([*handled.records, *ticked.records])
    house.settle()
    assert len(house.records.scan("vectors")) == 27


def test_without_an_embedder_search_is_lexical_and_says_so(make_house):
    house = make_house(dense=False)
    house.add("disk.md", DISK)
    assert house.knowledge.search("free space")[0].source == "disk.md"
    stats = house.knowledge.stats()
    assert (stats["dense"], stats["vectors"]) == (False, 0)
    assert "switched off" in stats["reason"]
    assert house.settle() == 0


def test_only_the_origins_asked_for_are_searched(house):
    house.add("disk.md", DISK, origin="runbook")
    house.add("https://example.org/disk", DISK + "\nMore from the web.", origin="web")
    assert [hit.origin for hit in house.knowledge.search("free space", origins=frozenset({"web"}))] == ["web"]
    assert house.knowledge.search("free space", origins=frozenset({"github"})) == []


@pytest.mark.parametrize(
    ("documents", "error", "field"),
    [
        (None, InvalidInput, "documents"),
        ([], InvalidInput, "documents"),
        (["text"], InvalidInput, "documents[0]"),
        ([{"source": "a", "title": "", "text": "ok"}, {"source": "b", "text": " "}], InvalidInput, "documents[1].text"),
        ([{"text": "no source"}], InvalidInput, "documents[0].source"),
        ([{"source": "a", "text": "ok", "origin": "dream"}], InvalidInput, "documents[0].origin"),
        ([{"source": "a", "text": "ok", "confidence": 2}], InvalidInput, "documents[0].confidence"),
        ([{"source": "a", "text": "ok", "colour": "red"}], InvalidInput, "documents[0].colour"),
        ([{"source": "a", "text": "x" * 2000}], TooLarge, "documents[0].text"),
        ([{"source": "a", "text": "\ud800"}], InvalidInput, "documents[0].text"),
        ([{"source": "a", "text": "ok", "at": "yesterday"}], InvalidInput, "documents[0].at"),
        ([{"source": "a", "text": "ok", "meta": []}], InvalidInput, "documents[0].meta"),
    ],
)
def test_a_bad_document_is_refused_naming_the_field(make_house, documents, error, field):
    house = make_house(document_max_bytes=1024)
    with pytest.raises(error) as caught:
        house.ask("add", documents=documents)
    assert caught.value.field == field
    assert house.records.held == {}


def test_a_bad_search_is_refused_naming_the_field(house):
    with pytest.raises(InvalidInput) as caught:
        house.knowledge.search("  ")
    assert caught.value.field == "q"
    with pytest.raises(InvalidInput) as caught:
        house.knowledge.search("x", k=0)
    assert caught.value.field == "k"


def test_unknown_things_and_a_switched_off_part_are_refused(house, make_house):
    with pytest.raises(NotFound):
        house.ask("remove", source="nowhere")
    with pytest.raises(NotFound):
        house.ask("feedback", statement_id="nothing", useful=True)
    with pytest.raises(InvalidInput):
        house.ask("forget", source="a")
    with pytest.raises(Disabled):
        make_house(enabled=False).add("a", DISK)


def test_a_search_of_nothing_finds_nothing(house):
    assert house.knowledge.search("disk") == []


def test_a_document_can_be_read_whole_in_order(house):
    house.add("guide.md", sections("alpha", "beta", "gamma"), title="guide", origin="runbook")
    whole = house.knowledge.passages("guide.md")
    words = [next(word for word in ("alpha", "beta", "gamma") if word in hit.text) for hit in whole]
    assert words == ["alpha", "beta", "gamma"]
    assert {hit.source for hit in whole} == {"guide.md"}
    assert house.knowledge.passages("nowhere") == []


def test_an_idle_part_asks_the_store_once_and_loads_nothing(house):
    house.add("disk.md", DISK)
    house.settle()
    house.restart()
    asked = []
    count, house.records.scan = house.records.count, lambda view: asked.append(view) or []
    house.records.count = lambda view: asked.append(view) or {"ready": 1}
    for _ in range(5):
        house.knowledge.tick(house.now)
    house.records.count = count
    assert asked == ["documents", "statements"]


def test_an_index_that_is_built_anew_finds_what_the_old_one_found(house):
    house.add("runbooks/disk.md", DISK, origin="runbook")
    house.add("runbooks/network.md", NETWORK, origin="runbook")
    question = "disk: free space by deleting old logs"
    before = [hit.source for hit in house.knowledge.search(question)]
    answer = house.ask("rebuild", by="ada")
    assert answer["documents"] == 2
    assert [hit.source for hit in house.knowledge.search(question)] == before
