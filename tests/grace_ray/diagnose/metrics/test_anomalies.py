"""What people hear of anomalies: seldom something of pure noise, always what never was."""

import numpy as np

from grace_ray.diagnose.metrics.anomalies import is_worth_saying
from grace_ray.models.detect.anomaly import AnomalyDetector, Scored
from grace_ray.settings import MetricsSettings

BAR = MetricsSettings().anomaly_score_min


def onset(score: float, likelihood: float) -> Scored:
    return Scored(score=score, likelihood=likelihood, is_onset=True, expected=None)


def said_in_a_week(seed: int) -> int:
    values = np.random.default_rng(seed).normal(size=7 * 1440)
    found = AnomalyDetector().score_many(values, 60.0 * np.arange(values.size))
    onsets = np.flatnonzero(found.is_onset)
    return sum(is_worth_saying(onset(float(found.score[n]), float(found.likelihood[n])), BAR) for n in onsets)


def test_of_noise_with_a_point_a_minute_little_more_than_one_a_day_is_said_in_the_first_week() -> None:
    assert 0 < np.mean([said_in_a_week(seed) for seed in range(20)]) < 1.5 * 7


def test_what_never_was_is_said_however_young_the_series_is() -> None:
    assert is_worth_saying(onset(1.0, 0.92), BAR)


def test_what_is_merely_among_the_rarest_of_a_young_series_is_not() -> None:
    assert not is_worth_saying(onset(0.72, 0.92), BAR)
    assert is_worth_saying(onset(0.72, 0.98), BAR)
    assert not is_worth_saying(onset(0.56, 0.999), BAR)
