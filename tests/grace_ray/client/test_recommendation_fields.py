"""What may be told of a recommendation is written in four places, each with its own types: they name the same fields.

The noun (core), the door that checks (sense), the call that a program makes, and the box that keeps what waits.
"""

import inspect
from dataclasses import fields

from grace_ray.client.calls.learning_calls import evaluate_outcome, track_recommendation
from grace_ray.client.learning_box import LearningBox
from grace_ray.core.recommendation import Judgement, Recommendation
from grace_ray.sense import recommendation_fields

JUDGED_LATER = {"quality_scores", "overall_quality_score", "evaluator_feedback", "evaluated_at"}
OF_THE_BOX = {"self", "workspace_id", "created_at", "evaluated_at", "outcome_id"}  # it knows them, or leaves them out


def taken_by(function):
    return set(inspect.signature(function).parameters)


def test_a_recommendation_has_the_same_fields_wherever_it_is_told():
    held = {field.name for field in fields(Recommendation)} - JUDGED_LATER - {"outcome"}
    assert taken_by(track_recommendation) == held
    assert taken_by(LearningBox.track_agent_recommendation) - OF_THE_BOX == held - OF_THE_BOX
    assert held <= recommendation_fields.TRACKED


def test_an_outcome_has_the_same_fields_wherever_it_is_told():
    held = {field.name for field in fields(Judgement)}
    assert taken_by(evaluate_outcome) == held
    assert taken_by(LearningBox.evaluate_recommendation) - OF_THE_BOX == held - OF_THE_BOX
    assert held <= recommendation_fields.JUDGED
