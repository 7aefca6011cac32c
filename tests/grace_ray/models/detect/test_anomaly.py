"""The detector speaks once where something new begins, learns the usual, and survives whatever is sent."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace_ray.core.errors import InvalidInput
from grace_ray.models.detect import AnomalyDetector
from grace_ray.models.detect.anomaly import ScoredMany

ROOT = Path(__file__).resolve().parents[4]
STREAMS = ROOT.parent / "shared" / "data" / "anomalies"
VALUES = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0.0, -0.0, 1.0, 1e300, -1e300, 5e-324, math.nan]),
    st.floats(-10, 10),
)


def times(count: int, step_s: float = 300.0) -> np.ndarray:
    return 1_700_000_000.0 + step_s * np.arange(count)


def onsets(values: np.ndarray, step_s: float = 300.0) -> list[int]:
    found = AnomalyDetector().score_many(values, times(values.size, step_s))
    return np.flatnonzero(found.is_onset).tolist()


def daily(days: int, rng: np.random.Generator) -> np.ndarray:
    hours = np.arange(days * 288) / 288
    return 50 + 20 * np.sin(2 * np.pi * hours) + rng.normal(size=hours.size)


def same(first: ScoredMany, second: ScoredMany) -> bool:
    return all(
        np.array_equal(getattr(first, name), getattr(second, name), equal_nan=name == "expected")
        for name in ("score", "likelihood", "is_onset", "expected")
    )


def test_a_spike_is_an_onset_at_its_first_point() -> None:
    values = np.random.default_rng(1).normal(size=3_000)
    values[2_500:2_504] += 30
    assert 2_500 in onsets(values)
    assert not set(onsets(values)) & set(range(2_501, 2_504))


def test_a_level_shift_is_said_at_its_beginning_and_then_it_is_the_usual() -> None:
    values = np.random.default_rng(2).normal(size=8_000)
    values[2_000:] += 12
    found = onsets(values)
    assert 2_000 in found
    assert len([place for place in found if 2_200 < place < 5_000]) <= 2


def test_noise_is_seldom_called_an_anomaly() -> None:
    values = np.random.default_rng(3).normal(size=20_000)
    assert len([place for place in onsets(values) if place > 2_000]) < 25


def test_a_flat_line_is_silent_until_it_changes() -> None:
    values = np.full(3_000, 7.3)
    values[2_000:] = 7.4
    assert onsets(values)[0] == 2_000


def test_a_perfect_daily_wave_is_silent_once_it_is_known() -> None:
    wave = np.tile(np.repeat([20.0, 80.0], 144), 14)
    assert not [place for place in onsets(wave) if place > 6 * 288]


def test_a_day_without_its_usual_peak_is_noticed() -> None:
    values = daily(14, np.random.default_rng(4))
    values[10 * 288 + 30 : 10 * 288 + 110] = 50 + np.random.default_rng(5).normal(size=80)
    assert any(10 * 288 + 25 <= place <= 10 * 288 + 110 for place in onsets(values))


def test_the_score_reaches_the_threshold_exactly_at_onsets() -> None:
    rng = np.random.default_rng(6)
    values = rng.standard_t(2, size=5_000)
    found = AnomalyDetector().score_many(values, times(values.size))
    assert found.is_onset.any()
    assert np.array_equal(found.score >= AnomalyDetector.threshold, found.is_onset)


def test_a_unit_and_an_offset_do_not_matter() -> None:
    values = np.random.default_rng(7).standard_t(3, size=3_000)
    assert onsets(values) == onsets(values * 2.0**20)


def test_what_is_not_finite_is_counted_and_changes_nothing_else() -> None:
    rng = np.random.default_rng(8)
    values = rng.normal(size=1_000)
    at_s = times(1_000)
    holes = np.insert(values, [100, 500, 900], [math.nan, math.inf, -math.inf])
    detector, clean = AnomalyDetector(), AnomalyDetector()
    found = detector.score_many(holes, np.insert(at_s, [100, 500, 900], 0.0))
    expected = clean.score_many(values, at_s)
    assert detector.ignored == 3
    assert np.array_equal(found.score[np.isfinite(holes)], expected.score)
    assert not found.score[~np.isfinite(holes)].any()


@settings(max_examples=25, deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=260), st.integers(0, 260), st.integers(0, 2**32 - 1))
def test_in_batches_one_by_one_or_restored_half_way_the_answers_are_the_same(values, cut, seed) -> None:
    rng = np.random.default_rng(seed)
    row = np.resize(np.array(values), 600)
    at_s = np.cumsum(rng.choice([60.0, 300.0, 7_000.0, -90_000.0, 200_000.0], 600, p=[0.4, 0.4, 0.16, 0.02, 0.02]))
    whole, single, first, second = (AnomalyDetector() for _ in range(4))
    expected = whole.score_many(row, at_s)
    one = [single.score_one(value, time) for value, time in zip(row.tolist(), at_s.tolist(), strict=True)]
    assert [scored.score for scored in one] == expected.score.tolist()
    assert [scored.is_onset for scored in one] == expected.is_onset.tolist()
    assert [scored.likelihood for scored in one] == expected.likelihood.tolist()
    assert [math.nan if s.expected is None else s.expected for s in one] == pytest.approx(
        expected.expected, nan_ok=True
    )
    first.score_many(row[:cut], at_s[:cut])
    second.restore(first.state())
    rest = second.score_many(row[cut:], at_s[cut:])
    assert rest.score.tolist() == expected.score[cut:].tolist()
    assert second.state() == whole.state() == single.state()
    assert np.isfinite(expected.score).all()
    assert ((expected.score >= 0) & (expected.score <= 1)).all()
    assert ((expected.likelihood >= 0) & (expected.likelihood <= 1)).all()


def test_asked_for_onsets_alone_it_says_the_same_ones() -> None:
    values = np.random.default_rng(12).standard_t(2, size=2_000).tolist()
    one, onset = AnomalyDetector(), AnomalyDetector()
    scored = [one.score_one(value, 60.0 * place) for place, value in enumerate(values)]
    said = [onset.onset_one(value, 60.0 * place) for place, value in enumerate(values)]
    assert said == [each if each.is_onset else None for each in scored]
    assert any(said)
    assert one.state() == onset.state()


def test_the_past_never_depends_on_the_future() -> None:
    rng = np.random.default_rng(9)
    values = rng.standard_t(2, size=2_000)
    changed = np.concatenate([values[:1_500], rng.normal(size=500) * 1e6])
    first, second = (AnomalyDetector().score_many(row, times(2_000)) for row in (values, changed))
    assert np.array_equal(first.score[:1_500], second.score[:1_500])


def test_the_largest_numbers_overflow_nowhere() -> None:
    rng = np.random.default_rng(10)
    values = rng.choice([1e300, -1e300, sys.float_info.max, 1.0], 2_000)
    with np.errstate(over="raise", invalid="raise"):
        found = AnomalyDetector().score_many(values, times(2_000))
    assert np.isfinite(found.expected[1:]).all()


def test_a_value_after_nothing_but_zeros_overflows_nowhere() -> None:
    values = np.zeros(2_000)
    values[[1_500, 1_900]] = 1e-9, 1e300
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        found = AnomalyDetector().score_many(values, times(2_000))
    assert np.flatnonzero(found.is_onset).tolist()[0] == 1_500


def test_the_state_stays_of_one_size() -> None:
    detector = AnomalyDetector()
    rng = np.random.default_rng(11)
    sizes = []
    for part in range(4):
        detector.score_many(rng.normal(size=20_000), times(20_000, 60.0) + part * 1_200_000)
        sizes.append(len(detector.state()))
    assert max(sizes) < 1.1 * sizes[0]
    assert max(sizes) < 32_000


def test_a_state_of_another_version_is_refused() -> None:
    with pytest.raises(InvalidInput, match="version"):
        AnomalyDetector().restore(b"[1, 0]")


def test_lists_of_two_lengths_are_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        AnomalyDetector().score_many(np.zeros(3), np.zeros(4))
    assert refused.value.field == "at_s"


def test_no_values_give_no_scores() -> None:
    assert AnomalyDetector().score_many(np.empty(0), np.empty(0)).score.size == 0


@pytest.mark.skipif(not STREAMS.exists(), reason="The labelled streams are not beside this checkout (../shared/data).")
def test_on_labelled_streams_it_finds_more_than_it_invents() -> None:
    sys.path.insert(0, str(ROOT / "bench"))
    try:
        import anomaly as bench
    finally:
        sys.path.pop(0)
    streams = [s for s in bench.read_streams(STREAMS) if "Twitter" not in s.name]
    scores = [bench.grace(stream) for stream in streams]
    assert bench.normalised(streams, bench.raw_score(streams, scores, AnomalyDetector.threshold)) > 50
