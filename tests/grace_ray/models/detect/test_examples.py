"""The examples in the docstrings run."""

import doctest

import pytest

from grace_ray.models.detect import anomaly, breach, peaks, pyramid, trend, warnings, yesterday


@pytest.mark.parametrize(
    "module", [anomaly, breach, peaks, pyramid, trend, warnings, yesterday], ids=lambda module: module.__name__
)
def test_the_examples_in_the_docstrings_are_true(module) -> None:
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed
