"""Every learner by name: a new one is one file and one line here.

A learner is named by its dotted path and imported when asked for, so that what one does not use costs nothing. What
all of them promise is in `grace_ray.models.checks`.
"""

from importlib import import_module
from typing import Any

from grace_ray.core.errors import NotFound

LEARNERS: dict[str, str] = {
    "ability": "grace_ray.models.score.ability.AbilityModel",
    "anomalies": "grace_ray.models.detect.anomaly.AnomalyDetector",
    "calibration": "grace_ray.models.score.calibration.Calibration",
    "consensus": "grace_ray.models.score.confusion.ConfusionModel",
    "drift": "grace_ray.models.score.drift.DriftDetector",
    "forecasts": "grace_ray.models.forecast.pool.ForecastPool",
    "moving trust": "grace_ray.models.score.moving.MovingTrust",
    "policy": "grace_ray.models.choose.policy.Policy",
    "templates": "grace_ray.models.templates.miner.TemplateMiner",
    "warnings": "grace_ray.models.detect.warnings.WarningCalibrator",
}


def learner(name: str) -> type[Any]:
    """The class of a learner; NotFound tells the names there are.

    >>> learner("policy").__name__
    'Policy'
    """
    path = LEARNERS.get(name)
    if path is None:
        raise NotFound(f"There is no learner {name!r}; there are {', '.join(sorted(LEARNERS))}.", "learner")
    module, _, attribute = path.rpartition(".")
    found: type[Any] = getattr(import_module(module), attribute)
    return found
