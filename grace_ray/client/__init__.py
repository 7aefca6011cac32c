"""The typed client of a running Grace: ``Grace`` for plain code, ``AsyncGrace`` for async code; LearningIntegration."""

from grace_ray.client.answers import ClusterDetail, Page, Receipt, Rejection
from grace_ray.client.async_grace import AsyncGrace
from grace_ray.client.blocking_grace import Grace
from grace_ray.client.learning_box import ChosenAgent
from grace_ray.client.learning_integration import AsyncLearningIntegration, LearningIntegration
from grace_ray.client.retry import Retry
from grace_ray.client.sse import Message

__all__ = [
    "AsyncGrace",
    "AsyncLearningIntegration",
    "ChosenAgent",
    "ClusterDetail",
    "Grace",
    "LearningIntegration",
    "Message",
    "Page",
    "Receipt",
    "Rejection",
    "Retry",
]
