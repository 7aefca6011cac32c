"""Detection on one series at a time: anomalies as they come, breaches before they come, trends.

`AnomalyDetector` scores each value as it arrives; `breach_probability` says how likely a threshold is crossed within a
horizon, `WarningCalibrator` makes such probabilities honest, `EpisodeGate` turns them into one warning an episode;
`trend_of` finds monotone trends (Mann-Kendall, Theil-Sen).
"""

from grace_ray.models.detect.anomaly import AnomalyDetector, Scored, ScoredMany
from grace_ray.models.detect.breach import Breach, breach_probability
from grace_ray.models.detect.trend import Trend, trend_of
from grace_ray.models.detect.warnings import EpisodeGate, Opening, WarningCalibrator

__all__ = [
    "AnomalyDetector",
    "Breach",
    "EpisodeGate",
    "Opening",
    "Scored",
    "ScoredMany",
    "Trend",
    "WarningCalibrator",
    "breach_probability",
    "trend_of",
]
