"""The examples in the docstrings run."""

import doctest

import pytest

from grace_ray.models.score import ability, calibration, confusion, drift, moving


@pytest.mark.parametrize("module", [ability, calibration, confusion, drift, moving], ids=lambda module: module.__name__)
def test_the_examples_in_the_docstrings_are_true(module) -> None:
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed
