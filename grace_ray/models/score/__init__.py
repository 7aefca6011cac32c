"""Whom to believe: trust in agents from what came of their work, calibration, drift, and consensus among answers.

`AbilityModel` predicts the next outcome, and decisions rest on it; `MovingTrust` is the moving average of the
interface. `Calibration` judges agents' own confidence, `DriftDetector` tells when success has changed, and
`ConfusionModel` finds what is true among the answers of several agents.
"""

from grace_ray.models.score.ability import AbilityModel, AbilitySettings
from grace_ray.models.score.belief import Ask, Belief, Trend
from grace_ray.models.score.calibration import Calibration, CalibrationSettings, Claim
from grace_ray.models.score.confusion import Answer, ConfusionModel, ConfusionSettings, Consensus
from grace_ray.models.score.drift import Drift, DriftDetector, DriftSettings, Surprise
from grace_ray.models.score.kept import Judged
from grace_ray.models.score.moving import Evaluated, MovingSettings, MovingTrust, Reading

__all__ = [
    "AbilityModel",
    "AbilitySettings",
    "Answer",
    "Ask",
    "Belief",
    "Calibration",
    "CalibrationSettings",
    "Claim",
    "ConfusionModel",
    "ConfusionSettings",
    "Consensus",
    "Drift",
    "DriftDetector",
    "DriftSettings",
    "Evaluated",
    "Judged",
    "MovingSettings",
    "MovingTrust",
    "Reading",
    "Surprise",
    "Trend",
]
