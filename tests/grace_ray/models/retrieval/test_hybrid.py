"""The hybrid index: what a person who searches cares about."""

import numpy as np
import pytest

from grace_ray.models.retrieval.chunks import Article, Passage, split_markdown
from grace_ray.models.retrieval.hybrid import HybridIndex, embedding_texts, query_text

RUNBOOKS = {
    "KubePodCrashLooping": "## Meaning\n\nA pod restarts again and again.\n\n## Fix\n\nRead the logs of the container.",
    "KubePodNotReady": "## Meaning\n\nA pod has been in a non-ready state for long.\n\n## Fix\n\nDescribe the pod.",
    "NodeFilesystemFull": "## Meaning\n\nA filesystem has no space left.\n\n## Fix\n\nDelete old files.",
    "Watchdog": "## Meaning\n\nThis alert always fires.",
}


def vector(*numbers: float) -> np.ndarray:
    found = np.array(numbers, np.float32)
    return found / np.linalg.norm(found)


@pytest.fixture
def index() -> HybridIndex:
    index = HybridIndex(dim=2)
    for name, text in RUNBOOKS.items():
        index.add(name, split_markdown(text, name))
    return index


def found(index: HybridIndex, query: str, **options) -> list[str]:
    return [hit.document_id for hit in index.search(query, **options)]


def test_the_name_of_an_alert_finds_its_runbook_in_any_spelling(index):
    for query in ("KubePodCrashLooping", "kube pod crash looping", "kubepodcrashlooping", "kube_pod_crash_looping"):
        assert found(index, query)[0] == "KubePodCrashLooping"


def test_a_label_does_not_outweigh_the_trouble(index):
    assert found(index, "no space left pod=kube-watchdog-0 job=pod-not-ready")[0] == "NodeFilesystemFull"


def test_a_hit_points_at_the_passage_that_answers_and_says_why(index):
    text = "## Meaning\n\n" + "Disks wear out. " * 20 + "\n\n## Fix\n\n" + "Swap the broken array controller. " * 10
    index.add("long", split_markdown(text, "Disks"))
    hit = index.search("swap the controller")[0]
    assert (hit.document_id, hit.passage) == ("long", 1)
    assert hit.matched == ("swap", "controller")
    assert hit.coverage == 1.0
    assert hit.similarity is None
    assert "swap" in hit.why()


def test_words_that_no_document_has_lower_the_coverage(index):
    assert index.search("filesystem kerfuffle")[0].coverage < 0.7


def test_nothing_in_common_is_no_hit(index):
    assert index.search("zebra") == []
    assert index.search("") == []
    assert HybridIndex().search("pod") == []


def test_meaning_finds_what_words_do_not():
    index = HybridIndex(dim=2)
    near, far = vector(1, 0.1), vector(-0.2, 1)
    index.add("far", Article(title="one", passages=(Passage(text="two"),)), np.stack([far, far]))
    index.add("near", Article(title="three", passages=(Passage(text="four"),)), np.stack([near, near]))
    hits = index.search("zebra", vector(1, 0))
    assert [hit.document_id for hit in hits] == ["near"]
    assert hits[0].similarity == pytest.approx(near[0])


def test_documents_with_and_without_vectors_live_side_by_side():
    index = HybridIndex(dim=2)
    one = np.stack([vector(1, 0), vector(1, 0.2)])
    index.add("words", split_markdown("disk", "first"))
    index.add("both", split_markdown("node", "second"), one)
    index.add("words again", split_markdown("pod", "third"))
    assert [hit.document_id for hit in index.search("zebra", vector(1, 0))] == ["both"]
    assert index.search("third pod", vector(0, 1))[0].document_id == "words again"
    index.remove("words")
    index.remove("words again")
    assert index.search("zebra", vector(1, 0))[0].similarity == pytest.approx(float(one.mean(axis=0)[0]), abs=0.05)


def test_a_search_can_be_restricted_to_some_documents(index):
    assert found(index, "pod", among=["KubePodNotReady", "Watchdog", "unknown"]) == ["KubePodNotReady"]
    assert found(index, "pod", among=[]) == []


def test_a_removed_runbook_is_gone_and_a_changed_one_is_found_by_its_new_words(index):
    index.add("KubePodNotReady", split_markdown("The kubelet lost its lease.", "KubePodNotReady"))
    assert index.remove("KubePodCrashLooping")
    assert not index.remove("KubePodCrashLooping")
    assert "KubePodCrashLooping" not in found(index, "pod crash looping restarts")
    assert found(index, "lease lost")[0] == "KubePodNotReady"
    assert len(index) == 3


def test_vectors_of_the_wrong_shape_are_refused_and_nothing_changes(index):
    with pytest.raises(ValueError, match="shape"):
        index.add("Watchdog", split_markdown("new", "Watchdog"), np.zeros((1, 2), np.float32))
    assert found(index, "always fires") == ["Watchdog"]


