"""Vectors side by side, and as bytes."""

import numpy as np
import pytest

from grace_ray.models.retrieval.vectors import VectorMatrix, from_blob, to_blob


def test_rows_come_back_in_order_after_growing():
    rows = np.random.default_rng(1).random((700, 3), np.float32)
    matrix = VectorMatrix(3)
    for start in range(0, 700, 7):
        matrix.append(rows[start : start + 7])
    assert np.array_equal(matrix.rows, rows)
    assert matrix.similarities(rows[5]) == pytest.approx(rows @ rows[5])


def test_what_is_not_kept_is_gone():
    matrix = VectorMatrix(2)
    matrix.append(np.array([[1, 2], [3, 4], [5, 6]], np.float32))
    matrix.keep(np.array([0, 2]))
    matrix.append(np.array([[7, 8]], np.float32))
    assert matrix.rows.tolist() == [[1, 2], [5, 6], [7, 8]]


def test_a_vector_of_another_length_is_refused():
    with pytest.raises(ValueError, match="3 dimensions"):
        VectorMatrix(3).append(np.zeros((1, 2), np.float32))


def test_a_blob_gives_the_same_vectors_back():
    vectors = np.random.default_rng(2).random((4, 3), np.float32)
    assert np.array_equal(from_blob(to_blob(vectors), 3), vectors)
    with pytest.raises(ValueError, match="no whole number"):
        from_blob(b"1234567", 3)
