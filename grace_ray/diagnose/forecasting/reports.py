"""What the forecaster's records say to people: accuracy, warnings, trainings, and the ML health score."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from grace_ray.core.clock import to_us
from grace_ray.core.metric import CRITICAL_METRICS
from grace_ray.core.store import EntryFilter, Reader
from grace_ray.diagnose.forecasting.accuracy import figures, pooled
from grace_ray.diagnose.forecasting.champion import SOURCE
from grace_ray.diagnose.forecasting.making import as_point
from grace_ray.diagnose.forecasting.views import BOOKS, CHANGES, FORECASTS, INCIDENTS, OWN, TRAILS, TRAINING_RUNS

_HEALTHY, _DEGRADED = 80.0, 50.0
_FRESH_S = 900
_WARNINGS_SHOWN = 40
_ENOUGH = 20  # outcomes before an accuracy says anything


def statistics(reader: Reader) -> dict[str, Any]:
    """Return what GET /api/ml/forecaster/statistics answers."""
    own = _own(reader)
    throne = own.get("throne", {"version": "", "change": None})
    books = _books(reader)
    return {
        "champion": throne["version"] or "shipped",
        "change_under_trial": throne["change"],
        "metrics_watched": len(books),
        "forecasts_made": own.get("counts", {}).get("forecasts", 0),
        "models": _models(reader),
        "accuracy": _overall(books),
        "warnings": warnings(reader),
        "trainings": reader.count(TRAINING_RUNS),
    }


def accuracy(reader: Reader) -> dict[str, Any]:
    """Return accuracy overall, by horizon, and by metric with its horizons, against what happened."""
    books = _books(reader)
    horizons = sorted({step for book in books.values() for step in book})
    all_books = list(books.values())
    return {
        "overall": _overall(books),
        "by_horizon": [{"step": step, **pooled(all_books, [step])} for step in horizons],
        "by_metric": [
            {
                "metric": key,
                **figures(book, sorted(book)),
                "by_horizon": [{"step": step, **figures(book, [step])} for step in sorted(book)],
            }
            for key, book in sorted(books.items())
        ],
        "nominal": {"coverage_80": 0.8, "coverage_95": 0.95},
    }


def warnings(reader: Reader) -> dict[str, Any]:
    """Return how many warnings there were and how they ended; rates are None before any has."""
    counts = reader.count(INCIDENTS)
    ended = sum(count for status, count in counts.items() if status != "open")
    averted = counts.get("prevented", 0)
    right = counts.get("breached", 0) + averted
    return {
        "open": counts.get("open", 0),
        "breached": counts.get("breached", 0),
        "prevented": averted,
        "false_alarm": counts.get("false_alarm", 0),
        "precision": _share(right, ended),
        "prevention_success_rate": _share(averted, right),
    }


def one(reader: Reader, series: str, since_us: int) -> dict[str, Any]:
    """Return one series' {forecast, earlier, warnings}.

    ``earlier`` are the last points of the forecasts made since: what was said a horizon before each time. Warnings
    stand newest first.
    """
    record, trail = reader.record(FORECASTS, series), reader.record(TRAILS, series)
    rows = json.loads(trail.body or b"[]") if trail else []
    where = EntryFilter(kinds=frozenset({"finding"}), source=SOURCE, subject=series)
    warnings: dict[str, Any] = {}
    for entry in reader.latest(_WARNINGS_SHOWN, where):
        content = entry.content()
        if "warning_id" in content:
            warnings.setdefault(content["warning_id"], content)
    return {
        "forecast": _body(record) if record else None,
        "earlier": [as_point(row) for row in rows if row[0] >= since_us],
        "warnings": list(warnings.values()),
    }


def trainings(reader: Reader, limit: int) -> dict[str, Any]:
    """Return the newest trainings and the changes that came of them."""
    return {
        "trainings": [_body(record) for record in reader.records(TRAINING_RUNS, limit=limit).items],
        "changes": [_body(record) for record in reader.records(CHANGES, limit=limit).items],
    }


def health(reader: Reader, now: datetime, rewards: Mapping[str, Any]) -> dict[str, Any]:
    """Return {score 0..100, status, parts: [{name, score, weight, why}]}; what has no evidence yet does not count.

    ``rewards``: {count, mean} of the playbooks' rewards, each in [-1, 1].
    """
    books = _books(reader)
    overall = _overall(books)
    parts = [_data_part(reader, now)]
    if overall["count"] >= _ENOUGH and (mase := overall["mase"]) is not None:
        said = f"The median metric's mean error is {mase:.2f} of its typical step (MASE)."
        parts.append(_part("accuracy", 100 * min(1.0, 2.0 / (1.0 + max(mase, 1e-9))), 0.3, said))
    if overall["count"] >= _ENOUGH and (covered := overall["coverage_80"]) is not None:
        said = f"{covered:.0%} of values lay within the 80% bands."
        parts.append(_part("calibration", 100 * max(0.0, 1 - abs(covered - 0.8) / 0.3), 0.2, said))
    told = warnings(reader)
    if told["precision"] is not None:
        parts.append(
            _part("warnings", 100 * told["precision"], 0.15, f"{told['precision']:.0%} of warnings were right.")
        )
    if rewards.get("count"):
        said = f"{rewards['count']} playbook runs earned {rewards['mean']:+.2f} on average."
        parts.append(_part("playbooks", 50 * (1 + rewards["mean"]), 0.2, said))
    ended = {status: n for status, n in reader.count(TRAINING_RUNS).items() if status in {"completed", "failed"}}
    if ended:
        done = ended.get("completed", 0) / sum(ended.values())
        parts.append(_part("training", 100 * done, 0.1, f"{done:.0%} of trainings completed."))
    score = round(sum(p["score"] * p["weight"] for p in parts) / sum(p["weight"] for p in parts), 1)
    status = "healthy" if score >= _HEALTHY else "degraded" if score >= _DEGRADED else "critical"
    return {"score": score, "status": status, "parts": parts}


def _data_part(reader: Reader, now: datetime) -> dict[str, Any]:
    fresh_us = to_us(now) - _FRESH_S * 1_000_000
    fresh = [m for m in CRITICAL_METRICS if any(reader.points(s.key, fresh_us, 2**62, 1) for s in reader.series(m))]
    said = f"{len(fresh)} of the {len(CRITICAL_METRICS)} critical metrics have data of the last quarter of an hour."
    return _part("data", 100 * len(fresh) / len(CRITICAL_METRICS), 0.25, said)


def _overall(books: Mapping[str, Mapping[int, Mapping[str, float]]]) -> dict[str, Any]:
    return pooled(list(books.values()), sorted({step for book in books.values() for step in book}))


def _books(reader: Reader) -> dict[str, dict[int, dict[str, float]]]:
    found = {}
    for record in reader.scan(BOOKS):
        by_horizon = json.loads(record.body or b"{}")["book"]["by_horizon"]
        found[record.key] = {int(step): figures for step, figures in by_horizon.items()}
    return found


def _models(reader: Reader) -> dict[str, float]:
    """Return the mean weight of each model over the metrics' present forecasts."""
    total: dict[str, float] = {}
    forecasts = [json.loads(record.body or b"{}") for record in reader.scan(FORECASTS)]
    for forecast in forecasts:
        for name, weight in forecast["weights"].items():
            total[name] = total.get(name, 0.0) + weight / len(forecasts)
    return {name: round(weight, 4) for name, weight in sorted(total.items(), key=lambda item: -item[1])}


def _own(reader: Reader) -> dict[str, Any]:
    record = reader.record(OWN, OWN)
    return _body(record) if record else {}


def _body(record: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(record.body or b"{}")
    return body


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _part(name: str, score: float, weight: float, why: str) -> dict[str, Any]:
    return {"name": name, "score": round(score, 1), "weight": weight, "why": why}
