"""Forecasts, warnings, trainings and the learning dashboard over HTTP."""

from datetime import timedelta

import numpy as np
import pytest

from grace_ray.core.clock import to_us, utc_now
from grace_ray.core.sample import Point, Snapshot
from grace_ray.core.store import Commit
from tests.serve_apps.conftest import House

LATENCY = "api.latency_p95"


@pytest.fixture
def measured(house: House) -> House:
    """A house where latency was measured for a day, and forecast."""
    step_us = 300 * 1_000_000
    end_us = to_us(utc_now() - timedelta(seconds=20)) // step_us * step_us
    values = np.random.default_rng(1).normal(120, 10, 288).tolist()
    starts = [end_us - (288 - number) * step_us for number in range(288)]
    snapshots = [
        Snapshot(
            series=LATENCY, step_s=300, start_us=at, count=5, min=v, max=v, mean=v, p50=v, p95=v, p99=v, band="good"
        )
        for at, v in zip(starts, values, strict=True)
    ]
    house.loop.write(Commit(follower="m", points=[Point(LATENCY, end_us, 120.0)], snapshots=snapshots))
    house.loop.tick()
    return house


def test_a_prediction_has_what_the_contract_names(measured):
    answer = measured.http.post("/api/ml/forecaster/predict", json={"metric_ids": [LATENCY], "horizon_minutes": 30})
    assert answer.status_code == 200, answer.text
    made = answer.json()["predictions"][LATENCY]
    assert made["model"]
    assert made["generated_at"]
    assert len(made["points"]) == 6
    assert set(made["points"][0]) == {"timestamp", "value", "lower_80", "upper_80", "lower_95", "upper_95"}
    assert set(made["breach_probabilities"])
    assert made["feature_importance"]


def test_without_names_every_metric_of_the_catalog_is_predicted(measured):
    made = measured.http.post("/api/ml/forecaster/predict", json={}).json()["predictions"]
    assert len(made) >= 14
    assert made[LATENCY]["points"]
    assert "No data" in made["api.error_rate"]["note"]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"metric_ids": ["api.latency_p59"]}, 404, "metric"),
        ({"horizon_minutes": 0}, 422, "horizon_minutes"),
        ({"horizon_minutes": 99_000}, 422, "horizon_minutes"),
        ({"horizon_minutes": "soon"}, 422, "horizon_minutes"),
        ({"metrics": []}, 422, "metrics"),
    ],
)
def test_bad_questions_are_told_what_is_wrong(measured, body, status, field):
    answer = measured.http.post("/api/ml/forecaster/predict", json=body)
    assert answer.status_code == status
    assert answer.json()["field"] == field


def test_a_forecast_of_the_whole_catalog_needs_no_body(measured):
    answer = measured.http.post("/api/ml/forecaster/predict")
    assert answer.status_code == 200
    assert LATENCY in answer.json()["predictions"]


def test_an_unknown_metric_is_told_the_nearest_names(measured):
    detail = measured.http.get("/api/forecasts/api.latency_p59").json()["detail"]
    assert "api.latency_p95" in detail
    unlike = measured.http.post("/api/ml/forecaster/predict", json={"metric_ids": ['zzz{a="b"}']}).json()
    assert "Did you mean " in unlike["detail"], "even where it is like none of them"
    assert len(measured.http.get("/api/forecasts/" + 1000 * "z").json()["detail"]) < 500


def test_a_forecast_is_shown_beside_what_happened(measured):
    shown = measured.http.get(f"/api/forecasts/{LATENCY}", params={"hours": 2}).json()
    assert shown["forecast"]["metric_id"] == LATENCY
    assert 20 <= len(shown["snapshots"]) <= 24
    assert shown["metric"]["critical"] > shown["metric"]["warning"]
    assert [f["metric_id"] for f in measured.http.get("/api/forecasts").json()["items"]] == [LATENCY]


def test_a_training_is_followed_and_another_one_is_refused_meanwhile(house):
    answer = house.http.post("/api/ml/forecaster/train", json={"by": "ada"})
    assert answer.status_code == 202
    followed = house.http.get(answer.headers["Location"]).json()
    assert followed["status"] == "pending"
    assert followed["by"] == "ada"
    assert house.http.post("/api/ml/dashboard/trigger-training").status_code == 409
    assert house.http.get("/api/ml/dashboard/training-history").json()["trainings"][0] == followed


def test_with_a_day_of_data_the_schedule_asks_for_a_training(measured):
    (run,) = measured.http.get("/api/ml/forecaster/trainings").json()["items"]
    assert run["by"] == "schedule"


def test_the_dashboards_answer_on_a_fresh_start_and_with_data(house, measured):
    for name in ("overview", "learning-progress", "forecast-accuracy", "training-history", "health-report"):
        answer = house.http.get(f"/api/ml/dashboard/{name}")
        assert answer.status_code == 200, answer.text
    health = house.http.get("/api/ml/dashboard/health-report").json()
    assert 0 <= health["score"] <= 100
    assert {part["name"] for part in health["parts"]} >= {"data"}
    statistics = house.http.get("/api/ml/forecaster/statistics").json()
    assert statistics["forecasts_made"] == 1
    assert statistics["champion"] == "shipped"


def test_warnings_that_do_not_exist_are_not_found(measured):
    assert measured.http.get("/api/incidents").json() == {"items": [], "next": None}
    assert measured.http.get("/api/incidents/none").status_code == 404
    assert measured.http.get("/api/incidents", params={"status": "bad"}).status_code == 422
