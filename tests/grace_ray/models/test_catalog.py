"""Learners by name."""

import pytest

from grace_ray.core.errors import NotFound
from grace_ray.models.catalog import LEARNERS, learner


@pytest.mark.parametrize("name", LEARNERS)
def test_every_learner_in_the_catalog_can_be_made(name: str):
    assert learner(name)() is not None


def test_a_learner_that_is_not_there_is_answered_with_the_names_that_are():
    with pytest.raises(NotFound, match="policy"):
        learner("oracle")