def test_after_many_changes_it_ranks_as_one_that_is_built_anew():
    rng = np.random.default_rng(3)
    words = np.array(["disk", "full", "node", "pod", "crash", "slow", "net", "api", "lease", "quota"])
    changed, living = HybridIndex(dim=4), {}
    for step in range(120):
        key = f"d{rng.integers(12)}"
        living.pop(key, None)
        if rng.random() < 0.4:
            changed.remove(key)
            continue
        passages = tuple(Passage(text=" ".join(rng.choice(words, 5))) for _ in range(rng.integers(0, 4)))
        article = Article(title=f"{rng.choice(words)} {step}", passages=passages)
        vectors = rng.normal(size=(1 + len(passages), 4)).astype(np.float32)
        changed.add(key, article, vectors)
        living[key] = (article, vectors)
    fresh, restored = HybridIndex(dim=4), HybridIndex(dim=4)
    for key, (article, vectors) in living.items():
        fresh.add(key, article, vectors)
    restored.restore(changed.state())
    for word in words:
        expected = fresh.search(word, vector(1, 2, 3, 4), k=50)
        for one in (changed, restored):
            hits = one.search(word, vector(1, 2, 3, 4), k=50)
            assert [(h.document_id, h.passage, h.matched) for h in hits] == [
                (h.document_id, h.passage, h.matched) for h in expected
            ]
            assert [h.score for h in hits] == pytest.approx([h.score for h in expected], abs=1e-5)


def test_what_is_embedded_carries_the_title_and_leaves_markup_and_labels_out():
    article = split_markdown("## Fix\n\nRead the **[manual](https://example.org)**.", "NodeDown")
    assert embedding_texts(article) == ["Node Down", "Node Down. Fix. Read the manual."]
    assert query_text('disk full pod="web-0"') == "disk full"


def test_a_document_whose_name_stands_in_the_question_comes_first(index):
    text = "## Meaning\n\n" + "A pod in waiting state, CrashLoopBackOff, crashing and looping. " * 5
    index.add("PodWaitingState", split_markdown(text, "PodWaitingState"))
    plain = index.search("pod in waiting state (CrashLoopBackOff)")
    named = index.search("KubePodCrashLooping: pod web-1 is in waiting state (CrashLoopBackOff)")
    assert plain[0].document_id == "PodWaitingState"
    assert not plain[0].is_named
    assert named[0].document_id == "KubePodCrashLooping"
    assert named[0].is_named
    assert "named in the question" in named[0].why()
    assert all(0 <= hit.score <= 1 for hit in named)


def test_a_name_of_one_plain_word_is_no_literal_name(index):
    index.add("Pod", split_markdown("Nothing of interest.", "Pod"))
    assert not any(hit.is_named for hit in index.search("a pod restarts again and again"))


def test_a_removed_document_is_called_by_name_no_more(index):
    index.remove("KubePodCrashLooping")
    assert not any(hit.is_named for hit in index.search("KubePodCrashLooping restarts"))
    again = HybridIndex(dim=2)
    again.restore(index.state())
    assert again.search("KubePodNotReady")[0].is_named


def test_relevance_is_high_for_an_answer_and_low_for_the_best_of_nothing(index):
    assert index.search("a filesystem has no space left")[0].relevance > 0.7
    assert index.search("KubePodCrashLooping for whatever reason of the day")[0].relevance >= 0.9
    assert index.search("authentication failure of some user logs ssh2 preauth")[0].relevance < 0.4


def test_relevance_needs_words_and_meaning_both():
    index = HybridIndex(dim=2)
    near = np.stack([vector(1, 0.1), vector(1, 0.1)])
    index.add("near", Article(title="disk", passages=(Passage(text="two four"),)), near)
    assert index.search("disk four", vector(1, 0))[0].relevance > 0.7
    assert index.search("disk four", vector(0, 1))[0].relevance < 0.5
    assert index.search("zebra", vector(1, 0))[0].relevance == 0.0


def test_a_document_that_waits_for_its_vectors_is_judged_by_its_words_alone():
    index = HybridIndex(dim=2)
    index.add("old", split_markdown("Pods restart.", "pod restarts"), np.stack([vector(1, 0.5), vector(1, 0.5)]))
    index.add("new", split_markdown("Too many failed logins over ssh.", "ssh brute force"))
    again = HybridIndex(dim=2)
    again.restore(index.state())
    for one in (index, again):
        first, *_ = one.search("too many failed ssh logins", vector(1, 0))
        assert first.document_id == "new"
        assert first.similarity is None
        assert first.relevance > 0.7


def test_one_part_in_common_covers_little_of_an_identifier(index):
    assert index.search("getContainerPlayer")[0].coverage < 0.5
