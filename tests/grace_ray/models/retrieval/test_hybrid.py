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
