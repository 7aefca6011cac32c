"""The forward pass: what must hold whatever the weights are (the real ones are checked beside their adapter)."""

import math

import numpy as np
import pytest

from grace_ray.models.retrieval.minilm import MiniLM, _erf

DIM, WIDE, LAYERS = 24, 48, 2


@pytest.fixture(scope="module")
def model() -> MiniLM:
    rng = np.random.default_rng(7)

    def draw(*shape):
        return rng.normal(0, 0.5, shape).astype(np.float32)

    weights = {
        "embeddings.word_embeddings.weight": draw(50, DIM),
        "embeddings.position_embeddings.weight": draw(16, DIM),
        "embeddings.token_type_embeddings.weight": draw(2, DIM),
        "embeddings.LayerNorm.weight": draw(DIM),
        "embeddings.LayerNorm.bias": draw(DIM),
    }
    for number in range(LAYERS):
        prefix = f"encoder.layer.{number}"
        shapes = {
            "attention.self.query": (DIM, DIM),
            "attention.self.key": (DIM, DIM),
            "attention.self.value": (DIM, DIM),
            "attention.output.dense": (DIM, DIM),
            "attention.output.LayerNorm": (DIM,),
            "intermediate.dense": (WIDE, DIM),
            "output.dense": (DIM, WIDE),
            "output.LayerNorm": (DIM,),
        }
        for name, shape in shapes.items():
            weights[f"{prefix}.{name}.weight"] = draw(*shape)
            weights[f"{prefix}.{name}.bias"] = draw(shape[0])
    return MiniLM(weights, heads=4)


def test_a_text_has_the_same_vector_alone_and_in_any_company(model):
    rng = np.random.default_rng(1)
    texts = [rng.integers(0, 50, size).tolist() for size in (1, 16, 3, 3, 9, 16, 2)]
    together = model.embed(texts)
    for row, text in enumerate(texts):
        assert model.embed([text])[0] == pytest.approx(together[row], abs=1e-5)


def test_vectors_are_of_unit_length(model):
    assert np.linalg.norm(model.embed([[1, 2, 3], [4]]), axis=1) == pytest.approx([1, 1], abs=1e-6)


def test_order_of_words_matters(model):
    one, other = model.embed([[1, 2, 3], [3, 2, 1]])
    assert not np.allclose(one, other, atol=1e-3)


def test_more_texts_than_a_pack_holds_keep_their_order(model):
    texts = [[number % 50, 1, 2, 3, 4, 5, 6, 7] for number in range(400)]
    vectors = model.embed(texts)
    assert np.allclose(vectors[0], vectors[50], atol=1e-5)
    assert not np.allclose(vectors[0], vectors[1], atol=1e-3)


def test_no_texts_give_no_vectors_and_a_bad_length_is_refused(model):
    assert model.embed([]).shape == (0, DIM)
    with pytest.raises(ValueError, match="1 to 16 tokens"):
        model.embed([[]])
    with pytest.raises(ValueError, match="1 to 16 tokens"):
        model.embed([[1] * 17])


def test_erf_is_exact_to_single_precision():
    x = np.linspace(-6, 6, 4_001, dtype=np.float32)
    assert _erf(x.copy()) == pytest.approx([math.erf(value) for value in x], abs=5e-7)
